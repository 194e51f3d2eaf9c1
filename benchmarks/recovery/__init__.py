"""Roles that are killed, and damaged images."""
