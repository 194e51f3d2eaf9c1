"""``r2r status``: how a running system is."""
