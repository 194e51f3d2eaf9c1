"""One line of the README for each promise: what was measured of it, from which benchmark, at which commit."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.report.provenance import Result, machines, short

_CHOSEN_ON = range(10)
"""The seeds on which PageHinkley's λ was raised from 15 to 20 after two false alarms (docs/experiments.md)."""


def _recovery(found: Result) -> str:
    bits = "the same bits as without a kill" if found["bit_identical"] else "NOT the same bits as without a kill"
    return (
        f"{found['kills']} × `kill -9` of {', '.join(found['kills_by_phase'])} (not of the evaluator, nor of Kafka), "
        f"{found['frames']:,} frames: {found['lost']} lost, "
        f"{found['doubled']} doubled, {bits}; {found['malformed_images']:,} damaged images: "
        f"{found['crashes']} crashes, {found['hangs']} hangs"
    )


def _drift(found: Result) -> str:
    delay = found["delay_frames"] or {}
    return (
        f"{found['detected_share']:.0%} of {len(found['seeds'])} changes seen within two micro-tasks, after "
        f"{delay.get('median', float('nan')):.0f} frames (median); {found['false_alarms']} false alarms in "
        f"{found['calm_frames']:,} frames without a change{_on_other_seeds(found)}"
    )


def _on_other_seeds(found: Result) -> str:
    """Say what the seeds show that the threshold was not chosen on."""
    own = found["page_hinkley"]
    others = [place for place, seed in enumerate(found["seeds"]) if seed not in _CHOSEN_ON]
    if not others:
        return "; the threshold was chosen on these seeds"
    seen = sum(own["delays"][place] > 0 for place in others)
    alarms = sum(own["false_alarms_by_run"][place] for place in others)
    frames = found["calm_frames"] // len(found["seeds"]) * len(others)
    return (
        f". The threshold was raised after two false alarms on seeds 0 to {_CHOSEN_ON[-1]}; "
        f"the other {len(others)} seeds alone: {seen} of {len(others)} seen, {alarms} false alarms in {frames:,}"
    )


def _replay(found: Result) -> str:
    return (
        f"replay stalls the stream for {found['stall_share']:.1%} of the time, {found['used_share']:.0%} of the images "
        "asked for are used in the update that they were asked for"
    )


def _growth(found: Result) -> str:
    early, late = found["compared_tasks"]
    first, last = found["quality_ratio"]["from"], found["quality_ratio"]["to"]
    before, after = (found["quality"][str(updates)] for updates in (first, last))
    size = "" if found["settings"] == "defaults" else ", a small network"
    return (
        f"accuracy {before['acc']:.2f} after {first} updates, {after['acc']:.2f} after {last}, with "
        f"{before['live_clusters']} and {after['live_clusters']} clusters for ten classes (recurring stream{size}); "
        f"task {late} ÷ task {early}: time {found['step_time_ratio']:.2f}, memory {found['memory_ratio']:.2f}, "
        f"checkpoint {found['checkpoint_bytes_ratio']:.2f}"
    )


def _ingest(found: Result) -> str:
    return (
        f"{found['frames_per_second']:.0f} frames a second taken in, scored and planned exactly once: "
        f"{found['intake_ratio']:.2f} × a bare loop of the same arithmetic"
    )


def _camera(found: Result) -> str:
    return (
        f"{found['seconds']:.0f} s of video: {found['decoded']} pictures, {found['unaccounted']} unaccounted for, "
        f"{len(found['versions'])} versions served"
    )


def _serving(found: Result) -> str:
    return f"{found['swaps']} versions swapped under load, {found['failed_during_swaps']} requests failed"


_LINES: Mapping[str, Callable[[Result], str]] = {
    "recovery": _recovery,
    "drift": _drift,
    "replay": _replay,
    "growth": _growth,
    "ingest": _ingest,
    "camera": _camera,
    "serving": _serving,
}
NAMES = tuple(_LINES)
"""The benchmarks, in the order of the table."""


def promises_table(results: Mapping[str, Result]) -> Sequence[str]:
    """Return table and machines; ``results`` has benchmarks' results by name, those that were run."""
    lines = ["| benchmark | measured | commit |", "|---|---|---|"]
    measured = {name: results[name] for name in NAMES if name in results}
    for name, found in measured.items():
        quick = ", quick form" if found["quick"] else ""
        lines.append(f"| `{name}`{quick} | {_LINES[name](found)} | {short(found)} |")
    return [*lines, "", *([f"{machines(measured)}."] if measured else [])]
