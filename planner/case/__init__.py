"""From a scenario and the catalog to a Case: every table the model sees, in model units."""
