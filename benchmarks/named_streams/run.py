"""What learning adds where a stream leaves its teachers' world: ``python -m benchmarks.named_streams [--quick]``.

For each stream of `leaving_streams` and each seed a learner with a worker's models in its process reads the stream
once. Named accuracy is judged on unseen images under the stream's last condition, without any mapping: what the model
calls an image is right or wrong. Beside it the labeller alone, and a classifier that learned from generated images
alone. The last line on stdout is the JSON object that also goes to ``benchmarks/results``.
"""

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.named_streams.leaving_streams import WORLDS, leaving_stream
from benchmarks.named_streams.named_run import accuracy, named_run
from benchmarks.report.result_file import write_result
from benchmarks.site.seeded_runs import Row, Summary, in_processes, summary
from learner.model.contract import live_ids
from learner.process import fix_threads
from learner.settings import LearnerSettings
from replay.generate.generation import Models
from replay.label.labeller import open_labeller
from replay.models import load_models
from replay.settings import ReplaySettings
from replay.subject import Subject
from replay.weights import DIGITS, shipped
from replay.words.vocabulary import read_vocabulary
from stream.sources.datasets.packs import Pack, load_pack

SEEDS = 3
FRAMES = 2400
_QUICK_FRAMES = 480
_GENERATED = 60  # images of each class that the classifier beside it learns from
TEACHERS = ReplaySettings(labeller=DIGITS, words_file=DIGITS, generator="text_to_image", pipeline=DIGITS, device="cpu")


def measure(world: str, seed: int, frames: int) -> Row:
    """Return the figures of one stream; in a process of its own."""
    fix_threads(1)
    settings = LearnerSettings(seed=seed)
    pack = leaving_stream(load_pack(DIGITS, None), world, frames, seed)
    with closing(load_models(TEACHERS, DIGITS, Path())) as models:
        run = named_run(pack, settings, models)
        beside = synthetic_only(models, pack)
    said = run.names_of(pack.test_images, settings)
    return {
        "named_acc": accuracy(said, pack),
        "unnamed_share": float(np.mean([not name for name in said])),
        "labeller_zero_shot": accuracy(zero_shot(pack), pack),
        "synthetic_only": accuracy(beside, pack),
        "kept_share": float(np.mean([verdict.kept for verdict in run.verdicts])) if run.verdicts else 0.0,
        "live_clusters": float(len(live_ids(run.run.state.model))),
    }


def zero_shot(pack: Pack) -> list[str]:
    """Return what the labeller alone calls the test images; its likeliest word, however unsure it is."""
    words = read_vocabulary(Path(shipped("words_file", DIGITS)))
    labeller = open_labeller(shipped("labeller", DIGITS), words.words, words.prompts, "cpu", least_score=0.0)
    return [label.name for label in labeller.labels(list(pack.test_images))]


def synthetic_only(models: Models, pack: Pack) -> list[str]:
    """Return what a support vector machine on pixels calls them that learned from generated images alone."""
    from sklearn.svm import SVC  # noqa: PLC0415  a second to import

    generated = [
        (name, image) for name in pack.names for image in models.named.generate(Subject(name, []), range(_GENERATED))
    ]
    names, images = zip(*[(name, image) for name, image in generated if image is not None], strict=True)
    classifier = SVC(C=10).fit(np.stack(images).reshape(len(images), -1) / 255.0, list(names))
    return [str(name) for name in classifier.predict(pack.test_images.reshape(len(pack.test_images), -1) / 255.0)]


def named_figures(worlds: Sequence[str], seeds: int, frames: int) -> dict[str, dict[str, Summary]]:
    """Return by world and figure mean, deviation and a value for each seed; as many runs at a time as cores."""
    done = in_processes(measure, [(world, seed, frames) for world in worlds for seed in range(seeds)])
    return {world: summary([done[world, seed, frames] for seed in range(seeds)]) for world in worlds}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(prog="benchmarks.named_streams", description=__doc__)
    flags.add_argument("--worlds", nargs="+", choices=tuple(WORLDS), default=list(WORLDS))
    flags.add_argument("--seeds", type=int, default=SEEDS)
    flags.add_argument("--frames", type=int, default=FRAMES)
    flags.add_argument("--quick", action="store_true", help="one short stream: a smoke test")
    chosen = flags.parse_args(argv)
    worlds, seeds, frames = chosen.worlds, chosen.seeds, chosen.frames
    if chosen.quick:
        worlds, seeds, frames = ["rotated"], 1, _QUICK_FRAMES
    figures = named_figures(worlds, seeds, frames)
    command = f"python -m benchmarks.named_streams --worlds {' '.join(worlds)} --seeds {seeds} --frames {frames}"
    command = "python -m benchmarks.named_streams --quick" if chosen.quick else command
    write_result("named_streams", figures, {}, list(range(seeds)), command, quick=chosen.quick)
    return 0
