"""Do time, memory and quality hold over a long stream? ``python -m benchmarks.growth [--updates 500] [--quick]``.

One learner, alone in its process, watches a stream that recurs (`.recurring_stream`) up to its last update.
A *task* is what lies between two updates: task 50 ends with update 50. Beside the learner nothing that is held here
grows: the log is forgotten behind it, and plans are not kept. The last line on stdout is the JSON object that also goes
to ``benchmarks/results``.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import trange

from benchmarks.growth.recurring_stream import VISIT_FRAMES, RecurringLearner, visits
from benchmarks.growth.repeated_steps import Step, measure_steps
from benchmarks.learning.in_process import prepare_all
from benchmarks.report.result_file import write_result
from deploy.evaluate import continual_metrics as metrics
from deploy.status.running_system import resident_bytes
from learner.model.contract import Model, live_ids, score_images
from learner.process import fix_threads
from learner.save.format import state_to_bytes
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Effects
from stream.sources.datasets.packs import Pack, load_pack

_AROUND = 2  # tasks before and after the compared ones, of which the median is taken
_SMALL: Mapping[str, object] = {"autoencoder": {"channels": (16, 16, 16), "epochs": 3}, "window_frames": 128}
_QUICK_UPDATES = 14


@dataclass(frozen=True)
class Plan:
    """Which tasks are compared in cost and in quality, and after how many updates the run ends."""

    early: int
    late: int
    quality_from: int
    updates: int

    @classmethod
    def of(cls, updates: int) -> "Plan":
        """Return the full comparison as far as ``updates`` go; what is shorter compares what it has."""
        late = min(50, updates - _AROUND)
        return cls(min(5, late // 2), late, min(50, updates // 2), updates)


@dataclass
class Trace:
    """What was seen of one learner after each update, by its number."""

    state_bytes: dict[int, int] = field(default_factory=dict)
    resident_bytes: dict[int, int] = field(default_factory=dict)
    checkpoint_bytes: dict[int, int] = field(default_factory=dict)
    states: dict[int, LearnerState] = field(default_factory=dict)
    quality: dict[int, dict[str, float]] = field(default_factory=dict)


def run(pack: Pack, settings: LearnerSettings, plan: Plan, every: int) -> Trace:
    """Let a learner watch the stream; look at its quality after each ``every`` updates and where the plan compares."""
    classes_per_task = max(1, len(pack.names) // 5)
    learner = RecurringLearner(settings, visits(pack, classes_per_task, settings.seed))
    trace = Trace()
    lived: list[Effects] = []
    for number in trange(1, plan.updates + 1, unit="update", file=sys.stderr):
        lived += learner.next_update()
        _note_cost(trace, number, learner.state, plan)
        if number % every == 0 or number in (plan.quality_from, plan.updates):
            trace.quality[number] = {"frames": learner.frames} | _quality(pack, learner.state.model, settings, lived)
            lived.clear()
    return trace


def figures_of(trace: Trace, steps: Mapping[str, Sequence[Step]], plan: Plan) -> dict[str, object]:
    """Return the figures: ratios of medians, late by early, with what they are ratios of."""
    figures: dict[str, object] = {"compared_tasks": [plan.early, plan.late]}
    for name, bytes_by_task in (
        ("memory", trace.state_bytes),
        ("resident_memory", trace.resident_bytes),
        ("checkpoint_bytes", trace.checkpoint_bytes),
    ):
        early, late = (_median_around(bytes_by_task, task) for task in (plan.early, plan.late))
        figures |= {f"{name}_ratio": late / early, name: {"early": early, "late": late}}
    for name in ("score", "update"):
        early, late = (
            float(np.median([getattr(step, f"{name}_seconds") for step in steps[when]])) for when in ("early", "late")
        )
        figures |= {f"{name}_time_ratio": late / early, f"{name}_cpu_seconds": {"early": early, "late": late}}
    figures["step_time_ratio"] = max(float(str(figures[f"{name}_time_ratio"])) for name in ("score", "update"))
    first, last = (trace.quality[number]["acc"] for number in (plan.quality_from, plan.updates))
    figures["quality"] = {str(number): quality for number, quality in trace.quality.items()}
    figures["quality_ratio"] = {"from": plan.quality_from, "to": plan.updates, "ratio": last / first if first else 0.0}
    return figures


def missing_of(figures: dict[str, object], plan: Plan) -> dict[str, str]:
    """Put the figure of the full run where it belongs, or return why there is none."""
    if plan.quality_from == 50 and plan.updates == 500:
        ratio = figures["quality_ratio"]
        figures["quality_500_over_50"] = ratio["ratio"] if isinstance(ratio, dict) else 0.0
        return {}
    return {"quality_500_over_50": f"only {plan.updates} updates were run; quality_ratio is what they show"}


def _note_cost(trace: Trace, number: int, state: LearnerState, plan: Plan) -> None:
    if min(abs(number - plan.early), abs(number - plan.late)) > _AROUND:
        return
    trace.checkpoint_bytes[number] = sum(map(len, state_to_bytes(state).values()))
    trace.state_bytes[number] = trace.checkpoint_bytes[number] + _window_bytes(state)
    trace.resident_bytes[number] = resident_bytes(os.getpid()) or 0
    if number in (plan.early, plan.late):
        trace.states[number] = state


def _window_bytes(state: LearnerState) -> int:
    """Count the images that the learner holds beside what a checkpoint holds."""
    images_NCSS = state.window.recent_images()
    return images_NCSS.numel() * images_NCSS.element_size()


def _median_around(values: Mapping[int, int], task: int) -> float:
    return float(np.median([value for number, value in values.items() if abs(number - task) <= _AROUND]))


def _quality(pack: Pack, model: Model, settings: LearnerSettings, lived: Sequence[Effects]) -> dict[str, float]:
    """Judge on unseen images under the map fitted on stream images, and count what happened since the last look."""
    clusters, test_clusters = (
        model.ids_K[score_images(model, prepare_all(images, settings)).slots_N].numpy()
        for images in (pack.stream_images, pack.test_images)
    )
    cluster_map = metrics.fit_cluster_map(clusters, pack.stream_labels)
    updates = [report.update for report in lived if report.update is not None]
    return {
        "acc": metrics.accuracy(cluster_map, test_clusters, pack.test_labels),
        "live_clusters": len(live_ids(model)),
        "signals": sum(report.signal is not None for report in lived),
        "added": sum(len(update.added) for update in updates),
        "merged": sum(len(update.merged) for update in updates),
        "pruned": sum(len(update.pruned) for update in updates),
    }


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    flags.add_argument("--updates", type=int, default=500, help="at least 8; the goals speak of 500")
    flags.add_argument("--every", type=int, default=50, help="updates between two looks at the quality")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--small", action="store_true", help=f"a small network and window: {dict(_SMALL)}")
    flags.add_argument("--quick", action="store_true", help=f"{_QUICK_UPDATES} updates, small: a smoke test")
    chosen = flags.parse_args(argv)
    small = chosen.small or chosen.quick
    plan = Plan.of(_QUICK_UPDATES if chosen.quick else max(8, chosen.updates))
    settings = LearnerSettings.model_validate({"seed": chosen.seed, **(_SMALL if small else {})})
    fix_threads(settings.threads)
    pack = load_pack("digits", None)
    trace = run(pack, settings, plan, chosen.every)
    early, late = trace.states[plan.early], trace.states[plan.late]
    figures = figures_of(trace, measure_steps(pack, early, late), plan)
    figures["settings"] = {**_SMALL} if small else "defaults"
    figures["visit_frames"] = VISIT_FRAMES
    missing = missing_of(figures, plan)
    command = f"python -m benchmarks.growth --updates {plan.updates} --every {chosen.every} --seed {chosen.seed}"
    command = "python -m benchmarks.growth --quick" if chosen.quick else command + (" --small" if small else "")
    write_result("growth", figures, missing, [chosen.seed], command, quick=chosen.quick)
    return 0
