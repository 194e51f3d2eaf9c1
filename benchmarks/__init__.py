"""Measured figures: each module is `python -m benchmarks.<name>`."""
