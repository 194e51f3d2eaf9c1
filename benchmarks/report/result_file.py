"""The form of every result: one JSON object, last on stdout, and with its provenance in ``benchmarks/results``."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stream.process.home import write_atomically

Figures = Mapping[str, object]
RESULTS = Path(__file__).parents[1] / "results"
_PACKAGES = (
    "numpy",
    "torch",
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "river",
    "scikit-learn",
    "kafka-python",
    "fastapi",
    "uvicorn",
    "pillow",
)


def write_result(
    name: str, figures: Figures, not_measured: Mapping[str, str], seeds: Sequence[int], command: str, *, quick: bool
) -> Path:
    """Store a benchmark's figures with their provenance, print them as the last line of stdout, return the file.

    Parameters
    ----------
    name
        ``serving``, ``learning-digits``: the file is ``<name>[-quick].json``.
    figures
        Nested figures; numbers, strings, lists, mappings.
    not_measured
        Dotted key → why there is no figure; the key is written as null.
    command
        What prints these figures again, without a machine's paths.

    Raises
    ------
    ValueError
        A figure is null without a reason, or a key has both a figure and a reason.
    """
    measured = with_reasons(figures, not_measured)
    provenance = {
        "benchmark": name,
        "quick": quick,
        "commit": _commit(),
        "machine": _machine(),
        "packages": _package_versions(),
        "seeds": list(seeds),
        "command": command,
    }
    path = RESULTS / f"{name}{'-quick' if quick else ''}.json"
    text = json.dumps({**measured, **provenance}, indent=2, sort_keys=True, allow_nan=False)
    write_atomically(path, text.encode() + b"\n")
    sys.stderr.flush()
    print(json.dumps(measured, sort_keys=True, allow_nan=False), flush=True)
    return path


def with_reasons(figures: Figures, not_measured: Mapping[str, str]) -> dict[str, object]:
    """Return ``figures`` with a null at each dotted key of ``not_measured``, and the reasons beside them.

    Examples
    --------
    >>> with_reasons({"swaps": 200}, {"peers.litserve": "not installed"})
    {'swaps': 200, 'peers': {'litserve': None}, 'not_measured': {'peers.litserve': 'not installed'}}
    """
    result: dict[str, object] = json.loads(json.dumps(figures, allow_nan=False))
    for key in not_measured:
        *parents, last = key.split(".")
        place = result
        for parent in parents:
            below = place.setdefault(parent, {})
            if not isinstance(below, dict):
                message = f"{key} cannot be null: {parent} has a figure; drop the reason or the figure"
                raise ValueError(message)
            place = below
        if place.setdefault(last, None) is not None:
            message = f"{key} has both a figure and a reason why it has none; keep one of them"
            raise ValueError(message)
    unexplained = [key for key in _null_keys(result) if key not in not_measured]
    if unexplained:
        message = f"{unexplained} are null without a reason; say why under not_measured"
        raise ValueError(message)
    result["not_measured"] = dict(not_measured)
    return result


def _null_keys(figures: Mapping[str, object], above: str = "") -> Iterator[str]:
    for name, value in figures.items():
        if value is None:
            yield above + name
        elif isinstance(value, dict):
            yield from _null_keys(value, f"{above}{name}.")


def _commit() -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown: git is not installed"
    asked = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown: not a git repository"


def _machine() -> dict[str, object]:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_bytes / 1024**3, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _package_versions() -> dict[str, str]:
    installed = {}
    for package in _PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # onnxruntime or onnxruntime-gpu, never both
            continue
    return installed
