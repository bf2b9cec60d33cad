"""Checks of the catalog itself: figures that are probably wrong, and how far the fits miss."""
