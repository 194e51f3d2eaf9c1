"""How good the shipped teachers are on unseen digits, and what the worker's generator costs over the bare call."""

import statistics
import time
from pathlib import Path

from benchmarks.bare import text_to_image as bare
from replay.generate.text_to_image import PipelineOptions, open_text_to_image
from replay.subject import Subject
from replay.teachers.examination import examine
from replay.weights import DIGITS, shipped
from stream.sources.datasets.teacher_part import teacher_part, unseen_part

_REPEATS = 7
_IMAGES = 32


def teacher_figures() -> dict[str, object]:
    """Return the teachers' figures under the names of `benchmarks.replay`."""
    folder = Path(shipped("labeller", DIGITS)).parent
    found = examine(folder, teacher_part(DIGITS, None), unseen_part(DIGITS, None), "cpu")
    return {
        "labeller_acc": found.labelled,
        "recognised": found.recognised,
        "train_on_generated": found.learned_from,
        "neighbour_distance_ratio": found.novelty,
        **_generator_figures(shipped("pipeline", DIGITS)),
    }


def _generator_figures(folder: str) -> dict[str, object]:
    """Return images a second over those of the bare call: the median of interleaved repeats, same batch and steps."""
    options = PipelineOptions(batch_images=_IMAGES)
    ours, theirs = open_text_to_image(folder, options, "cpu"), bare.load(folder)
    prompts = [options.templates[0].format("3")] * _IMAGES
    ratios, rates = [], []
    for repeat in range(-1, _REPEATS):  # the first one warms up
        rate = bare.images_per_second(theirs, prompts, options.steps, options.guidance)
        started = time.perf_counter()
        ours.generate(Subject("3", []), range(_IMAGES))
        own_rate = _IMAGES / (time.perf_counter() - started)
        if repeat >= 0:
            ratios.append(own_rate / rate)
            rates.append(rate)
    return {"generator_ratio": statistics.median(ratios), "bare_images_per_second": statistics.median(rates)}
