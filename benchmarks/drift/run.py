"""Is a change of the world seen, and nothing else? ``python -m benchmarks.drift [--seeds 20] [--quick]``.

A learner is recorded on each seed, once with a change and once without (`benchmarks.drift.recordings`); then each
detector is shown the recorded excess, frame by frame, and reset where an update is. After a signal a detector rests
until an update would have been, as in the learner. The last line on stdout is the JSON object that also goes to
``benchmarks/results``.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from tqdm import tqdm

from benchmarks.drift.recordings import TWO_MICRO_TASKS, CalmLength, Recording, record_calm, record_change
from benchmarks.report.result_file import write_result
from learner.change.detector import DriftSignal
from learner.change.excess import ExcessDetector
from learner.process import fix_threads
from learner.settings import AutoencoderSettings, LearnerSettings
from stream.sources.datasets.packs import PACK_NAMES, load_pack

_OWN = ("detected_share", "false_alarms", "delay_frames")
_UNSEEN = "no change was seen in time"
_KINDS = ("calm", "change")  # the long ones first
_QUICK = AutoencoderSettings(channels=(16, 16, 16), epochs=2)
_QUICK_LENGTH = CalmLength(warm_up_frames=512, frames=2048, updates=1)


@dataclass(frozen=True)
class Job:
    """One recording to be made, in a process of its own."""

    kind: str
    dataset: str
    data: Path | None
    seed: int
    quick: bool

    @property
    def settings(self) -> LearnerSettings:
        """The learner's: its defaults."""
        return LearnerSettings(seed=self.seed, autoencoder=_QUICK if self.quick else AutoencoderSettings())

    def record(self) -> Recording:
        """Make it."""
        fix_threads(1)
        pack = load_pack(self.dataset, self.data)
        if self.kind == "change":
            return record_change(pack, self.seed, self.settings)
        return record_calm(pack, self.seed, self.settings, _QUICK_LENGTH if self.quick else CalmLength())


class Watcher(Protocol):
    """What of a drift detector is measured here."""

    def observe_excess(self, excesses: Sequence[float]) -> tuple[Self, DriftSignal | None]:
        """See `ExcessDetector.observe_excess`."""
        ...

    def renewed(self) -> Self:
        """See `DriftDetector.renewed`."""
        ...


@dataclass(frozen=True)
class Bound:
    """Signals at every frame, or never: what bounds what a detector can reach."""

    fires: bool

    def observe_excess(self, excesses: Sequence[float]) -> tuple[Self, DriftSignal | None]:
        """See `Watcher.observe_excess`."""
        return self, DriftSignal("bound", 1.0, 0.0, 0) if self.fires and excesses else None

    def renewed(self) -> Self:
        """See `Watcher.renewed`."""
        return self


def watchers() -> dict[str, Watcher]:
    """Return what is measured, by its row."""
    kinds = ("page_hinkley", "adwin", "kswin")
    detectors: dict[str, Watcher] = {
        kind: ExcessDetector.new(LearnerSettings.model_validate({"drift_detector": kind})) for kind in kinds
    }
    return detectors | {"always_fire": Bound(fires=True), "never_fire": Bound(fires=False)}


def signals_in(recording: Recording, detector: Watcher) -> list[int]:
    """Return the places of a detector's signals, shown the recording; after each it rests as the learner does."""
    excess, rest = recording.excess_N.tolist(), 1 + LearnerSettings().update_frames
    begins = sorted({0, *recording.anew})
    found: list[int] = []
    for begin, end in zip(begins, [*begins[1:], len(excess)], strict=True):
        place = begin
        while place < end:
            _, signal = detector.renewed().observe_excess(excess[place:end])
            if signal is None:
                break
            found.append(place + signal.frame)
            place += signal.frame + rest
    return found


def delay_frames(recording: Recording, detector: Watcher) -> int | None:
    """Return after how many frames of the new world the detector signals; None if not within two micro-tasks."""
    change = recording.change or 0
    delays = [place - change + 1 for place in signals_in(recording, detector) if place >= change]
    return next((delay for delay in delays if delay <= TWO_MICRO_TASKS), None)


def row_of(changing: Sequence[Recording], calm: Sequence[Recording], detector: Watcher) -> dict[str, object]:
    """Return what one detector makes of all recordings; a delay of 0 stands for a change that was not seen in time."""
    delays = [delay_frames(recording, detector) for recording in changing]
    seen = [delay for delay in delays if delay is not None]
    alarms = [len(signals_in(recording, detector)) for recording in calm]
    return {
        "detected_share": len(seen) / len(delays),
        "false_alarms": sum(alarms),
        "delay_frames": {"median": float(np.median(seen)), "longest": max(seen)} if seen else None,
        "delays": [delay or 0 for delay in delays],
        "false_alarms_by_run": alarms,
    }


def seen_live(recording: Recording) -> bool:
    """Say whether the learner itself signalled in a micro-task that ended within two micro-tasks of the change."""
    change = recording.change or 0
    return any(change < end <= change + TWO_MICRO_TASKS for end in recording.live_signals)


def table(changing: Sequence[Recording], calm: Sequence[Recording]) -> tuple[dict[str, object], dict[str, str]]:
    """Return all figures, and why others are missing, by dotted key."""
    rows = {row: row_of(changing, calm, detector) for row, detector in watchers().items()}
    own = rows[LearnerSettings().drift_detector]
    figures: dict[str, object] = {**rows, **{key: own[key] for key in _OWN}}
    figures["detected_live_share"] = sum(map(seen_live, changing)) / len(changing)
    figures["false_alarms_live"] = sum(len(recording.live_signals) for recording in calm)
    figures["calm_frames"] = sum(len(recording.excess_N) for recording in calm)
    missing = {f"{row}.delay_frames": _UNSEEN for row in rows if rows[row]["delay_frames"] is None}
    return figures, missing | ({"delay_frames": _UNSEEN} if own["delay_frames"] is None else {})


def recordings(jobs: Sequence[Job]) -> list[Recording]:
    """Make all recordings, as many at a time as there are cores; in the order of the jobs."""
    made: dict[Job, Recording] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = {pool.submit(job.record): job for job in jobs}
        for future in tqdm(as_completed(waiting), total=len(jobs), unit="run", file=sys.stderr):
            made[waiting[future]] = future.result()
    return [made[job] for job in jobs]


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(prog="benchmarks.drift", description=__doc__)
    flags.add_argument("--dataset", choices=PACK_NAMES, default="digits")
    flags.add_argument("--data", type=Path, default=None, help="folder of the packs, or the .npz file")
    flags.add_argument("--seeds", type=int, default=20)
    flags.add_argument("--quick", action="store_true", help="two seeds, a small network: a smoke test")
    chosen = flags.parse_args(argv)
    seeds = range(2 if chosen.quick else chosen.seeds)
    jobs = {kind: [Job(kind, chosen.dataset, chosen.data, seed, chosen.quick) for seed in seeds] for kind in _KINDS}
    made = recordings([job for kind in _KINDS for job in jobs[kind]])
    figures, missing = table(made[len(seeds) :], made[: len(seeds)])
    name = "drift" if chosen.dataset == "digits" else f"drift-{chosen.dataset}"
    command = f"python -m benchmarks.drift --dataset {chosen.dataset}"
    command += " --quick" if chosen.quick else f" --seeds {chosen.seeds}"
    write_result(name, figures, missing, list(seeds), command, quick=chosen.quick)
    return 0
