"""The README's table: what was measured, where and at which commits, nothing made up."""

from typing import Any

from benchmarks.report.__main__ import render

HERE = {"cores": 2, "cpu": "AMD EPYC"}


def summary(mean: float) -> dict[str, float]:
    return {"mean": mean, "std": 0.014}


def learning() -> dict[str, Any]:
    continual = {key: summary(0.857) for key in ("acc", "knowledge_retention", "nmi")}
    at_once = {"acc": summary(0.77), "knowledge_retention": None, "nmi": summary(0.8), "live_clusters": summary(10)}
    rows = {"r2r": {**continual, "live_clusters": summary(11.4)}, "no_rehearsal": continual}
    return {
        "benchmark": "learning-digits",
        "digits": {**rows, "iid": at_once, "pixels_kmeans": at_once},
        "commit": "c31cf74fadcf3a8887794ed5c15e3ca8c15939e6-dirty",
        "machine": HERE,
        "seeds": [0, 1],
    }


def serving(*, quick: bool) -> dict[str, Any]:
    return {
        "benchmark": "serving",
        "machine": HERE,
        "swaps": 220,
        "failed_during_swaps": 0,
        "quick": quick,
        "commit": "f162ef28a3a4c942c94dddc52b2da1676f3a433e",
    }


def recovery(*, bit_identical: bool) -> dict[str, Any]:
    counts: dict[str, Any] = {"kills": 70, "frames": 13_600, "lost": 0, "doubled": 0, "malformed_images": 100_000}
    counts |= {"crashes": 0, "hangs": 0}
    counts |= {"benchmark": "recovery", "machine": HERE}
    return {**counts, "bit_identical": bit_identical, "quick": False, "commit": "0889398d9be3-dirty"}


def test_each_row_has_its_figures_and_a_missing_one_is_a_dash() -> None:
    lines = render(learning(), {}, {}).splitlines()[2:]
    assert lines[0].endswith("| knowledge retention | NMI | live clusters |")
    assert lines[2].endswith("number of classes not given | 0.86 ± 0.01 | 0.86 ± 0.01 | 0.86 ± 0.01 | 11.4 ± 0.0 |")
    assert lines[3].endswith("| 0.86 ± 0.01 | – |")
    assert lines[4].endswith("| 0.77 ± 0.01 | – | 0.80 ± 0.01 | 10.0 ± 0.0 |")


def test_other_orders_have_a_table_of_their_own_and_a_row_that_was_not_run_is_a_dash() -> None:
    lines = render(learning(), {"shuffled": learning()}, {}).splitlines()
    assert lines[11] == "| shuffled: all classes at once | 0.86 ± 0.01 | 11.4 ± 0.0 | – | 0.77 ± 0.01 |"


def test_the_commit_is_told_and_uncommitted_changes_stay_visible() -> None:
    text = render(learning(), {}, {})
    assert "learning at commit c31cf74fadcf-dirty;" in text
    assert "over seeds 0, 1;" in text
    assert "2 cores, AMD EPYC. CPU only" in text


def test_what_was_measured_on_another_machine_is_told() -> None:
    elsewhere = serving(quick=True) | {"machine": {"cores": 16, "cpu": "Xeon"}}
    text = render(learning(), {}, {"serving": elsewhere, "recovery": recovery(bit_identical=True)})
    assert "2 cores, AMD EPYC; `serving`: 16 cores, Xeon. CPU only" in text


def test_each_benchmark_that_was_run_has_a_line_with_its_own_commit_and_form() -> None:
    found = {"serving": serving(quick=True), "recovery": recovery(bit_identical=True)}
    first, second = render(learning(), {}, found).splitlines()[-4:-2]
    assert first.startswith(
        "| `recovery` | 70 × `kill -9` over all roles, 13,600 frames: 0 lost, 0 doubled, the same bits"
    )
    assert first.endswith("| 0889398d9be3-dirty |")
    assert second == "| `serving`, quick form | 220 versions swapped under load, 0 requests failed | f162ef28a3a4 |"


def test_a_promise_that_was_not_kept_is_not_hidden() -> None:
    assert "NOT the same bits" in render(learning(), {}, {"recovery": recovery(bit_identical=False)})


def test_streams_that_leave_the_teachers_world_come_first() -> None:
    row = {"named_acc": summary(0.93), "labeller_zero_shot": summary(0.52), "synthetic_only": summary(0.41)}
    named = {"benchmark": "named_streams", "machine": HERE, "rotated": row, "seeds": [0, 1], "commit": "ab" * 20}
    lines = render(learning(), {}, {}, named).splitlines()
    assert "(2 seeds, abababababab)" in lines[0]
    assert lines[4] == "| slowly turned by 35° | 0.93 ± 0.01 | 0.52 ± 0.01 | 0.41 ± 0.01 |"
    assert lines[8].startswith("| digits, 5 tasks")
