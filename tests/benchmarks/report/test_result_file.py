"""Results: every null has its reason, every reason its null, and provenance names no path."""

import json
from pathlib import Path

import pytest

from benchmarks.report import result_file
from benchmarks.report.result_file import with_reasons


def test_what_is_not_measured_is_null_with_its_reason_beside() -> None:
    figures = with_reasons({"swaps": 200, "peers": {"litserve": 3.0}}, {"peers.bentoml": "not installed"})
    assert figures == {
        "swaps": 200,
        "peers": {"litserve": 3.0, "bentoml": None},
        "not_measured": {"peers.bentoml": "not installed"},
    }


@pytest.mark.parametrize(
    ("figures", "reasons", "cause"),
    [
        ({"swaps": None}, {}, "null without a reason"),
        ({"peers": {"litserve": None}}, {}, "peers.litserve"),
        ({"swaps": 3}, {"swaps": "forgotten"}, "both a figure and a reason"),
        ({"swaps": 3}, {"swaps.c1": "forgotten"}, "'?swaps'? has a figure"),
        ({"swaps": float("nan")}, {}, "not JSON compliant"),
    ],
)
def test_a_figure_without_a_reason_or_with_both_is_refused(
    figures: dict[str, object], reasons: dict[str, str], cause: str
) -> None:
    with pytest.raises(ValueError, match=cause):
        with_reasons(figures, reasons)


def test_stored_results_have_one_form_and_name_no_path() -> None:
    for path in result_file.RESULTS.glob("*.json"):
        result = json.loads(path.read_text())
        assert {"benchmark", "commit", "machine", "packages", "seeds", "command", "not_measured"} <= result.keys()
        assert path.stem == result["benchmark"] + ("-quick" if result["quick"] else "")
        assert {"cpu", "cores", "memory_gib", "system"} <= result["machine"].keys()
        assert str(Path.cwd()) not in path.read_text()
