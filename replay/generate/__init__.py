"""Generators: images of a cluster, from its exemplars or its name."""
