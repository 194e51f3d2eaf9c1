"""The ``r2r`` command and the tools that ask a running system."""
