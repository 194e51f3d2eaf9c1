"""The demo's examination and its table."""
