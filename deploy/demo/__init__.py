"""``r2r demo``: the whole method on this machine, with its examination and its table."""
