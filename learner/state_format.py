"""A learner's state to and from the bytes of a checkpoint: ``tensors.safetensors`` and ``state.json``."""

import json
from dataclasses import asdict
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from learner.autoencoder import Autoencoder
from learner.drift import DriftDetector
from learner.knowledge import Knowledge
from learner.mixture import TiedMixture
from learner.projection import Projection
from learner.resends import ResendWindows
from learner.settings import LearnerSettings
from learner.state import LearnerState, PendingUpdate
from learner.uncertainty import Uncertainty
from learner.window import TrainingWindow
from stream import wire_format

_TENSORS = "tensors.safetensors"
_STATE = "state.json"
_UNCERTAINTY = ("modes_KD", "mean_K", "deviation_K", "threshold_K", "recent_K")


def state_to_bytes(state: LearnerState) -> dict[str, bytes]:
    """Return the checkpoint's files by name; the same state gives the same bytes."""
    pending = state.pending
    body = {
        "settings": state.settings.model_dump(mode="json"),
        "next_cluster_id": state.knowledge.mixture.next_id,
        "detectors": {"page_hinkley": state.detector.to_state()},
        "window_runs": state.window.runs(),
        "pending": None if pending is None else asdict(pending),
        "resends": state.resends.to_state(),
        "positions": {str(partition): offset for partition, offset in sorted(state.positions.items())},
        "task_seq": state.task_seq,
        "updates": state.updates,
        "updated_at_task": state.updated_at_task,
        "images_backpropagated": state.images_backpropagated,
        "names": {str(cluster): name for cluster, name in sorted(state.names.items())},
    }
    return {_TENSORS: save(_tensors(state.knowledge)), _STATE: wire_format.to_bytes("learner-state", "1.0", body)}


def state_from_bytes(files: dict[str, bytes]) -> tuple[LearnerState, list[list[int]]]:
    """Return the state and its window's runs; the window itself is empty until its frames are read from the log."""
    body = wire_format.from_bytes("learner-state", "1.0", files[_STATE])
    settings = _settings(body["settings"])
    detector = DriftDetector(settings)
    detector.restore(body["detectors"]["page_hinkley"])
    state = LearnerState(
        settings=settings,
        knowledge=_knowledge(settings, load(files[_TENSORS]), body),
        detector=detector,
        window=TrainingWindow(settings.window_frames),
        pending=None if body["pending"] is None else _pending(body["pending"]),
        resends=ResendWindows.from_state(body["resends"]),
        positions={int(partition): offset for partition, offset in body["positions"].items()},
        task_seq=body["task_seq"],
        updates=body["updates"],
        updated_at_task=body["updated_at_task"],
        images_backpropagated=body["images_backpropagated"],
        names={int(cluster): name for cluster, name in body["names"].items()},
    )
    return state, body["window_runs"]


def _settings(values: wire_format.Document) -> LearnerSettings:
    """Read the settings that this release knows; a later one may have written more."""
    known = {name: value for name, value in values.items() if name in LearnerSettings.model_fields}
    return LearnerSettings.model_validate_json(json.dumps(known))


def _pending(values: wire_format.Document) -> PendingUpdate:
    return PendingUpdate(values["wanted_frames"], values["newer_frames"], values["due_at_ms"])


def _tensors(knowledge: Knowledge) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value for name, value in knowledge.network.state_dict().items()}
    if knowledge.projection is not None:
        tensors["projection.mean_L"] = knowledge.projection.mean_L
        tensors["projection.components_DL"] = knowledge.projection.components_DL
    mixture = knowledge.mixture
    tensors |= {"mixture.means_KD": mixture.means_KD, "mixture.ids_K": mixture.ids_K}
    tensors |= {"mixture.covariance_DD": mixture.covariance_DD}
    tensors |= {f"uncertainty.{name}": getattr(knowledge.uncertainty, name) for name in _UNCERTAINTY}
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def _knowledge(settings: LearnerSettings, tensors: dict[str, Tensor], body: dict[str, Any]) -> Knowledge:
    network = Autoencoder(settings.encoder_channels, settings.input_size)
    weights = {name: value for name, value in tensors.items() if name.startswith("network.")}
    network.load_state_dict({name.removeprefix("network."): value for name, value in weights.items()})
    mixture = TiedMixture(
        tensors["mixture.means_KD"], tensors["mixture.ids_K"], tensors["mixture.covariance_DD"], body["next_cluster_id"]
    )
    projection = (
        Projection(tensors["projection.mean_L"], tensors["projection.components_DL"])
        if "projection.mean_L" in tensors
        else None
    )
    uncertainty = Uncertainty(*(tensors[f"uncertainty.{name}"] for name in _UNCERTAINTY))
    return Knowledge(network.eval(), projection, mixture, uncertainty)
