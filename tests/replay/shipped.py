"""The teachers of digits that come with the package."""

from pathlib import Path

import replay.teachers

DIGITS = Path(replay.teachers.__file__).with_name("digits")
LABELLER = DIGITS / "labeller"
GENERATOR = DIGITS / "generator"
