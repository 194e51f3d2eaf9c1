"""The demo's last page: two accuracy matrices side by side, and the figures below them."""

from dataclasses import dataclass

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from deploy.demo.evaluation import EvaluationResult


@dataclass(frozen=True)
class Outcome:
    """One model's run: how it did, and what it took."""

    title: str
    result: EvaluationResult
    live_clusters: int
    versions: int
    seconds: float


def show(outcomes: list[Outcome], console: Console) -> None:
    """Print the matrices, side by side where the terminal is wide enough, and the figures."""
    console.print("Accuracy on unseen digits; row: after task, column: digits of task")
    console.print(Columns([_matrix(outcome) for outcome in outcomes]))
    console.print(_figures(outcomes))


def _matrix(outcome: Outcome) -> Table:
    table = Table(title=outcome.title, title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("task", no_wrap=True)
    for task in range(len(outcome.result.matrix)):
        table.add_column(f"{2 * task}·{2 * task + 1}", justify="right", no_wrap=True)
    for row, cells in enumerate(outcome.result.matrix):
        table.add_row(str(row + 1), *(f"{cell:.2f}" for cell in cells[: row + 1]))
    return table


def _figures(outcomes: list[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    for outcome in outcomes:
        table.add_column(outcome.title, justify="right")
    rows = {
        "ACC (unseen digits)": [f"{o.result.acc:.3f}" for o in outcomes],
        "called rightly by name": [f"{o.result.named_acc:.3f}" for o in outcomes],
        "knowledge retention": [f"{o.result.knowledge_retention:.3f}" for o in outcomes],
        "NMI": [f"{o.result.normalized_mutual_info:.3f}" for o in outcomes],
        "live clusters": [str(o.live_clusters) for o in outcomes],
        "versions served": [str(o.versions) for o in outcomes],
        "seconds": [f"{o.seconds:.0f}" for o in outcomes],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table
