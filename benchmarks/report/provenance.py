"""Where a table's figures were measured: seeds, commit and machine, in one line below the table."""

from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]


def short(result: Result) -> str:
    """Shorten a result's commit; what was not committed stays visible."""
    commit, dirty, _ = str(result["commit"]).partition("-dirty")
    return commit[:12] + dirty


def machine(result: Result) -> str:
    """Return the machine in words."""
    return f"{result['machine']['cores']} cores, {result['machine']['cpu']}"


def measured(results: Mapping[str, Result]) -> str:
    """Return the line for one table; where its parts were measured apart, each place names its parts.

    Examples
    --------
    >>> here = {"seeds": [0, 1], "commit": "ab" * 20, "machine": {"cores": 2, "cpu": "EPYC"}}
    >>> measured({"all": here})
    'Mean ± standard deviation over seeds 0, 1; commit abababababab; 2 cores, EPYC.'
    >>> measured({"one": here, "other": {**here, "commit": "cd" * 20}}).partition(". ")[2]
    'one: commit abababababab; 2 cores, EPYC. other: commit cdcdcdcdcdcd; 2 cores, EPYC.'
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, result in results.items():
        groups.setdefault((_seeds(result), f"commit {short(result)}; {machine(result)}."), []).append(name)
    if len(groups) == 1:
        return "; ".join(next(iter(groups)))
    if len({seeds for seeds, _ in groups}) == 1:
        parts = [f"{', '.join(names)}: {place}" for (_, place), names in groups.items()]
        return " ".join([f"{next(iter(groups))[0]}.", *parts])
    return " ".join(f"{', '.join(names)}: {seeds}; {place}" for (seeds, place), names in groups.items())


def _seeds(result: Result) -> str:
    seeds = ", ".join(str(seed) for seed in result["seeds"])
    return f"Mean ± standard deviation over seeds {seeds}" if len(result["seeds"]) > 1 else f"One seed ({seeds})"


def machines(results: Mapping[str, Result]) -> str:
    """Return which benchmarks were measured on which machine."""
    places: dict[str, list[str]] = {}
    for name, result in results.items():
        places.setdefault(machine(result), []).append(f"`{name}`")
    return "; ".join(f"{', '.join(names)}: {place}" for place, names in places.items())
