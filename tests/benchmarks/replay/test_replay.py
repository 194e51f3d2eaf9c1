"""The replay benchmark's arithmetic, and that a worker whose generator does nothing answers."""

from benchmarks.replay.replayed_stream import Run
from benchmarks.replay.round_trip import AT_ONCE, IMAGES, coordination_figures
from benchmarks.replay.run import NO_ABLATION, figures_of
from benchmarks.report.result_file import with_reasons
from benchmarks.site.broker_site import Site
from stream.kafka.topics import Topics


def update(**samples):
    counted = dict.fromkeys(("requested", "in_time", "late", "dropped", "used", "used_in_time"), 0) | samples
    return {f"samples_{name}": number for name, number in counted.items()} | {"recalled_images": 100}


FIRST = update() | {"recalled_images": 0}
UPDATES = [
    FIRST,
    update(requested=100, in_time=100, used=100, used_in_time=90),
    update(late=30, used=30),
    update(requested=60, in_time=60, used=70, used_in_time=60),
]


def test_what_was_used_in_time_is_a_share_of_what_was_asked_for():
    figures, unknown = figures_of(Run(UPDATES, frames=800, seconds=64.0, stall_seconds=0.64))
    assert (figures["used_share"], figures["stall_share"], unknown) == (round(150 / 160, 4), 0.01, {})
    assert (figures["updates"], figures["updates_that_asked"]) == (4, 2)
    assert (figures["rehearsed"], figures["generated_share"]) == (300, round(200 / 300, 4))
    assert figures["samples"] == {
        "requested": 160,
        "in_time": 160,
        "late": 30,
        "dropped": 0,
        "used": 200,
        "used_in_time": 150,
    }


def test_without_a_request_there_is_no_share_and_a_reason():
    figures, unknown = figures_of(Run([FIRST], frames=9, seconds=1.0))
    assert with_reasons(figures, NO_ABLATION | unknown)["used_share"] is None


def test_a_round_trip_is_timed(stream_settings, tmp_path):
    site = Site(stream_settings, Topics("m", stream_settings.topic_prefix), tmp_path)
    figures = coordination_figures(site, repeats=2)
    spread = figures["coordination"]
    assert 0 < spread["fastest_ms"] <= figures["coordination_ms"] <= spread["slowest_ms"]
    assert spread[f"each_of_{AT_ONCE}_at_once_ms"] > 0
    assert (spread["images"], spread["repeats"]) == (IMAGES, 2)
