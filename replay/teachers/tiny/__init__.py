"""The architectures of the small teachers."""
