"""Encoders: from images to latents."""
