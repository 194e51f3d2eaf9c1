"""``python -m benchmarks.replay [--quick]``: what replay costs a running learner, and whether its images come in time.

First requests go to a worker whose generator does nothing (`benchmarks.replay.round_trip`). Then a learner with two
real workers follows digits at a camera's rate (`replayed_stream`). The full form also examines the shipped
teachers (`benchmarks.replay.teacher_figures`) and lets learners follow streams that leave their world
(`benchmarks.named_streams`), with ``--ablation`` also by what they rehearse (`benchmarks.ablation`).
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ablation import FRAMES as ABLATION_FRAMES
from benchmarks.ablation import RATIOS, ablation_figures
from benchmarks.named_streams.leaving_streams import WORLDS
from benchmarks.named_streams.run import FRAMES, named_figures
from benchmarks.named_streams.run import SEEDS as STREAM_SEEDS
from benchmarks.replay.replayed_stream import FRAMES_A_SECOND, WORKERS, Run, Wanted, replayed_stream
from benchmarks.replay.round_trip import coordination_figures
from benchmarks.replay.teacher_figures import teacher_figures
from benchmarks.report.result_file import write_result
from benchmarks.site.broker_site import open_site
from stream.messages.event import Evidence

MODEL = "replay"
SEEDS = (0,)
FULL, QUICK = Wanted(frames_a_pass=800, asking_updates=8), Wanted(frames_a_pass=400, asking_updates=1)
FULL_ROUND_TRIPS, QUICK_ROUND_TRIPS = 100, 20
_FATES = ("requested", "in_time", "late", "dropped", "used", "used_in_time")
_OF_TEACHERS = (
    "labeller_acc",
    "recognised",
    "train_on_generated",
    "neighbour_distance_ratio",
    "generator_ratio",
    "kept_share",
    *WORLDS,
)
NOT_IN_QUICK = dict.fromkeys(_OF_TEACHERS, "the quick form runs no teachers; see the full form")
NO_ABLATION = {"ablation": "52 runs, an hour and more on two cores; see --ablation or benchmarks.ablation"}


def main() -> int:
    """Measure, write the result."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--quick", action="store_true", help="half a pass over the digits instead of two or more")
    flags.add_argument("--ablation", action="store_true", help="an hour more: what each way of rehearsal is worth")
    chosen = flags.parse_args()
    quick, ablation = chosen.quick, chosen.ablation and not chosen.quick
    with tempfile.TemporaryDirectory(prefix="r2r-replay-") as folder, open_site(Path(folder), MODEL) as site:
        figures = coordination_figures(site, QUICK_ROUND_TRIPS if quick else FULL_ROUND_TRIPS)
        sys.stderr.write(f"replay: {figures}\n")
        with replayed_stream(site, QUICK if quick else FULL) as stream:
            stream.start()
            stream.feed()
        run_figures, unknown = figures_of(stream.run)
        missing = unknown | (NOT_IN_QUICK if quick else {}) | ({} if ablation else NO_ABLATION)
    taught: dict[str, object] = {} if quick else teachers_and_streams()
    if ablation:
        taught["ablation"] = ablation_figures(tuple(WORLDS), RATIOS, 1, ABLATION_FRAMES)
    command = f"python -m benchmarks.replay{' --quick' if quick else ''}{' --ablation' if ablation else ''}"
    write_result("replay", figures | run_figures | taught, missing, SEEDS, command, quick=quick)
    return 0


def teachers_and_streams() -> dict[str, object]:
    """Return the figures of the shipped teachers, and of the streams that leave their world."""
    streams = named_figures(tuple(WORLDS), STREAM_SEEDS, FRAMES)
    return teacher_figures() | streams | {"kept_share": streams["digits"]["kept_share"]["mean"]}


def figures_of(run: Run) -> tuple[dict[str, object], dict[str, str]]:
    """Return the figures of a run and what it could not show."""
    samples = {fate: _total(run.updates, f"samples_{fate}") for fate in _FATES}
    rehearsed = _total(run.updates, "recalled_images")
    figures: dict[str, object] = {
        "stall_share": round(run.stall_seconds / run.seconds, 5),
        "stall_seconds": round(run.stall_seconds, 3),
        "seconds": round(run.seconds, 1),
        "frames": run.frames,
        "frames_a_second_fed": FRAMES_A_SECOND,
        "longest_lag_frames": run.longest_lag_frames,
        "workers": WORKERS,
        "updates": len(run.updates),
        "updates_that_asked": len(run.asking),
        "samples": samples,
    }
    if not samples["requested"]:
        return figures, dict.fromkeys(("used_share", "generated_share"), "no update asked for samples")
    figures["rehearsed"] = rehearsed
    figures["generated_share"] = round(samples["used"] / rehearsed, 4)
    figures["used_share"] = round(samples["used_in_time"] / samples["requested"], 4)
    return figures, {}


def _total(updates: Sequence[Evidence], name: str) -> int:
    return sum(number for one in updates if isinstance(number := one[name], int))
