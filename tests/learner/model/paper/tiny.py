"""The published method small enough for a test: the same parts, fewer channels and epochs."""

from learner.settings import PaperSettings
from tests.learner.small import SETTINGS as SMALL

PAPER = PaperSettings(channels=(8, 8, 8), epochs=2, uncertain_rate=0.3)
SETTINGS = SMALL.model_copy(update={"method": "paper", "paper": PAPER})
