"""The README's tables, from stored results."""
