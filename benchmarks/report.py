"""Rewrite the README's table from ``benchmarks/results``: no figure is typed by hand.

The table stands between two comments in ``README.md``; the rest of the file is left alone.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.result_file import RESULTS
from stream.home import write_atomically

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- figures: written by `make bench` -->"
END = "<!-- end of figures -->"
_ROWS = {
    "r2r": "R2R, unlabelled, one pass, boundaries not given, two births at each change",
    "no_rehearsal": "the same without recall",
    "iid": "the same network, all images at once, number of classes given",
    "pixels_kmeans": "k-means on pixels, all images at once, number of classes given",
}


def render(learning: Mapping[str, Any], serving: Mapping[str, Any]) -> str:
    """Return the table and its provenance as Markdown."""
    digits = learning["digits"]
    lines = ["| digits, 5 tasks of 2 classes | ACC, unseen | knowledge retention | NMI | live clusters |"]
    lines += ["|---|---|---|---|---|"]
    for row, title in _ROWS.items():
        cells = [_cell(digits[row].get(key)) for key in ("acc", "knowledge_retention", "nmi")]
        cells.append(_cell(digits[row].get("live_clusters"), decimals=1))
        lines.append(f"| {title} | {' | '.join(cells)} |")
    served = f"{serving['swaps']} versions swapped under load, {serving['failed_during_swaps']} of the requests failed"
    quick = " (from the quick form of the benchmark)" if serving["quick"] else ""
    lines += ["", f"{served}{quick}.", "", _provenance(learning, serving)]
    return "\n".join(lines)


def _cell(summary: Mapping[str, Any] | None, decimals: int = 2) -> str:
    if summary is None or summary["mean"] is None:
        return "–"
    return f"{summary['mean']:.{decimals}f} ± {summary['std']:.{decimals}f}"


def _provenance(learning: Mapping[str, Any], serving: Mapping[str, Any]) -> str:
    machine = learning["machine"]
    seeds = ", ".join(str(seed) for seed in learning["seeds"])
    return (
        f"Mean ± standard deviation over seeds {seeds}; learning at commit {_commit(learning)}, "
        f"serving at {_commit(serving)}; {machine['cores']} cores, {machine['cpu']}, CPU only; "
        "printed again by `make bench`."
    )


def _commit(result: Mapping[str, Any]) -> str:
    """Shorten the commit; what was not committed stays visible."""
    commit, dirty, _ = str(result["commit"]).partition("-dirty")
    return commit[:12] + dirty


def main() -> int:
    """Rewrite the table; return the exit code."""
    learning = json.loads((RESULTS / "learning-digits.json").read_bytes())
    serving = json.loads(next(path for path in _serving_files() if path.exists()).read_bytes())
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    write_atomically(README, f"{before}{BEGIN}\n{render(learning, serving)}\n{END}{after}".encode())
    return 0


def _serving_files() -> list[Path]:
    return [RESULTS / "serving.json", RESULTS / "serving-quick.json"]


if __name__ == "__main__":
    sys.exit(main())
