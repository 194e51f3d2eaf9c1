"""The published method small enough for a test: the same parts, fewer channels and epochs."""

from learner.settings import LearnerSettings
from tests.learner.small import SETTINGS as SMALL

SETTINGS = LearnerSettings(
    **SMALL.model_dump()
    | {"method": "paper", "paper_channels": (8, 8, 8), "paper_epochs": 2, "paper_uncertain_rate": 0.3}
)
