"""``python -m benchmarks.recovery``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.recovery.run import main

sys.exit(main())
