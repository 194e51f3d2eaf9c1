import io

import numpy as np
import pytest
import torch
from PIL import Image

from learner.memory.members import members_of
from learner.memory.names import Names
from learner.plan.inputs import InputLogs
from stream.memory_log import MemoryLog
from tests.learner.small import SETTINGS, digits_log, run_through
from tests.learner.workers import label_all


@pytest.fixture(scope="module")
def learned():
    """Return a learner with two clusters and frames in its window that it has not trained on yet."""
    state, _ = run_through(digits_log(112))
    assert (state.updates, state.knowledge.mixture.live_clusters) == (1, 2)
    assert len(state.window) > 20
    return state


def test_before_a_labeller_has_spoken_nobody_is_shown(learned):
    learned.names = Names()
    assert members_of(learned) == {}


def test_the_papers_method_shows_nobody():
    state, _ = run_through(digits_log(112))
    state.names.vote(0, "digit 0", 1.0)
    assert members_of(state) != {}
    state.settings = state.settings.model_copy(update={"method": "paper"})
    assert members_of(state) == {}


def test_members_are_spread_from_the_most_typical_frame_to_the_least(learned):
    learned.names = Names(votes={0: {"zero": 1.0}})
    learned.settings = SETTINGS.model_copy(update={"members": 3})
    scores = learned.knowledge.score(learned.window.images())
    for slot, members in members_of(learned).items():
        own = torch.nonzero(scores.slots_N == slot).flatten()
        ranked = own[torch.argsort(scores.dispersion_N[own], stable=True)].tolist()
        places = [learned.window.places()[place] for place in (ranked[0], ranked[(len(ranked) - 1) // 2], ranked[-1])]
        assert members.places[0] == places[0]
        assert members.places[-1] == places[-1]
        assert len(members.places) == min(3, len(ranked)) == len(members.images_NCSS)


def test_no_more_are_shown_than_the_settings_say_and_none_at_0(learned):
    learned.names = Names(votes={0: {"zero": 1.0}})
    learned.settings = SETTINGS.model_copy(update={"members": 0})
    assert members_of(learned) == {}


def test_members_travel_with_requests_and_their_words_end_as_votes_for_where_the_frames_ended():
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(800), samples)
    state, reports = run_through(logs, told=lambda report: label_all(report, samples))
    shown = [request for report in reports for request in report.requests if request.members]
    assert shown, "once a labeller has spoken, members are shown"
    assert np.asarray(Image.open(io.BytesIO(shown[0].members[0]))).shape == (32, 32, 3)
    votes = [vote for report in reports if report.update for vote in report.update.votes]
    assert votes
    assert sum(frames for _, _, frames in votes) <= sum(len(request.members) for request in shown)
    assert state.labels.words == {} or state.pending is not None
