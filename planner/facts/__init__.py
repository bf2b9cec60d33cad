"""The catalog of sourced facts: read, check, fall back, spans."""
