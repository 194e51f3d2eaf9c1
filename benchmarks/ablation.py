"""What each way of rehearsal is worth: ``python -m benchmarks.ablation [--quick]``.

Named accuracy, as in `benchmarks.named_streams` and on its streams, of a learner that rehearses nothing, what its
mixture recalls, what the diffusion model generated, or both; each at four ratios of rehearsed to new images. The
labeller is the same in all of them, only what is rehearsed differs. The last line on stdout is the JSON object that
also goes to ``benchmarks/results``.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import torch

from benchmarks.learning.in_process import as_it_is
from benchmarks.named_streams.leaving_streams import WORLDS, leaving_stream
from benchmarks.named_streams.named_run import accuracy, named_run
from benchmarks.named_streams.run import TEACHERS
from benchmarks.report.result_file import write_result
from benchmarks.site.seeded_runs import in_processes, summary
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.rehearsal import rehearse
from learner.model.clusters.update import update
from learner.model.clusters.values import ClusterValues
from learner.model.contract import SyntheticImages, UpdateInputs, UpdateReport, live_ids
from learner.process import fix_threads
from learner.settings import LearnerSettings
from learner.state import LearnerState
from replay.models import load_models
from replay.weights import DIGITS
from stream.sources.datasets.packs import load_pack

RATIOS: Sequence[float] = (0.25, 0.5, 1.0, 2.0)
_WAYS = {"none": (True, False), "mixture": (False, False), "diffusion": (True, True), "both": (False, True)}
"""Whether generated images alone are rehearsed, and whether any are generated."""
FRAMES = 800
_QUICK_FRAMES = 320


class GeneratedAlone(ClusterModel):
    """The default model, which rehearses generated images alone, and nothing where there are none."""

    def learn(self, inputs: UpdateInputs, generator: torch.Generator) -> tuple[Self, UpdateReport]:
        """See `Model.learn`."""
        return update(self, inputs, generator, _generated_alone)


def _generated_alone(model: ClusterValues, inputs: UpdateInputs, generator: torch.Generator) -> SyntheticImages:
    """Return what replaces recalled images; those are drawn all the same, so that all draws are as they were."""
    past = rehearse(model, inputs, generator)
    kept_N = torch.zeros(len(past.slots_N), dtype=torch.bool)
    for slot in torch.unique(inputs.generated.slots_N).tolist():
        places = torch.nonzero(past.slots_N == slot).flatten()
        kept_N[places[: int((inputs.generated.slots_N == slot).sum())]] = True
    return SyntheticImages(past.images_NCSS[kept_N], past.slots_N[kept_N])


def generated_alone(state: LearnerState) -> LearnerState:
    """Let the learner's model rehearse generated images alone."""
    return replace(state, model=GeneratedAlone(**vars(state.model)))


def measure(way: str, ratio: float, world: str, seed: int, frames: int) -> Mapping[str, float]:
    """Return the figures of one stream; in a process of its own."""
    fix_threads(1)
    alone, generates = _WAYS[way]
    settings = LearnerSettings(seed=seed, recall_ratio=ratio)
    pack = leaving_stream(load_pack(DIGITS, None), world, frames, seed)
    with closing(load_models(TEACHERS, DIGITS, Path())) as models:
        run = named_run(pack, settings, models, generates=generates, adjust=generated_alone if alone else as_it_is)
    return {
        "named_acc": accuracy(run.names_of(pack.test_images, settings), pack),
        "live_clusters": float(len(live_ids(run.run.state.model))),
    }


def ablation_figures(worlds: Sequence[str], ratios: Sequence[float], seeds: int, frames: int) -> dict[str, object]:
    """Return ``<way>.<ratio>``: the figures of each stream, and ``mean``, named accuracy over all streams and seeds."""
    rows = [(way, ratio) for way in _WAYS for ratio in (ratios if way != "none" else ratios[:1])]
    done = in_processes(
        measure, [(*row, world, seed, frames) for row in rows for world in worlds for seed in range(seeds)]
    )
    figures: dict[str, dict[str, object]] = {way: {} for way in _WAYS}
    for way, ratio in rows:
        of_worlds = {world: [done[way, ratio, world, seed, frames] for seed in range(seeds)] for world in worlds}
        accuracies = [row["named_acc"] for found in of_worlds.values() for row in found]
        streams = {world: summary(found) for world, found in of_worlds.items()}
        figures[way][f"{ratio:g}" if way != "none" else "0"] = {**streams, "mean": float(np.mean(accuracies))}
    return dict(figures)


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(prog="benchmarks.ablation", description=__doc__)
    flags.add_argument("--worlds", nargs="+", choices=tuple(WORLDS), default=list(WORLDS))
    flags.add_argument("--seeds", type=int, default=1)
    flags.add_argument("--frames", type=int, default=FRAMES)
    flags.add_argument("--quick", action="store_true", help="one short stream, one ratio: a smoke test")
    chosen = flags.parse_args(argv)
    worlds, ratios, seeds, frames = chosen.worlds, RATIOS, chosen.seeds, chosen.frames
    command = f"python -m benchmarks.ablation --worlds {' '.join(worlds)} --seeds {seeds} --frames {frames}"
    if chosen.quick:
        worlds, ratios, seeds, frames, command = (
            ["rotated"],
            (1.0,),
            1,
            _QUICK_FRAMES,
            "python -m benchmarks.ablation --quick",
        )
    figures = ablation_figures(worlds, ratios, seeds, frames)
    write_result("ablation", figures, {}, list(range(seeds)), command, quick=chosen.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
