"""A commented scenario for a country, from the catalog."""
