"""Stand where the last checkpoint stood: state, window, and the proof that the log is still the same one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from learner.change.detectors import new_detector
from learner.intake.admission import prepare
from learner.intake.window import Place, TrainingWindow, covering_ranges, places_of
from learner.save.checkpoint import load_checkpoint, origin_of
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Surroundings
from stream.frame import Frame
from stream.image_codec import decode_image
from stream.log import FrameLog, Record
from stream.messages.control import OffsetRange
from stream.process.errors import InvalidSetting, PositionLost

_ADMITTED = 2**31  # the window's frames passed the caps of their time
_PIECE = 1024  # offsets
_STRUCTURE = ("input_size", "aspect", "encoder_channels", "projection_dimensions", "max_clusters")


def resume(
    checkpoint: Path, settings: LearnerSettings, frames: FrameLog, origin: Mapping[str, str], around: Surroundings
) -> LearnerState:
    """Load a checkpoint, check that it fits, and read its window's frames from the log again; moves ``frames``.

    Raises
    ------
    CheckpointCorrupt
        See `load_checkpoint`.
    InvalidSetting
        A setting that shapes the network differs from the checkpoint's.
    PositionLost
        The checkpoint belongs to another cluster or topic, or the log has lost frames that are still needed: those that
        were not planned yet or not trained on, and while the model is young those that it may look at again.
    """
    state, runs = load_checkpoint(checkpoint)
    _check_origin(checkpoint, origin)
    for name in _STRUCTURE:
        old, new = getattr(state.settings, name), getattr(settings, name)
        if old != new:
            message = f"learner.{name} is {new}, but the model was started with {old}; set it back or name a new model"
            raise InvalidSetting(message)
    untrained = len(state.window)
    _take_settings(state, settings)
    frames.seek(state.positions)
    places = places_of(runs)
    if not state.knowledge.looks_back(settings):
        places = places[len(places) - untrained :]  # an earlier release kept the others too
    records = _window_records(checkpoint, places, frames)
    for place in places:
        record = records[place]
        frame = Frame.from_record(record.value, record.headers, around.frames_topic, place)
        image_CSS = prepare(decode_image(frame.image, _ADMITTED, _ADMITTED), settings)
        state.window.add([place], torch.unsqueeze(image_CSS, 0))
    state.window.mark_trained(min(untrained, len(state.window)))
    return state


def _window_records(checkpoint: Path, places: Sequence[Place], frames: FrameLog) -> dict[Place, Record]:
    try:
        return _records_at(places, frames)
    except PositionLost as error:
        message = (
            f"the checkpoint {checkpoint.name} cannot be continued: of its window's frames, which the next update "
            f"needs, some have expired from the log and do not come back ({_named(places)}). Name a new model "
            "with --model, which starts from what is left, and raise stream.frames_retention_bytes so far that the log "
            "holds learner.window_frames frames and all that come while no learner runs"
        )
        raise PositionLost(message) from error


def _named(places: Sequence[Place]) -> str:
    return ", ".join(
        f"partition {partition}: offsets {first} to {stop - 1}"
        for partition, (first, stop) in sorted(covering_ranges(places).items())
    )


def _records_at(places: Sequence[Place], frames: FrameLog) -> dict[Place, Record]:
    """Read a piece at a time: under overload most records between the places are not wanted."""
    wanted = set(places)
    found: dict[Place, Record] = {}
    for partition, (first, stop) in covering_ranges(places).items():
        for start in range(first, stop, _PIECE):
            for record in frames.take({partition: OffsetRange(start, min(stop, start + _PIECE))}):
                if (record.partition, record.offset) in wanted:
                    found[Place(record.partition, record.offset)] = record
    return found


def _take_settings(state: LearnerState, settings: LearnerSettings) -> None:
    """Go on under the settings of now, all of them at once, so that another restart ends the same."""
    detector = new_detector(settings)
    if detector.name == state.detector.name:
        detector.restore(state.detector.to_state())
    state.settings, state.detector, state.window = settings, detector, TrainingWindow(settings.window_frames)
    state.exemplars = state.exemplars.at_most(settings.exemplars)


def _check_origin(checkpoint: Path, origin: Mapping[str, str]) -> None:
    known = origin_of(checkpoint)
    for name, value in origin.items():
        if known.get(name, value) != value:
            message = (
                f"the checkpoint {checkpoint.name} belongs to {name} {known[name]}, but Kafka has {value}: "
                "it was made anew; give the old one back, or name a new model"
            )
            raise PositionLost(message)
