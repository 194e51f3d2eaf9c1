"""The README's table: what was measured, where and at which commits, nothing made up."""

import re
from pathlib import Path
from typing import Any

from benchmarks.report.run import BEGIN, END, README, render, rewritten

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
    counts |= {"crashes": 0, "hangs": 0, "kills_by_phase": {"feed": {"at_random": 5}, "learner": {"announced": 65}}}
    counts |= {"benchmark": "recovery", "machine": HERE}
    return {**counts, "bit_identical": bit_identical, "quick": False, "commit": "0889398d9be3-dirty"}


def drift(seeds: list[int]) -> dict[str, Any]:
    """The last change is missed, and the last run has the one false alarm."""
    own = {"delays": [11] * (len(seeds) - 1) + [0], "false_alarms_by_run": [0] * (len(seeds) - 1) + [1]}
    figures = {"detected_share": 0.95, "delay_frames": {"median": 11.0}, "false_alarms": 1, "page_hinkley": own}
    provenance = {"benchmark": "drift", "machine": HERE, "seeds": seeds, "quick": False, "commit": "cd" * 20}
    return {**figures, **provenance, "calm_frames": 32_000 * len(seeds)}


def growth() -> dict[str, Any]:
    quality = {"50": {"acc": 0.589, "live_clusters": 26}, "500": {"acc": 0.582, "live_clusters": 32}}
    ratios = {"step_time_ratio": 0.95, "memory_ratio": 1.01, "checkpoint_bytes_ratio": 1.02, "compared_tasks": [5, 50]}
    figures = {**ratios, "quality": quality, "quality_ratio": {"from": 50, "to": 500, "ratio": 0.99}}
    return {**figures, "settings": "defaults", "machine": HERE, "quick": False, "commit": "ef" * 20}


def table(text: str, heading: str) -> list[str]:
    """Return the rows of the table whose first cell of the head begins so."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading}"))
    return lines[first + 2 : lines.index("", first)]


def test_each_row_has_its_figures_and_a_missing_one_is_a_dash() -> None:
    text = render(learning(), {}, {})
    assert "| ACC, unseen | knowledge retention | NMI | live clusters |" in text
    ours, without, at_once, pixels = table(text, "digits, 5 tasks")
    assert ours.endswith("number of classes not given | 0.86 ± 0.01 | 0.86 ± 0.01 | 0.86 ± 0.01 | 11.4 ± 0.0 |")
    assert without.endswith("| 0.86 ± 0.01 | – |")
    assert at_once.endswith("| 0.77 ± 0.01 | – | 0.80 ± 0.01 | 10.0 ± 0.0 |")
    assert pixels.startswith("| k-means on pixels")


def test_the_shuffled_stream_stands_beside_the_ordered_one_and_in_the_table_of_orders() -> None:
    text = render(learning(), {"shuffled": learning()}, {})
    assert table(text, "digits, 5 tasks")[1].startswith("| R2R, the same images shuffled: all classes at once | 0.86")
    assert table(text, "the same digits") == [
        "| shuffled: all classes at once | 0.86 ± 0.01 | 11.4 ± 0.0 | – | 0.77 ± 0.01 |"
    ]


def test_what_recall_is_worth_is_the_difference_of_its_two_rows() -> None:
    result = learning()
    result["digits"]["no_rehearsal"] = {"acc": summary(0.757), "knowledge_retention": summary(0.737)}
    assert "Recall is worth 10 points of accuracy and 12 of retention" in render(result, {}, {})


def test_an_untrained_autoencoder_that_does_better_is_not_left_out() -> None:
    trained, untrained = table(render(learning(), {}, {}), "the same stream, boundaries")
    assert trained.startswith("| autoencoder trained")
    assert untrained == "| autoencoder never trained: random weights | 0.97, 0.96 | 0.99, 0.98 |"
    experiments = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text()
    for row in (trained, untrained):
        assert row.split("|", 2)[2] in experiments


def test_each_table_tells_its_own_seeds_commit_and_machine() -> None:
    elsewhere = learning() | {"machine": {"cores": 16, "cpu": "Xeon"}, "commit": "ab" * 20}
    text = render(learning(), {"blurry": elsewhere}, {})
    assert "over seeds 0, 1; commit c31cf74fadcf-dirty; 2 cores, AMD EPYC." in text
    assert "over seeds 0, 1; commit abababababab; 16 cores, Xeon." in text


def test_benchmarks_of_another_machine_are_told() -> None:
    elsewhere = serving(quick=True) | {"machine": {"cores": 16, "cpu": "Xeon"}}
    text = render(learning(), {}, {"serving": elsewhere, "recovery": recovery(bit_identical=True)})
    assert "`recovery`: 2 cores, AMD EPYC; `serving`: 16 cores, Xeon." in text


def test_each_benchmark_that_was_run_has_a_line_with_its_own_commit_and_form() -> None:
    found = {"serving": serving(quick=True), "recovery": recovery(bit_identical=True)}
    first, second = table(render(learning(), {}, found), "benchmark")
    assert first.startswith(
        "| `recovery` | 70 × `kill -9` of feed, learner (not of the evaluator, nor of Kafka), 13,600 frames: 0 lost, "
    )
    assert first.endswith("| 0889398d9be3-dirty |")
    assert second == "| `serving`, quick form | 220 versions swapped under load, 0 requests failed | f162ef28a3a4 |"


def test_a_promise_that_was_not_kept_is_not_hidden() -> None:
    assert "NOT the same bits" in render(learning(), {}, {"recovery": recovery(bit_identical=False)})


def test_seeds_that_the_drift_threshold_was_not_chosen_on_are_told_apart() -> None:
    (line,) = table(render(learning(), {}, {"drift": drift(list(range(12)))}), "benchmark")
    assert "the other 2 seeds alone: 1 of 2 seen, 1 false alarms in 64,000" in line
    (line,) = table(render(learning(), {}, {"drift": drift([0, 1])}), "benchmark")
    assert "the threshold was chosen on these seeds" in line


def test_accuracy_over_a_long_stream_is_told_in_absolute_figures() -> None:
    (line,) = table(render(learning(), {}, {"growth": growth()}), "benchmark")
    assert "| accuracy 0.59 after 50 updates, 0.58 after 500, with 26 and 32 clusters" in line


def test_streams_that_leave_the_teachers_world_come_first_and_say_what_the_teachers_learned_from() -> None:
    row = {"named_acc": summary(0.93), "labeller_zero_shot": summary(0.52), "synthetic_only": summary(0.41)}
    named = {"benchmark": "named_streams", "machine": HERE, "rotated": row, "seeds": [0, 1], "commit": "ab" * 20}
    text = render(learning(), {}, {}, named)
    assert "600 *labelled* digits" in text.splitlines()[0]
    assert table(text, "unseen digits") == ["| slowly turned by 35° | 0.93 ± 0.01 | 0.52 ± 0.01 | 0.41 ± 0.01 |"]
    assert text.index("abababababab") < text.index("| digits, 5 tasks")


def test_rehearsal_that_does_not_help_is_said() -> None:
    one = {"mean": 0.921}
    ablation = {"none": {"0": {"mean": 0.934}}, "mixture": {"1": one}, "diffusion": {"1": one}, "both": {"1": one}}
    text = render(learning(), {}, {}, None, ablation | {"machine": HERE, "seeds": [0], "commit": "ab" * 20})
    assert table(text, "what an update rehearses")[0] == "| nothing | 0.934 |"
    assert "The default does not help on these streams: every window" in text
    one["mean"] = 0.95
    text = render(learning(), {}, {}, None, ablation | {"machine": HERE, "seeds": [0], "commit": "ab" * 20})
    assert "The default helps on these streams.\n" in text


def test_the_readme_has_the_tables_of_the_stored_results() -> None:
    readme = README.read_text()
    assert rewritten(readme) == readme


def test_the_figures_of_the_limits_are_those_of_the_tables() -> None:
    readme = README.read_text()
    tables = readme.split(BEGIN)[1].split(END)[0]
    limits = readme.split("\n## Limits\n")[1].split("growth.json")[0]
    figures = re.findall(r"\d+\.\d+", re.sub(r"0\.52 to 0\.64", "", limits))  # of the result that is named there
    assert len(figures) > 5
    assert [figure for figure in figures if figure not in tables] == []
