"""A learner's state to and from the bytes of a checkpoint: ``tensors.safetensors`` and ``state.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import torch
from safetensors.torch import load, save
from torch import Tensor

from learner.change.detectors import new_detector
from learner.intake.resends import ResendWindows
from learner.intake.seen_ids import SeenIds
from learner.intake.window import TrainingWindow
from learner.memory.exemplars import Exemplars
from learner.memory.frame_labels import FrameLabels
from learner.memory.last_seen import LastSeen
from learner.memory.names import Names
from learner.memory.replay_format import replay_from_state, replay_to_state, replay_to_tensors
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection
from learner.model.clusters.uncertainty import Uncertainty
from learner.model.encoders.autoencoder import Autoencoder
from learner.model.learned import Learned
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.knowledge_format import paper_knowledge, paper_tensors
from learner.settings import LearnerSettings
from learner.state import LearnerState, PendingUpdate
from stream.messages import wire_format

V = TypeVar("V")
_OLD_COUNT = 45.0  # frames behind a mean of version 1.0, which did not count them: half a window of that time
_TENSORS = "tensors.safetensors"
_STATE = "state.json"
_UNCERTAINTY = ("modes_KD", "mean_K", "deviation_K", "threshold_K", "recent_K")


def state_to_bytes(state: LearnerState) -> dict[str, bytes]:
    """Return the checkpoint's files by name; the same state gives the same bytes."""
    pending = state.pending
    body = {
        "settings": state.settings.model_dump(mode="json"),
        "next_cluster_id": state.knowledge.mixture.next_id,
        "detectors": {state.detector.name: state.detector.to_state()},
        "window_runs": state.window.runs(),
        "pending": None if pending is None else asdict(pending),
        "resends": state.resends.to_state(),
        "positions": _written(state.positions),
        "sample_positions": _written(state.sample_positions),
        "command_positions": _written(state.command_positions),
        "task_seq": state.task_seq,
        "updates": state.updates,
        "updated_at_task": state.updated_at_task,
        "images_backpropagated": state.images_backpropagated,
        "window_untrained": len(state.window),
        "quiet_updates": state.quiet_updates,
        "names": _written(state.names.given),
        "name_votes": _written(state.names.votes),
        "keep_one_in": state.keep_one_in,
        "frames_skipped": state.frames_skipped,
        "obeyed": state.obeyed.to_state(),
        "replay": replay_to_state(state.replay),
        "frames_since_seen": _written(state.last_seen.frames_since),
        "labels": state.labels.to_state(),
    }
    tensors = knowledge_tensors(state.knowledge)
    exemplars = state.exemplars.to_tensors(state.knowledge.mixture.ids_K, state.settings.exemplars)
    tensors |= {f"exemplars.{name}": value for name, value in exemplars.items()}
    tensors |= {f"replay.{name}": value for name, value in replay_to_tensors(state.replay).items()}
    return {_TENSORS: save(tensors), _STATE: wire_format.to_bytes("learner-state", "1.4", body)}


def state_from_bytes(files: dict[str, bytes]) -> tuple[LearnerState, list[list[int]]]:
    """Return the state and its window's runs; the window is empty until its frames are read from the log."""
    body = wire_format.from_bytes("learner-state", "1.4", files[_STATE])
    settings = _settings(body["settings"])
    detector = new_detector(settings)
    detector.restore(body["detectors"].get(detector.name, {}))
    tensors = load(files[_TENSORS])
    knowledge = _knowledge(settings, tensors, body)
    state = LearnerState(
        settings=settings,
        knowledge=knowledge,
        detector=detector,
        window=TrainingWindow(settings.window_frames),
        pending=None if body["pending"] is None else _pending(body["pending"]),
        resends=ResendWindows.from_state(body["resends"]),
        positions=_read(body["positions"]),
        sample_positions=_read(body.get("sample_positions", {})),
        command_positions=_read(body.get("command_positions", {})),
        task_seq=body["task_seq"],
        updates=body["updates"],
        updated_at_task=body["updated_at_task"],
        images_backpropagated=body["images_backpropagated"],
        quiet_updates=body.get("quiet_updates", 0),
        names=Names(_read(body["names"]), _read(body.get("name_votes", {}))),
        keep_one_in=body.get("keep_one_in", 1),
        frames_skipped=body.get("frames_skipped", 0),
        obeyed=SeenIds(body.get("obeyed", ())),
        exemplars=Exemplars.from_tensors(knowledge.mixture.ids_K, _below("exemplars.", tensors)),
        replay=replay_from_state(body.get("replay"), _below("replay.", tensors)),
        last_seen=LastSeen(_read(body.get("frames_since_seen", {}))),
        labels=FrameLabels.from_state(body.get("labels", ())),
    )
    runs = body["window_runs"]
    state.window.mark_trained(body.get("window_untrained", sum(stop - start for _, start, stop in runs)))
    return state, runs


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _written(by_number: Mapping[int, V]) -> dict[str, V]:
    return {str(number): value for number, value in sorted(by_number.items())}


def _read(by_number: Mapping[str, V]) -> dict[int, V]:
    return {int(number): value for number, value in by_number.items()}


def _settings(values: wire_format.Document) -> LearnerSettings:
    """Read the settings that this release knows; a later one may have written more."""
    known = {name: value for name, value in values.items() if name in LearnerSettings.model_fields}
    return LearnerSettings.model_validate_json(json.dumps(known))


def _pending(values: wire_format.Document) -> PendingUpdate:
    return PendingUpdate(
        values["wanted_frames"], values["newer_frames"], values["due_at_ms"], values.get("cause", "change")
    )


def knowledge_tensors(knowledge: Learned) -> dict[str, Tensor]:
    """Return every learned value by name, as a checkpoint holds them."""
    tensors = paper_tensors(knowledge) if isinstance(knowledge, PaperKnowledge) else _own_tensors(knowledge)
    return {name: value.contiguous().clone() for name, value in tensors.items()}


def _own_tensors(knowledge: Knowledge) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value for name, value in knowledge.network.state_dict().items()}
    if knowledge.projection is not None:
        tensors["projection.mean_L"] = knowledge.projection.mean_L
        tensors["projection.components_DL"] = knowledge.projection.components_DL
    mixture = knowledge.mixture
    tensors |= {"mixture.means_KD": mixture.means_KD, "mixture.ids_K": mixture.ids_K}
    tensors |= {"mixture.counts_K": mixture.counts_K, "mixture.covariance_DD": mixture.covariance_DD}
    tensors |= {"mixture.frames": torch.tensor([mixture.frames], dtype=torch.float64)}
    return tensors | {f"uncertainty.{name}": getattr(knowledge.uncertainty, name) for name in _UNCERTAINTY}


def _knowledge(settings: LearnerSettings, tensors: dict[str, Tensor], body: dict[str, Any]) -> Learned:
    if settings.method == "paper":
        return paper_knowledge(settings, tensors, body["next_cluster_id"])
    network = Autoencoder(settings.encoder_channels, settings.input_size)
    network.load_state_dict(_below("network.", tensors))
    ids_K = tensors["mixture.ids_K"]
    mixture = TiedMixture(
        tensors["mixture.means_KD"],
        ids_K,
        tensors.get("mixture.counts_K", _OLD_COUNT * (ids_K >= 0).double()),
        tensors["mixture.covariance_DD"],
        float(tensors.get("mixture.frames", torch.tensor([_OLD_COUNT]))),
        body["next_cluster_id"],
    )
    projection = (
        Projection(tensors["projection.mean_L"], tensors["projection.components_DL"])
        if "projection.mean_L" in tensors
        else None
    )
    uncertainty = Uncertainty(*(tensors[f"uncertainty.{name}"] for name in _UNCERTAINTY))
    return Knowledge(network.eval(), projection, mixture, uncertainty)
