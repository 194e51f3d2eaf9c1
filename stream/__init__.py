"""Frames come in: sources, the wire formats, Kafka, and the broker that comes with the package."""
