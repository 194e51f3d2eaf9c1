"""The learning table: what cannot be measured says why, and its command means the same on every machine."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.learning.run import command_of, table


def chosen(data: Path | None = None, rows: list[str] | None = None, *, quick: bool = False) -> Namespace:
    return Namespace(dataset="npz", data=data, order="shuffled", rows=rows, seeds=3, quick=quick)


@pytest.mark.parametrize(
    ("data", "quick", "end"),
    [
        (None, False, "--order shuffled --seeds 3"),
        (Path("cats.npz"), False, "--order shuffled --data cats.npz --seeds 3"),
        (Path("/somewhere/here/cats.npz"), False, "--order shuffled --seeds 3"),
        (Path("packs/cats.npz"), True, "--order shuffled --quick"),
    ],
)
def test_the_command_names_no_folder_of_a_machine(data: Path | None, quick: bool, end: str) -> None:
    assert command_of(chosen(data, quick=quick)) == f"python -m benchmarks.learning --dataset npz {end}"


def test_the_command_names_the_rows_that_were_chosen() -> None:
    assert command_of(chosen(rows=["r2r", "iid"])).endswith("--order shuffled --rows r2r iid --seeds 3")


def test_a_shuffled_stream_has_no_retention_and_says_so() -> None:
    figures, missing = table("digits", "shuffled", {"r2r": [{"acc": 0.5}, {"acc": 0.7}]})
    assert figures == {"digits": {"r2r": {"acc": {"mean": 0.6, "std": pytest.approx(0.1), "seeds": [0.5, 0.7]}}}}
    for key in ("matrix", "average_acc", "knowledge_retention", "bwt", "forgetting"):
        assert missing[f"digits.r2r.{key}"] == "the order has no tasks that follow each other"


def test_a_row_that_learns_all_at_once_has_no_retention_either() -> None:
    _, missing = table("digits", "class_incremental", {"iid": [{"acc": 0.5}]})
    assert "at once" in missing["digits.iid.bwt"]
