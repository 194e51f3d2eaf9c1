"""``python -m benchmarks.report``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.report.run import main

sys.exit(main())
