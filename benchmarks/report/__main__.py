"""Rewrite the README's tables from ``benchmarks/results``: no figure is typed by hand.

The tables stand between two comments in ``README.md``; the rest of the file is left alone.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report.named_table import named_table
from benchmarks.report.promises import NAMES, promises_table, short
from benchmarks.report.result_file import RESULTS
from stream.process.home import write_atomically

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- end of figures -->"
_ROWS = {
    "r2r": "R2R, unlabelled, one pass, boundaries and number of classes not given",
    "paper": "the paper's stages A, B and D, same stream, two new components at each update",
    "no_rehearsal": "R2R without recall",
    "finetune": "R2R without any memory: neither recall nor statistics of earlier windows",
    "iid": "R2R's network, all images at once, number of classes given",
    "pixels_kmeans": "k-means on pixels, all images at once, number of classes given",
}
_ORDERS = {
    "blurry": "30 % of each class spread over other tasks",
    "recurring": "each class comes twice",
    "shuffled": "all classes at once",
}


def render(
    learning: Mapping[str, Any],
    orders: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, Any],
    named: Mapping[str, Any] | None = None,
) -> str:
    """Return the tables and their provenance as Markdown.

    Parameters
    ----------
    learning
        The result of ``learning-digits``.
    orders
        Those of other orders, by order.
    others
        Those of other benchmarks, by benchmark.
    named
        That of ``named_streams``, where there is one.
    """
    digits = learning["digits"]
    lines = [] if named is None else [*named_table(named), ""]
    lines += [
        "**From scratch**: nothing is pretrained, no label reaches the learner, nobody says where a task ends.",
        "",
    ]
    lines += ["| digits, 5 tasks of 2 classes | ACC, unseen | knowledge retention | NMI | live clusters |"]
    lines += ["|---|---|---|---|---|"]
    for row in (row for row in _ROWS if row in digits):
        cells = [_cell(digits[row].get(key)) for key in ("acc", "knowledge_retention", "nmi")]
        cells.append(_cell(digits[row].get("live_clusters"), decimals=1))
        lines.append(f"| {_ROWS[row]} | {' | '.join(cells)} |")
    if orders:
        lines += ["", *_orders(orders)]
    rest = [*orders.values(), *others.values(), *([named] if named else [])]
    lines += ["", *promises_table(others), "", _provenance(learning, rest)]
    return "\n".join(lines)


def _orders(orders: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = ("r2r", "paper", "iid")
    lines = ["| the same digits in another order | R2R, ACC | live clusters | the paper, ACC | all at once, ACC |"]
    lines += ["|---|---|---|---|---|"]
    for name, result in orders.items():
        found = {row: result["digits"].get(row, {}) for row in rows}
        ours, theirs, once = (_cell(found[row].get("acc")) for row in rows)
        clusters = _cell(found["r2r"].get("live_clusters"), decimals=1)
        lines.append(f"| {name}: {_ORDERS[name]} | {ours} | {clusters} | {theirs} | {once} |")
    return lines


def _cell(summary: Mapping[str, Any] | None, decimals: int = 2) -> str:
    if summary is None or summary.get("mean") is None:
        return "–"
    return f"{summary['mean']:.{decimals}f} ± {summary['std']:.{decimals}f}"


def _provenance(learning: Mapping[str, Any], rest: Sequence[Mapping[str, Any]]) -> str:
    """Say where the first table was measured, and which of the others were measured elsewhere."""
    seeds = ", ".join(str(seed) for seed in learning["seeds"])
    elsewhere: dict[str, list[str]] = {}
    for result in rest:
        if _machine(result) != _machine(learning):
            elsewhere.setdefault(_machine(result), []).append(result["benchmark"])
    others = "".join(f"; {', '.join(f'`{name}`' for name in names)}: {where}" for where, names in elsewhere.items())
    return (
        f"Mean ± standard deviation over seeds {seeds}; learning at commit {short(learning)}; "
        f"{_machine(learning)}{others}. CPU only; printed again by `make bench`."
    )


def _machine(result: Mapping[str, Any]) -> str:
    return f"{result['machine']['cores']} cores, {result['machine']['cpu']}"


def main() -> int:
    """Rewrite the table; return the exit code."""
    learning = json.loads((RESULTS / "learning-digits.json").read_bytes())
    files = {name: RESULTS / f"learning-digits-{name}.json" for name in _ORDERS}
    orders = {name: json.loads(file.read_bytes()) for name, file in files.items() if file.exists()}
    others = {name: json.loads(file.read_bytes()) for name in NAMES if (file := _file_of(name)).exists()}
    file = RESULTS / "named_streams.json"
    named = json.loads(file.read_bytes()) if file.exists() else None
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_atomically(README, f"{before}{BEGIN}\n{render(learning, orders, others, named)}\n{END}{after}".encode())
    return 0


def _file_of(name: str) -> Path:
    """Return the full form's result, or the quick form's where there is no other."""
    full = RESULTS / f"{name}.json"
    return full if full.exists() else RESULTS / f"{name}-quick.json"


if __name__ == "__main__":
    sys.exit(main())
