import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learner.intake.window import Place, TrainingWindow, covering_ranges
from learner.part import Saved
from stream.messages.task_plan import OffsetRange
from tests.learner.small import SETTINGS


def images_of(levels):
    return torch.tensor(levels).float()[:, None, None, None].expand(-1, 3, 8, 8)


def window_of(places, capacity=1000):
    return TrainingWindow(capacity).added(places, images_of(range(len(places))))


def more(window, first, count):
    return window.added([Place(0, first + n) for n in range(count)], images_of(range(first, first + count)))


def levels(images_NCSS):
    return images_NCSS[:, 0, 0, 0].tolist()


def runs(window):
    return window.save().values["runs"]


@given(st.lists(st.builds(Place, st.integers(0, 3), st.integers(0, 50)), max_size=60))
def test_saved_and_loaded_it_names_every_place_in_order(places):
    saved = Saved(json.loads(json.dumps(window_of(places).save().values)))
    assert TrainingWindow.load(saved, SETTINGS).all_places() == places


def test_neighbours_in_the_log_share_a_run():
    window = window_of([Place(0, 4), Place(0, 5), Place(0, 6), Place(1, 7), Place(0, 8)])
    assert runs(window) == [[0, 4, 7], [1, 7, 8], [0, 8, 9]]


def test_fed_ten_times_its_size_it_holds_the_newest_frames_alone():
    window = TrainingWindow(32)
    for place in range(320):
        window = more(window, place, 1)
    assert len(window) == 32
    assert levels(window.images()) == list(map(float, range(288, 320)))
    assert runs(window) == [[0, 288, 320]]


def test_more_frames_than_fit_at_once_leave_the_last_ones():
    assert runs(window_of([Place(0, n) for n in range(50)], capacity=8)) == [[0, 42, 50]]


def test_images_come_in_the_order_in_which_they_were_added():
    assert levels(window_of([Place(1, 0), Place(0, 9)]).images()) == [0.0, 1.0]


def test_new_frames_leave_the_window_that_was_there_as_it_was():
    before = more(TrainingWindow(4), 0, 3)
    more(before, 3, 3)
    before.all_trained()
    assert (len(before), levels(before.images())) == (3, [0.0, 1.0, 2.0])


def test_trained_frames_stay_as_recent_ones_and_are_not_trained_on_again():
    window = more(TrainingWindow(9), 0, 2).all_trained()
    assert (len(window), len(window.images())) == (0, 0)
    window = more(window, 2, 1)
    assert (len(window), levels(window.images())) == (1, [2.0])
    assert window.places() == [Place(0, 2)]
    assert list(window.trained()) == [Place(0, 0), Place(0, 1)]
    assert len(window.recent_images()) == 3
    assert runs(window) == [[0, 0, 3]]


def test_new_frames_push_out_the_oldest_whether_trained_on_or_not():
    window = more(more(TrainingWindow(8), 0, 6).all_trained(), 6, 6)
    assert (len(window), len(window.recent_images())) == (6, 8)
    assert runs(window) == [[0, 4, 12]]
    window = more(window, 12, 6)
    assert (len(window), len(window.recent_images())) == (8, 8), "no more are untrained than there are"


def test_what_was_trained_on_can_be_let_go_of():
    window = more(more(TrainingWindow(9), 0, 3).all_trained(), 3, 2).without_trained()
    assert (len(window), runs(window)) == (2, [[0, 3, 5]])
    window = window.all_trained().without_trained()
    assert (len(window.images()), len(window.recent_images()), runs(window)) == (0, 0, [])


def test_a_place_for_each_image_is_required():
    with pytest.raises(ValueError, match="zip"):
        TrainingWindow(4).added([Place(0, 0)], torch.zeros(2, 3, 8, 8))


def test_a_loaded_window_is_filled_from_the_log_and_has_learned_from_the_same_frames():
    window = more(more(TrainingWindow(9), 0, 3).all_trained(), 3, 2)
    images = dict(window.frames)
    loaded = TrainingWindow.load(window.save(), SETTINGS)
    assert (len(loaded), loaded.capacity) == (2, SETTINGS.window_frames)
    filled = loaded.filled(images, 9)
    assert torch.equal(filled.recent_images(), window.recent_images())
    assert (filled.places(), levels(filled.images())) == (window.places(), [3.0, 4.0])


@pytest.mark.parametrize(("capacity", "untrained"), [(3, 2), (1, 1)])
def test_filled_into_a_smaller_window_the_newest_frames_stay(capacity, untrained):
    window = more(more(TrainingWindow(9), 0, 3).all_trained(), 3, 2)
    filled = window.filled(dict(window.frames), capacity)
    assert (len(filled), runs(filled)) == (untrained, [[0, 5 - capacity, 5]])


def test_no_places_need_no_ranges():
    assert covering_ranges([]) == {}
    assert covering_ranges([Place(2, 5), Place(2, 3)]) == {2: OffsetRange(3, 6)}
