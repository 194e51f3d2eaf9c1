"""Judges: which generated images are kept."""
