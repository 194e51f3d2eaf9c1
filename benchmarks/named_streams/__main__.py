"""``python -m benchmarks.named_streams``: worker processes cannot import this module, so all stands in `run`."""

import sys

from benchmarks.named_streams.run import main

sys.exit(main(sys.argv[1:]))
