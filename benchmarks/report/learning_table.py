"""The README's tables of learning from scratch: the rows that speak for the learner, and those that do not."""

from collections.abc import Mapping, Sequence

from benchmarks.report.provenance import Result, measured

_ROWS = {
    "r2r": "R2R, unlabelled, one pass, boundaries and number of classes not given",
    "shuffled": "R2R, the same images shuffled: all classes at once",
    "paper": "the paper's stages A, B and D ([what differs](docs/paper_method.md#what-differs-from-the-paper))",
    "no_rehearsal": "R2R without recall",
    "finetune": "R2R without any memory: neither recall nor statistics of earlier windows",
    "iid": "R2R's network, all images at once, number of classes given",
    "pixels_kmeans": "k-means on pixels, all images at once, number of classes given",
}
ORDERS = {
    "blurry": "30 % of each class spread over other tasks",
    "recurring": "each class comes twice",
    "shuffled": "all classes at once",
}
_ORDER_HELPS = (
    "Two classes at a time are easier than ten: each window holds two groups, so the order itself tells which images "
    "belong together. The two rows that see all images at once do not have this information; compare them with the "
    "shuffled row."
)
# No benchmark prints these: a sketch that was run once, docs/experiments.md, "statistics over held latents".
_UNTRAINED = (
    "| the same stream, boundaries and number of classes *given* (sketch) | ACC, seeds 0, 1 | knowledge retention |",
    "|---|---|---|",
    "| autoencoder trained at each update, as in R2R | 0.93, 0.93 | 0.98, 0.95 |",
    "| autoencoder never trained: random weights | 0.97, 0.96 | 0.99, 0.98 |",
    "",
    "A sketch of 2026-11-23 on 2 cores; its commit and CPU were not recorded.",
    "",
    "On digits, training the autoencoder costs accuracy ([experiments](docs/experiments.md#2026-11-23-statistics-over"
    "-held-latents-in-process-seeds-0-and-1-unless-told)).",
)


def learning_table(learning: Result, orders: Mapping[str, Result]) -> Sequence[str]:
    """Return caption, table and provenance of the class-incremental stream, with the shuffled row beside it."""
    rows = dict(learning["digits"])
    parts = {"class-incremental": learning}
    if "shuffled" in orders:
        rows["shuffled"] = {**orders["shuffled"]["digits"]["r2r"], "knowledge_retention": None}
        parts["shuffled"] = orders["shuffled"]
    lines = [
        "**From scratch**: nothing is pretrained and no label reaches the learner or anything that it learns from."
    ]
    lines += ["", "| digits, 5 tasks of 2 classes | ACC, unseen | knowledge retention | NMI | live clusters |"]
    lines += ["|---|---|---|---|---|"]
    for row in (row for row in _ROWS if row in rows):
        cells = [_cell(rows[row].get(key)) for key in ("acc", "knowledge_retention", "nmi")]
        cells.append(_cell(rows[row].get("live_clusters"), decimals=1))
        lines.append(f"| {_ROWS[row]} | {' | '.join(cells)} |")
    return [*lines, "", measured(parts), "", *_recall_is_worth(rows), _ORDER_HELPS, "", *_UNTRAINED]


def orders_table(orders: Mapping[str, Result]) -> Sequence[str]:
    """Return table and provenance of the other orders."""
    rows = ("r2r", "paper", "iid")
    lines = ["| the same digits in another order | R2R, ACC | live clusters | the paper, ACC | all at once, ACC |"]
    lines += ["|---|---|---|---|---|"]
    for name, result in orders.items():
        found = {row: result["digits"].get(row, {}) for row in rows}
        ours, theirs, once = (_cell(found[row].get("acc")) for row in rows)
        clusters = _cell(found["r2r"].get("live_clusters"), decimals=1)
        lines.append(f"| {name}: {ORDERS[name]} | {ours} | {clusters} | {theirs} | {once} |")
    return [*lines, "", measured(orders)]


def _recall_is_worth(rows: Mapping[str, Result]) -> Sequence[str]:
    """Say what the row without recall lacks, in points: the one figure that all documents quote."""
    if not {"r2r", "no_rehearsal"} <= set(rows):
        return []
    acc, retention = (
        100 * (rows["r2r"][key]["mean"] - rows["no_rehearsal"][key]["mean"]) for key in ("acc", "knowledge_retention")
    )
    return [f"Recall is worth {acc:.0f} points of accuracy and {retention:.0f} of retention on this stream."]


def _cell(summary: Result | None, decimals: int = 2) -> str:
    if summary is None or summary.get("mean") is None:
        return "–"
    return f"{summary['mean']:.{decimals}f} ± {summary['std']:.{decimals}f}"
