"""Reading what users write: YAML with places, paths into it, and messages a person can act on."""
