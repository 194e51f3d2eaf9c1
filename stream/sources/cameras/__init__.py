"""Cameras, videos and streams by URL."""
