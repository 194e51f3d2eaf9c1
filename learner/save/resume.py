"""Stand where the last checkpoint stood: state, window, and the proof that the log is still the same one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from learner.intake.admission import prepare
from learner.intake.window import Place, covering_ranges
from learner.methods import structure_of
from learner.model.preprocessing import Preprocessing
from learner.save.checkpoint import load_checkpoint, origin_of, settings_of
from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.frame import Frame
from stream.image_codec import decode_image
from stream.log import FrameLog, Record
from stream.messages.task_plan import OffsetRange
from stream.process.errors import InvalidSetting, PositionLost

_ADMITTED = 2**31  # the window's frames passed the caps of their time
_PIECE = 1024  # offsets


def resume(
    checkpoint: Path, settings: LearnerSettings, frames: FrameLog, origin: Mapping[str, str], topic: str
) -> LearnerState:
    """Load a checkpoint, check that it fits, and read its window's frames from the log again; moves ``frames``.

    Parameters
    ----------
    topic
        The name of the frames' topic.

    Raises
    ------
    CheckpointCorrupt
        See `load_checkpoint`.
    InvalidSetting
        A setting that shapes what was learned differs from the checkpoint's.
    PositionLost
        The checkpoint belongs to another cluster or topic, or the log has lost frames that are still needed: those that
        were not planned yet or not trained on, and while the model is young those that it may look at again.
    """
    old, new = structure_of(settings_of(checkpoint)), structure_of(settings)
    _check_origin(checkpoint, origin)
    for name, value in old.items():
        if new.get(name) != value:
            message = (
                f"learner.{name} is {new.get(name)}, but the model was started with {value}; "
                "set it back or name a new model"
            )
            raise InvalidSetting(message)
    state = load_checkpoint(checkpoint, settings)
    frames.seek(state.progress.positions.frames)
    window = state.window if state.model.traits.looks_back else state.window.without_trained()
    records = _window_records(checkpoint, window.all_places(), frames)
    preprocessing = state.model.encoder.preprocessing
    images = {place: _image(record, topic, preprocessing) for place, record in records.items()}
    return replace(state, window=window.filled(images, settings.window_frames))


def _image(record: Record, topic: str, preprocessing: Preprocessing) -> Tensor:
    frame = Frame.from_record(record.value, record.headers, topic, (record.partition, record.offset))
    return prepare(decode_image(frame.image, _ADMITTED, _ADMITTED), preprocessing)


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


def _check_origin(checkpoint: Path, origin: Mapping[str, str]) -> None:
    known = origin_of(checkpoint)
    for name, value in origin.items():
        if known.get(name, value) != value:
            message = (
                f"the checkpoint {checkpoint.name} belongs to {name} {known[name]}, but Kafka has {value}: "
                "it was made anew; give the old one back, or name a new model"
            )
            raise PositionLost(message)
