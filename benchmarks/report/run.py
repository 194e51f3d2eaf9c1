"""Rewrite the README's tables from ``benchmarks/results``: no figure is typed by hand but those of the one sketch.

The tables stand between two comments in ``README.md``; the rest of the file is left alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.learning_table import ORDERS, learning_table, orders_table
from benchmarks.report.named_table import ablation_table, named_table
from benchmarks.report.promises import NAMES, promises_table
from benchmarks.report.provenance import Result
from benchmarks.report.result_file import RESULTS
from stream.process.home import write_atomically

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- end of figures -->"


def render(
    learning: Result,
    orders: Mapping[str, Result],
    others: Mapping[str, Result],
    named: Result | None = None,
    ablation: Result | None = None,
) -> str:
    """Return the tables as Markdown, each with its provenance below it.

    Parameters
    ----------
    learning
        The result of ``learning-digits``.
    orders
        Those of other orders, by order.
    others
        Those of other benchmarks, by benchmark.
    named, ablation
        Those of ``named_streams`` and ``ablation``, where there are any.
    """
    tables = [] if named is None else [named_table(named)]
    tables += [] if ablation is None else [ablation_table(ablation)]
    tables += [learning_table(learning, orders)]
    tables += [orders_table(orders)] if orders else []
    tables += [promises_table(others), ["CPU only; `make bench` prints all tables again."]]
    return "\n\n".join("\n".join(table) for table in tables)


def rewritten(readme: str) -> str:
    """Return the README with its tables made anew from the stored results."""
    learning = _read(RESULTS / "learning-digits.json")
    orders = {name: _read(file) for name in ORDERS if (file := RESULTS / f"learning-digits-{name}.json").exists()}
    others = {name: _read(file) for name in NAMES if (file := _file_of(name)).exists()}
    named, ablation = (
        _read(file) if (file := RESULTS / f"{name}.json").exists() else None for name in ("named_streams", "ablation")
    )
    before, _, _ = readme.partition(BEGIN)
    _, _, after = readme.partition(END)
    tables = render(learning, orders, others, named, ablation)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def main() -> int:
    """Rewrite the tables; return the exit code."""
    write_atomically(README, rewritten(README.read_text()).encode())
    return 0


def _read(file: Path) -> Any:
    return json.loads(file.read_bytes())


def _file_of(name: str) -> Path:
    """Return the full form's result, or the quick form's where there is no other."""
    full = RESULTS / f"{name}.json"
    return full if full.exists() else RESULTS / f"{name}-quick.json"
