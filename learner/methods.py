"""The methods of learning, and the one place that chooses between them.

A method is a `Model` with its `Encoder`, and the `DriftDetector` that says when the model must learn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from learner.change.detector import DriftDetector
from learner.change.excess import ExcessDetector
from learner.change.uncertain_rate import UncertainRate
from learner.model.clusters.model import ClusterModel
from learner.model.contract import Model
from learner.model.paper.model import PaperModel
from learner.model.preprocessing import Preprocessing
from learner.part import Saved
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class Method:
    """What a method consists of: how its parts begin, and how they are loaded from a checkpoint.

    Parameters
    ----------
    structure
        Dotted names of the settings that shape what a model has learned: they cannot change while it lives.
    """

    new_model: Callable[[LearnerSettings], Model]
    load_model: Callable[[Saved, LearnerSettings], Model]
    new_detector: Callable[[LearnerSettings], DriftDetector]
    load_detector: Callable[[Saved, LearnerSettings], DriftDetector]
    preprocessing: Callable[[LearnerSettings], Preprocessing]
    structure: tuple[str, ...]


_METHODS: Mapping[str, Method] = {
    "r2r": Method(
        ClusterModel.new,
        ClusterModel.load,
        ExcessDetector.new,
        ExcessDetector.load,
        lambda settings: Preprocessing(settings.autoencoder.input_size, settings.autoencoder.aspect),
        (
            "autoencoder.input_size",
            "autoencoder.aspect",
            "autoencoder.channels",
            "clusters.projection_dimensions",
            "clusters.max_clusters",
        ),
    ),
    "paper": Method(
        PaperModel.new,
        PaperModel.load,
        UncertainRate.new,
        UncertainRate.load,
        lambda settings: Preprocessing(settings.paper.input_size, settings.paper.aspect),
        ("paper.input_size", "paper.aspect", "paper.channels", "paper.max_clusters", "paper.covariance"),
    ),
}


def method_of(settings: LearnerSettings) -> Method:
    """Return the method that the settings name."""
    return _METHODS[settings.method]


def preprocessing_of(settings: LearnerSettings) -> Preprocessing:
    """Return how the encoder of the settings wants its images."""
    return method_of(settings).preprocessing(settings)


def structure_of(settings: LearnerSettings) -> dict[str, Any]:
    """Return the settings that cannot change while the model lives, by dotted name."""
    names = ("method", *method_of(settings).structure)
    return {name: _value(settings, name) for name in names}


def _value(settings: LearnerSettings, name: str) -> Any:
    value: Any = settings
    for key in name.split("."):
        value = getattr(value, key)
    return value
