"""What a user may write: the schema, and text to a scenario with every problem at its place."""
