"""Bare opponents: the same arithmetic and nothing else, at most 40 lines each."""
