"""``python -m benchmarks.replay``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.replay.run import main

sys.exit(main())
