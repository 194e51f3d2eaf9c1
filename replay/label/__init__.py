"""Labellers: what an image shows, in words."""
