"""Answers a second, and swaps under load."""
