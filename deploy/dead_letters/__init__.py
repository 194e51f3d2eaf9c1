"""``r2r dlq``: records that could not be read."""
