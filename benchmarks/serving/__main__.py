"""``python -m benchmarks.serving``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.serving.run import main

sys.exit(main())
