"""Processes, brokers and folders of a benchmark's own."""
