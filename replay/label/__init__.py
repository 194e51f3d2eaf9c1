"""Labellers: words for images, by a vision-language model."""
