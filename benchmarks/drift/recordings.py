"""What a learner's drift detector is shown, recorded once for each seed, so that all detectors can be shown the same.

A learner runs live on an in-process log. Afterwards each of its versions scores the frames that came after it: the
excess of a frame is the one that the learner's own detector saw.

============  ==========================================================================================================
``changing``  one to three tasks of two classes, drawn by the seed, then two classes never seen. After the change the
              frames are scored by the version that stood then, though the learner may have gone on.
``calm``      images of all classes, drawn with replacement, each time turned, moved and lit a little differently, so
              that no frame comes twice. After the warm-up the learner goes on through some quiet updates; each of its
              versions is also shown further such frames that nothing is learned from: learning from all 32,000 frames
              of a run would take 60 updates.
============  ==========================================================================================================

Axes: N frames, C = 3, S = input size.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.learning.in_process import Run, log_of, prepare_all, run_stream
from learner.model.contract import score_images
from learner.settings import LearnerSettings
from stream.image_codec import Pixels
from stream.sources.datasets.orders import class_incremental, tasks_of
from stream.sources.datasets.packs import Pack

CLASSES_PER_TASK = 2
MOST_KNOWN_TASKS = 3
TWO_MICRO_TASKS = 128  # frames
_TURN_DEGREES, _MOVE_SHARE, _LIGHT_SHARE = 10.0, 0.06, 0.1
_PIECE = 512  # frames scored at once

Excess = NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """The excess of each frame, and what belongs to it.

    Parameters
    ----------
    excess_N
        In the order of the stream.
    anew
        Places at which a detector begins anew, because an update was there.
    change
        The place of the first frame of a class never seen; None where nothing changes.
    live_signals
        The end of each micro-task with a signal of the learner's own detector, as a place.
    """

    excess_N: Excess
    anew: tuple[int, ...]
    change: int | None
    live_signals: tuple[int, ...]


@dataclass(frozen=True)
class CalmLength:
    """How long a calm run is: frames to warm up, frames to watch, and quiet updates among these."""

    warm_up_frames: int = 1024
    frames: int = 500 * 64
    updates: int = 4


def record_change(pack: Pack, seed: int, settings: LearnerSettings) -> Recording:
    """Let a learner see a few tasks and then one of new classes."""
    random = np.random.default_rng(seed)
    classes = random.permutation(len(pack.names)).tolist()
    known_tasks = int(random.integers(1, min(MOST_KNOWN_TASKS, len(classes) // CLASSES_PER_TASK - 1) + 1))
    tasks = np.asarray(tasks_of(pack.stream_labels, CLASSES_PER_TASK, classes))
    change = int((tasks < known_tasks).sum())
    order = class_incremental(pack.stream_labels, CLASSES_PER_TASK, seed, classes)[: change + TWO_MICRO_TASKS]
    run = run_stream(log_of(pack, order, 1), len(order), settings)
    standing = max((version for version in run.versions if version.frames <= change), key=lambda one: one.frames)
    images = prepare_all(pack.stream_images[np.asarray(order[standing.frames :])], settings)
    live = tuple(frames - standing.frames for frames in run.drift_frames if frames > standing.frames)
    return Recording(score_images(standing.model, images).excess_N.numpy(), (0,), change - standing.frames, live)


def record_calm(pack: Pack, seed: int, settings: LearnerSettings, length: CalmLength) -> Recording:
    """Let a learner warm up on all classes, and watch on while nothing changes."""
    random = np.random.default_rng(seed)
    live_frames = length.warm_up_frames + length.updates * settings.longest_interval_frames
    drawn = varied(pack, live_frames, random)
    fresh = replace(pack, stream_images=drawn, stream_labels=np.zeros(live_frames, np.int64))
    run = run_stream(log_of(fresh, range(live_frames), 1), live_frames, settings)
    pieces: list[Excess] = []
    anew: list[int] = []
    live: list[int] = []
    stretches = list(_stretches(run, length.warm_up_frames, live_frames))
    for place, (model_at, until) in enumerate(stretches):
        begin = sum(map(len, pieces))
        wanted = (length.frames * (place + 1)) // len(stretches) - begin
        own = drawn[model_at:until][:wanted]
        images = np.concatenate([own, varied(pack, wanted - len(own), random)])
        pieces.append(_excess(run, model_at, images, settings))
        anew += range(begin, begin + wanted, settings.longest_interval_frames)
        live += [begin + frames - model_at for frames in run.drift_frames if model_at < frames <= until]
    return Recording(np.concatenate(pieces), tuple(anew), None, tuple(live))


def varied(pack: Pack, count: int, random: np.random.Generator) -> Pixels:
    """Draw ``count`` of the pack's images with replacement, each a little turned, moved and lit: uint8 [N, H, W, 3]."""
    images = np.concatenate([pack.stream_images, pack.test_images])
    side = images.shape[2]
    drawn = np.empty((count, *images.shape[1:]), np.uint8)
    for place, index in enumerate(random.integers(len(images), size=count)):
        turn, right, down, light = random.uniform(-1, 1, size=4)
        moved = (right * _MOVE_SHARE * side, down * _MOVE_SHARE * side)
        turned = Image.fromarray(images[index]).rotate(turn * _TURN_DEGREES, Image.Resampling.BILINEAR, translate=moved)
        drawn[place] = np.clip(np.asarray(turned) * (1 + light * _LIGHT_SHARE), 0, 255).astype(np.uint8)
    return drawn


def _stretches(run: Run, first: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where each version after the warm-up stood."""
    begins = [version.frames for version in run.versions if version.frames < stop]
    usable = [begin for begin in begins if begin >= first] or begins[-1:]
    yield from zip(usable, [*usable[1:], stop], strict=True)


def _excess(run: Run, frames: int, images: Pixels, settings: LearnerSettings) -> Excess:
    model = run.model_at(frames)
    if model is None:
        message = f"the learner had learned nothing after {frames} frames; give it a longer warm-up"
        raise ValueError(message)
    pieces = [images[start : start + _PIECE] for start in range(0, len(images), _PIECE)]
    return torch.cat([score_images(model, prepare_all(piece, settings)).excess_N for piece in pieces]).double().numpy()
