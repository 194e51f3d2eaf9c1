"""``r2r evaluate``: how good each version is, measured with labels."""
