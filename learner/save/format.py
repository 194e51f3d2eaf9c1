"""A learner's state to and from the bytes of a checkpoint: ``tensors.safetensors`` and ``state.json``.

``state.json`` holds the settings and, by name, the values of each part (`learner.part.Saved`). The tensors of a part
are named ``<part>.<tensor>``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from safetensors.torch import load, save
from torch import Tensor

from learner.change.schedule import UpdateSchedule
from learner.intake.progress import Progress
from learner.intake.resends import ResendWindows
from learner.intake.seen_ids import SeenIds
from learner.intake.window import TrainingWindow
from learner.memory.exemplars import Exemplars
from learner.memory.frame_labels import FrameLabels
from learner.memory.last_seen import LastSeen
from learner.memory.names import Names
from learner.memory.replay_memory import ReplayMemory
from learner.methods import method_of
from learner.part import Part, Saved, prefixed
from learner.save.format_1 import format_2_of
from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.messages import wire_format
from stream.process.errors import InvalidSetting, UnknownFormat

_TENSORS = "tensors.safetensors"
_STATE = "state.json"
_VERSION = "2.0"
_OLD_VERSION = "1.4"
Load = Callable[[Saved, LearnerSettings], Part]

PARTS: Mapping[str, Load] = {
    "model": lambda saved, settings: method_of(settings).load_model(saved, settings),
    "detector": lambda saved, settings: method_of(settings).load_detector(saved, settings),
    "schedule": UpdateSchedule.load,
    "window": TrainingWindow.load,
    "progress": Progress.load,
    "resends": ResendWindows.load,
    "commands": SeenIds.load,
    "names": Names.load,
    "labels": FrameLabels.load,
    "exemplars": Exemplars.load,
    "last_seen": LastSeen.load,
    "replay": ReplayMemory.load,
}
"""How each part of `LearnerState` is loaded, by the name of its field."""


def state_to_bytes(state: LearnerState) -> dict[str, bytes]:
    """Return the checkpoint's files by name; the same state gives the same bytes."""
    parts: dict[str, Part] = {name: getattr(state, name) for name in PARTS}
    saved = {name: part.save() for name, part in parts.items()}
    tensors: dict[str, Tensor] = {}
    for name, one in saved.items():
        tensors |= prefixed(name, one.tensors)
    values = {name: dict(one.values) for name, one in saved.items()}
    body = {"settings": state.settings.model_dump(mode="json"), "parts": values}
    return {_TENSORS: save(tensors), _STATE: wire_format.to_bytes("learner-state", _VERSION, body)}


def state_from_bytes(files: Mapping[str, bytes], settings: LearnerSettings | None = None) -> LearnerState:
    """Return the state; its window has no images until they are read from the log (`TrainingWindow.filled`).

    Parameters
    ----------
    settings
        Of now; by default those of the checkpoint.
    """
    body, tensors = _document(files[_STATE]), load(files[_TENSORS])
    if "parts" not in body:
        body, tensors = format_2_of(body, tensors)
    now = settings or _settings(body["settings"])
    everything = Saved(tensors=tensors)
    parts: dict[str, Any] = {
        name: load_part(Saved(body["parts"][name], everything.below(name)), now) for name, load_part in PARTS.items()
    }
    return replace(LearnerState(now, parts["model"], parts["detector"], parts["schedule"], parts["window"]), **parts)


def settings_from_bytes(files: Mapping[str, bytes]) -> LearnerSettings:
    """Return the settings under which the checkpoint was written."""
    body = _document(files[_STATE])
    return _settings(body["settings"] if "parts" in body else format_2_of(body, {})[0]["settings"])


def _document(data: bytes) -> wire_format.Document:
    try:
        return wire_format.from_bytes("learner-state", _VERSION, data)
    except UnknownFormat as unknown:
        try:
            return wire_format.from_bytes("learner-state", _OLD_VERSION, data)
        except UnknownFormat:
            raise unknown from None


def _settings(values: Mapping[str, Any]) -> LearnerSettings:
    """Read the settings that this release knows; a later one may have written more."""
    try:
        return LearnerSettings.model_validate_json(json.dumps(_known(values, LearnerSettings)))
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        message = (
            f"the checkpoint was written under a value of learner.{place} that this release does not allow; "
            "continue it with the release that wrote it, or name a new model"
        )
        raise InvalidSetting(message) from error


def _known(values: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if name in values:
            nested = hasattr(field.annotation, "model_fields")
            known[name] = _known(values[name], field.annotation) if nested else values[name]
    return known
