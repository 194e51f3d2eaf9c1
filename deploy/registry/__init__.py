"""Versions on disk or in a bucket: a Triton model repository with manifests beside it."""
