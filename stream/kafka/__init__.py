"""Kafka: its client behind types, topics, and what is read and written there."""
