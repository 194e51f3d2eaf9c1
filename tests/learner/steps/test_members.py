import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from learner.memory.names import Names
from learner.model.contract import live_ids, score_images
from learner.model.paper.model import PaperModel
from learner.plan.inputs import InputLogs
from learner.steps.members import members_of
from stream.memory_log import MemoryLog
from tests.learner.small import digits_log, run_through
from tests.learner.workers import label_all


@pytest.fixture(scope="module")
def learned():
    """Return a learner with two clusters and frames in its window that it has not trained on yet."""
    state, _ = run_through(digits_log(112))
    assert (state.progress.updates, live_ids(state.model)) == (1, [0, 1])
    assert len(state.window) > 20
    return state


@pytest.fixture(scope="module")
def labelled(learned):
    """Return it after a labeller has spoken."""
    return replace(learned, names=Names(votes={0: {"zero": 1.0}}))


def showing(state, members):
    return replace(state, settings=state.settings.model_copy(update={"members": members}))


def test_before_a_labeller_has_spoken_nobody_is_shown(learned, labelled):
    assert members_of(learned) == {}
    assert members_of(labelled) != {}


def test_a_model_that_uses_no_words_shows_nobody(labelled):
    model = PaperModel.new(labelled.settings)
    assert not model.traits.uses_words
    assert members_of(replace(labelled, model=model)) == {}


def test_members_are_spread_from_the_most_typical_frame_to_the_least(labelled):
    window = labelled.window
    scores = score_images(labelled.model, window.images())
    for cluster, members in members_of(showing(labelled, 3)).items():
        slot = labelled.model.ids_K.tolist().index(cluster)
        own = torch.nonzero(scores.slots_N == slot).flatten()
        ranked = own[torch.argsort(scores.dispersion_N[own], stable=True)].tolist()
        assert members.places[0] == window.places()[ranked[0]]
        assert members.places[-1] == window.places()[ranked[-1]]
        assert len(members.places) == min(3, len(ranked)) == len(members.images_NCSS)


def test_no_more_are_shown_than_the_settings_say_and_none_at_0(labelled):
    assert {len(members.places) for members in members_of(showing(labelled, 2)).values()} == {2}
    assert members_of(showing(labelled, 0)) == {}


def test_members_travel_with_requests_and_their_words_end_as_votes_for_where_the_frames_ended():
    samples = MemoryLog(1)
    logs = InputLogs(digits_log(800), samples, topic="frames")
    state, told = run_through(logs, observe=lambda effects: label_all(effects, samples))
    shown = [request for effects in told for request in effects.requests if request.members]
    assert shown, "once a labeller has spoken, members are shown"
    assert np.asarray(Image.open(io.BytesIO(shown[0].members[0]))).shape == (32, 32, 3)
    votes = [vote for effects in told if effects.update for vote in effects.update.votes]
    assert votes
    assert sum(frames for _, _, frames in votes) <= sum(len(request.members) for request in shown)
    assert state.labels.words == {} or state.schedule.pending is not None
