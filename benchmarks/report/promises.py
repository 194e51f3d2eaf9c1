"""One line of the README for each promise: what was measured of it, from which benchmark, at which commit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]


def _recovery(found: Result) -> str:
    bits = "the same bits as without a kill" if found["bit_identical"] else "NOT the same bits as without a kill"
    return (
        f"{found['kills']} × `kill -9` over all roles, {found['frames']:,} frames: {found['lost']} lost, "
        f"{found['doubled']} doubled, {bits}; {found['malformed_images']:,} damaged images: "
        f"{found['crashes']} crashes, {found['hangs']} hangs"
    )


def _drift(found: Result) -> str:
    delay = found["delay_frames"] or {}
    return (
        f"{found['detected_share']:.0%} of {len(found['seeds'])} changes seen within two micro-tasks, after "
        f"{delay.get('median', float('nan')):.0f} frames (median); {found['false_alarms']} false alarms in "
        f"{found['calm_frames']:,} frames without a change"
    )


def _replay(found: Result) -> str:
    return (
        f"replay stalls the stream for {found['stall_share']:.1%} of the time, {found['used_share']:.0%} of the images "
        "asked for are used in the update that they were asked for"
    )


def _growth(found: Result) -> str:
    early, late = found["compared_tasks"]
    quality = found["quality_ratio"]
    size = "" if found["settings"] == "defaults" else ", a small network"
    return (
        f"task {late} ÷ task {early}: time {found['step_time_ratio']:.2f}, memory {found['memory_ratio']:.2f}, "
        f"checkpoint {found['checkpoint_bytes_ratio']:.2f}; "
        f"accuracy after {quality['to']} updates ÷ after {quality['from']}: {quality['ratio']:.2f} "
        f"(recurring stream{size})"
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
    """Return the lines of a Markdown table; ``results`` has benchmarks' results by name, those that were run."""
    lines = ["| benchmark | measured | commit |", "|---|---|---|"]
    for name in (name for name in NAMES if name in results):
        found = results[name]
        quick = ", quick form" if found["quick"] else ""
        lines.append(f"| `{name}`{quick} | {_LINES[name](found)} | {short(found)} |")
    return lines


def short(result: Result) -> str:
    """Shorten a result's commit; what was not committed stays visible."""
    commit, dirty, _ = str(result["commit"]).partition("-dirty")
    return commit[:12] + dirty
