"""``python -m benchmarks.drift``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.drift.run import main

sys.exit(main(sys.argv[1:]))
