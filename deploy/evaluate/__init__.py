"""``r2r evaluate``: how good each version is, as labels tell."""
