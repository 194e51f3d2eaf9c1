"""``python -m benchmarks.learning``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.learning.run import main

sys.exit(main(sys.argv[1:]))
