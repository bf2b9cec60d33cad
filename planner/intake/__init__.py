"""Scenario files: read, inherit, override, and check against the catalog and the tables of a case."""
