"""What crosses the topics beside frames: one module for each family of messages."""
