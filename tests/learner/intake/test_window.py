import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learner.intake.window import Place, TrainingWindow, covering_ranges, places_of
from stream.messages.control import OffsetRange


def window_of(places, capacity=1000):
    window = TrainingWindow(capacity)
    window.add(places, torch.arange(len(places)).float()[:, None, None, None].expand(-1, 3, 8, 8))
    return window


@given(st.lists(st.builds(Place, st.integers(0, 3), st.integers(0, 50)), max_size=60))
def test_runs_name_every_place_in_order(places):
    assert places_of(window_of(places).runs()) == places


def test_neighbours_in_the_log_share_a_run():
    window = window_of([Place(0, 4), Place(0, 5), Place(0, 6), Place(1, 7), Place(0, 8)])
    assert window.runs() == [[0, 4, 7], [1, 7, 8], [0, 8, 9]]


def test_fed_ten_times_its_size_it_holds_the_newest_frames_alone():
    window = TrainingWindow(32)
    for place in range(320):
        window.add([Place(0, place)], torch.full((1, 3, 8, 8), float(place)))
    assert len(window) == 32
    assert window.images()[:, 0, 0, 0].tolist() == list(map(float, range(288, 320)))
    assert window.runs() == [[0, 288, 320]]


def test_more_frames_than_fit_at_once_leave_the_last_ones():
    window = window_of([Place(0, n) for n in range(50)], capacity=8)
    assert window.runs() == [[0, 42, 50]]


def test_images_come_in_the_order_in_which_they_were_added():
    assert window_of([Place(1, 0), Place(0, 9)]).images()[:, 0, 0, 0].tolist() == [0.0, 1.0]


def test_trained_frames_stay_as_recent_ones_and_are_not_trained_on_again():
    window = window_of([Place(0, 0), Place(0, 1)])
    window.mark_trained()
    assert len(window) == 0
    window.add([Place(0, 2)], torch.ones(1, 3, 8, 8))
    assert len(window) == 1
    assert len(window.images()) == 1
    assert float(window.images().min()) == 1.0
    assert len(window.recent_images()) == 3
    assert window.runs() == [[0, 0, 3]]


def test_new_frames_push_out_the_oldest_whether_trained_on_or_not():
    window = window_of([Place(0, n) for n in range(6)], capacity=8)
    window.mark_trained()
    window.add([Place(0, n) for n in range(6, 12)], torch.zeros(6, 3, 8, 8))
    assert (len(window), len(window.recent_images())) == (6, 8)
    assert window.runs() == [[0, 4, 12]]
    window.add([Place(0, n) for n in range(12, 18)], torch.zeros(6, 3, 8, 8))
    assert (len(window), len(window.recent_images())) == (8, 8), "no more are untrained than there are"


def test_all_but_the_newest_can_be_marked_as_trained_on_as_a_restart_does():
    window = window_of([Place(0, n) for n in range(5)])
    window.mark_trained(2)
    assert len(window) == 2
    assert window.images()[:, 0, 0, 0].tolist() == [3.0, 4.0]


def test_what_was_trained_on_can_be_let_go_of():
    window = window_of([Place(0, n) for n in range(5)])
    window.mark_trained(2)
    window.forget_trained()
    assert (len(window), window.runs()) == (2, [[0, 3, 5]])
    window.mark_trained()
    window.forget_trained()
    assert (len(window.images()), len(window.recent_images()), window.runs()) == (0, 0, [])


def test_a_place_for_each_image_is_required():
    with pytest.raises(ValueError, match="zip"):
        TrainingWindow(4).add([Place(0, 0)], torch.zeros(2, 3, 8, 8))


def test_no_places_need_no_ranges():
    assert covering_ranges([]) == {}
    assert covering_ranges([Place(2, 5), Place(2, 3)]) == {2: OffsetRange(3, 6)}
