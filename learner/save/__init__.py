"""Checkpoints: the state to and from disk, and the way back after a restart."""
