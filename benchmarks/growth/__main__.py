"""``python -m benchmarks.growth``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.growth.run import main

sys.exit(main(sys.argv[1:]))
