"""``r2r up``: all roles of one model on this machine."""
