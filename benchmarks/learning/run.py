"""Learning without forgetting: ``python -m benchmarks.learning --dataset digits --seeds 5``.

Each row runs on the same stream, seed by seed; two seeds at a time where there are two cores. The last line on stdout
is the JSON object that also goes to ``benchmarks/results``.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.learning.paper_row import paper
from benchmarks.learning.rows import Exam, finetune, iid, no_rehearsal, pixels_kmeans, r2r
from benchmarks.report.result_file import write_result
from learner.process import fix_threads
from learner.settings import LearnerSettings, PaperSettings
from stream.sources.datasets.orders import ORDERS, order_of
from stream.sources.datasets.packs import load_pack

ROWS = {
    "r2r": r2r,
    "paper": paper,
    "no_rehearsal": no_rehearsal,
    "finetune": finetune,
    "iid": iid,
    "pixels_kmeans": pixels_kmeans,
}
_KEYS = (
    "acc",
    "matrix",
    "average_acc",
    "nmi",
    "ari",
    "knowledge_retention",
    "linear_probe",
    "knn",
    "bwt",
    "forgetting",
    "live_clusters",
    "images_backpropagated",
    "memory_bytes",
    "seconds",
)
_RETENTION_KEYS = ("matrix", "average_acc", "knowledge_retention", "bwt", "forgetting")
_NO_TASKS = "the order has no tasks that follow each other"
_AT_ONCE = "the row learns from the whole stream at once, so there is no sequence of models"


def measure(dataset: str, data: Path | None, order: str, seed: int, row: str) -> Mapping[str, object]:
    """Run one row on one seed; in a process of its own, so that threads and seeds do not leak."""
    pack = load_pack(dataset, data)
    classes_per_task = max(1, len(pack.names) // 5)
    indices = order_of(order, pack.stream_labels, classes_per_task, seed)
    settings = LearnerSettings(seed=seed, paper=PaperSettings(births=classes_per_task))
    fix_threads(settings.threads)
    return ROWS[row](Exam(pack, indices, classes_per_task, settings, has_tasks=order == "class_incremental"))


def summary(values: Sequence[object]) -> dict[str, object]:
    """Return ``{mean, std, seeds}`` of one key over the seeds; matrices are averaged element by element."""
    table = np.asarray(values, dtype=np.float64)
    return {"mean": table.mean(0).tolist(), "std": table.std(0).tolist(), "seeds": list(values)}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark."""
    flags = argparse.ArgumentParser(prog="benchmarks.learning", description=__doc__)
    flags.add_argument("--dataset", default="digits", help="digits, fashion_mnist, cifar10 or npz")
    flags.add_argument("--data", type=Path, default=None, help="folder of the packs, or the .npz file")
    flags.add_argument("--order", choices=ORDERS, default="class_incremental")
    flags.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=None, help="which rows (default: all)")
    flags.add_argument("--seeds", type=int, default=5)
    flags.add_argument("--quick", action="store_true", help="one seed, two rows: a smoke test")
    chosen = flags.parse_args(argv)
    seeds = range(1) if chosen.quick else range(chosen.seeds)
    rows = chosen.rows or (("r2r", "pixels_kmeans") if chosen.quick else tuple(ROWS))
    jobs = [(chosen.dataset, chosen.data, chosen.order, seed, row) for row in rows for seed in seeds]
    done: dict[tuple[str, int], Mapping[str, object]] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = {pool.submit(measure, *job): job for job in jobs}
        for future in tqdm(as_completed(waiting), total=len(jobs), unit="run", file=sys.stderr):
            *_, seed, row = waiting[future]
            done[row, seed] = future.result()
    results = {row: [done[row, seed] for seed in seeds] for row in rows}
    figures, missing = table(chosen.dataset, chosen.order, results)
    name = f"learning-{chosen.dataset}" + ("" if chosen.order == "class_incremental" else f"-{chosen.order}")
    write_result(name, figures, missing, list(seeds), command_of(chosen), quick=chosen.quick)
    return 0


def command_of(chosen: argparse.Namespace) -> str:
    """Return what prints these figures again; a folder of this machine means nothing on another and is left out."""
    command = f"python -m benchmarks.learning --dataset {chosen.dataset} --order {chosen.order}"
    command += f" --data {chosen.data}" if chosen.data is not None and str(chosen.data) == chosen.data.name else ""
    command += f" --rows {' '.join(chosen.rows)}" if chosen.rows else ""
    return command + (" --quick" if chosen.quick else f" --seeds {chosen.seeds}")


def table(
    dataset: str, order: str, results: Mapping[str, Sequence[Mapping[str, object]]]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the figures over the seeds of each row, and why others are missing, by dotted key."""
    figures: dict[str, object] = {}
    missing: dict[str, str] = {}
    for row, of_seeds in results.items():
        figures[row] = {key: summary([result[key] for result in of_seeds]) for key in _KEYS if key in of_seeds[0]}
        for key in _KEYS:
            if key not in of_seeds[0]:
                no_tasks = order != "class_incremental" and key in _RETENTION_KEYS
                missing[f"{dataset}.{row}.{key}"] = _NO_TASKS if no_tasks else _AT_ONCE
    return {dataset: figures}, missing
