"""``r2r feed``: a source is read, encoded and sent to ``frames``."""
