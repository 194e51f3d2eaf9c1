"""The camera benchmark's arithmetic: where every picture went; the run itself is ``python -m benchmarks.camera``."""

import pytest

from benchmarks.camera import Fed, Taken, figures_of, trace_of

FED = Fed(decoded=760, sent=750, thinned=0, dropped=6, unsent=4)
TAKEN = Taken(records=750, learned=740, resent=3, rejected=5, skipped=2)


def unaccounted(fed=FED, taken=TAKEN):
    return figures_of(fed, taken)["unaccounted"]


def test_the_feeds_last_line_is_its_account():
    line = "750 frames sent to r2r.frames; of 760 pictures 0 left out by --rate, 6 dropped, 4 unsent\n"
    assert Fed.of(f"feed: 750frame\n{line}") == FED


def test_a_feed_that_failed_gives_no_account():
    with pytest.raises(ValueError, match="broke off"):
        Fed.of("feed: the camera broke off")


def test_every_picture_and_every_record_is_accounted_for():
    assert unaccounted() == 0


@pytest.mark.parametrize(
    ("fed", "taken"),
    [
        (Fed(761, 750, 0, 6, 4), TAKEN),
        (FED, Taken(750, 739, 3, 5, 2)),
        (FED, Taken(750, 741, 3, 5, 2)),
        (Fed(761, 751, 0, 6, 4), TAKEN),
    ],
    ids=["lost in the feed", "without an effect", "with two effects", "lost on its way"],
)
def test_one_that_is_missing_or_too_many_is_found(fed, taken):
    assert unaccounted(fed, taken) == 1


def test_the_trace_is_summed_up():
    assert trace_of([0.5, 0.0, 0.25]) == {"micro_tasks_seen": 3, "min": 0.0, "median": 0.25, "max": 0.5}
    assert trace_of([]) == {"micro_tasks_seen": 0}
