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
from pathlib import Path

import numpy as np

from benchmarks.named_streams.__main__ import TEACHERS
from benchmarks.named_streams.leaving_streams import WORLDS, leaving_stream
from benchmarks.named_streams.named_run import accuracy, named_run
from benchmarks.report.result_file import write_result
from benchmarks.site.seeded_runs import in_processes, summary
from learner.service import fix_threads
from learner.settings import LearnerSettings
from replay.models import load_models
from replay.settings import DIGITS
from stream.sources.datasets.packs import load_pack

RATIOS: Sequence[float] = (0.25, 0.5, 1.0, 2.0)
_WAYS = {"none": (True, False), "mixture": (False, False), "diffusion": (True, True), "both": (False, True)}
"""Whether what is generated is rehearsed alone, and whether anything is generated."""
FRAMES = 800
_QUICK_FRAMES = 320


def measure(way: str, ratio: float, world: str, seed: int, frames: int) -> Mapping[str, float]:
    """Return the figures of one stream; in a process of its own."""
    fix_threads(1)
    alone, generates = _WAYS[way]
    settings = LearnerSettings(seed=seed, recall_ratio=ratio, generated_alone=alone)
    pack = leaving_stream(load_pack(DIGITS, None), world, frames, seed)
    with closing(load_models(TEACHERS, DIGITS, Path())) as models:
        run = named_run(pack, settings, models, generates=generates)
    return {
        "named_acc": accuracy(run.names_of(pack.test_images, settings), pack),
        "live_clusters": float(run.run.state.knowledge.mixture.live_clusters),
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
