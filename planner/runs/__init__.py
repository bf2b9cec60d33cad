"""A run is a directory; batches, comparison, export."""
