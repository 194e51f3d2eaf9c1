"""The embedded broker: real Apache Kafka from Python packages."""
