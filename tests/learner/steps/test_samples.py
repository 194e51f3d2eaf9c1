import json
from dataclasses import replace

import pytest
import torch

from learner.intake.window import Place
from learner.memory.replay_memory import ReplayMemory
from learner.model.contract import score_images
from learner.state import LearnerState
from learner.steps.samples import take_in
from stream.log import Record
from stream.messages.replay import ReplayRequest
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import decode, digits_frames, digits_log, run_through, state_with_clusters
from tests.learner.workers import painted

PLAN = TaskPlan("m", 1, 7, {}, {0: OffsetRange(0, 9)}, OffsetRange(0, 0), 0, "", 500)
REQUEST = ReplayRequest(
    "m/6/replay-request/0", "m", 6, 1, "", [frame.image for frame in digits_frames(0, 2)], 4, 9, 1_000
)


def asking(request: ReplayRequest = REQUEST) -> LearnerState:
    return replace(state_with_clusters(2), replay=ReplayMemory().with_requests([request], 1, updates=0))


def taken(state, *batches, plan=PLAN):
    """Return the state after the batches, and why some were refused."""
    values = [batch if isinstance(batch, bytes | None) else batch.to_bytes() for batch in batches]
    records = [Record(0, place, 0, None, value, ()) for place, value in enumerate(values)]
    state, refused = take_in(state, records, plan, decode)
    return state, [one.reason for one in refused]


def changed(**keys):
    return json.dumps(json.loads(painted(REQUEST).to_bytes()) | keys).encode()


def test_an_answer_waits_for_the_update_as_prepared_images():
    state = asking()
    state, refused = taken(state, painted(REQUEST))
    assert refused == []
    assert [(one.cluster, one.image_CSS.shape, one.expires_at_ms) for one in state.replay.generated] == [
        (1, (3, 32, 32), 1_000)
    ] * 4


def test_the_parts_of_an_answer_come_in_any_order_and_each_once():
    state = asking()
    first, second = painted(REQUEST, 2, 0, 2), painted(REQUEST, 2, 1, 2)
    state, refused = taken(state, second, first, second, first)
    assert refused == ["duplicate", "duplicate"]
    assert len(state.replay.generated) == 4


def test_no_more_is_taken_than_was_asked_for():
    state = asking()
    state, refused = taken(state, painted(REQUEST, 3, 0, 3), painted(REQUEST, 3, 1, 3), painted(REQUEST, 3, 2, 3))
    assert refused == ["not_wanted"]
    assert len(state.replay.generated) == 4


def test_an_answer_that_says_and_shows_nothing_leaves_nothing_owed():
    state = asking()
    assert state.replay.is_owed
    state, refused = taken(state, replace(painted(REQUEST), images=[], seeds=[]))
    assert refused == []
    assert not state.replay.is_owed
    assert (state.names.votes, state.replay.generated) == ({}, ())


def test_an_answer_after_the_time_to_live_answers_nothing():
    state = asking()
    state, refused = taken(state, painted(REQUEST), plan=replace(PLAN, cut_at_ms=1_001))
    assert refused == ["unknown_request"]


def test_a_request_of_a_cluster_that_is_no_more_is_not_answered():
    state = asking(replace(REQUEST, cluster=9))
    state, refused = taken(state, painted(replace(REQUEST, cluster=9)))
    assert refused == ["unknown_request"]


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (None, "not_json"),
        (b"\x00", "not_json"),
        (b"{}", "wrong_kind"),
        (b'{"format":"r2r.replay-samples/1.0"}', "incomplete"),
        (b'{"format":"r2r.replay-samples/2.0"}', "unknown_format"),
        (changed(request=[]), "incomplete"),
        (changed(request="m/5/replay-request/0"), "unknown_request"),
        (changed(request="6/replay-request/0"), "unknown_request"),
        (changed(request="n/6/replay-request/0"), "unknown_request"),
        (changed(model="n"), "unknown_request"),
        (changed(cluster=0), "wrong_request"),
        (changed(cluster={"a": 1}), "incomplete"),
        (changed(id="x"), "wrong_request"),
        (changed(id="6/replay-request/0/samples/0"), "wrong_request"),
        (changed(id=None), "incomplete"),
        (changed(part=[1]), "incomplete"),
        (changed(images=None), "incomplete"),
        (changed(images=[7]), "incomplete"),
        (changed(images=["%%%"]), "incomplete"),
        (changed(images=[""]), "empty_body"),
        (changed(images=["aGVsbG8="]), "not_an_image"),
        (changed(name="cluster-7", score=0.9), "bad_name"),
        (changed(name="two\nlines", score=0.9), "bad_name"),
        (changed(name="cat", score=1.5), "bad_name"),
        (changed(name="cat", score="0.9"), "incomplete"),
        (changed(gap=-0.5), "bad_gap"),
        (changed(gap=None), "incomplete"),
        (changed(gap=10**400), "bad_gap"),
        (changed(gap=True), "incomplete"),
        (changed(images=[], name="cat", score=0.9, parts=2), "wrong_part"),
        (changed(member_names=["cat"], member_scores=[]), "bad_labels"),
        (changed(member_names=["cat"], member_scores=[0.9]), "bad_labels"),  # it showed no members
        (changed(member_names=7, member_scores=[0.9]), "incomplete"),
        (
            changed(id="m/6/replay-request/0/samples/1", part=1, parts=2, member_names=[""], member_scores=[0.0]),
            "bad_labels",
        ),
    ],
)
def test_garbage_is_refused_with_its_reason_and_the_next_batch_is_taken(garbage, reason):
    state = asking()
    state, refused = taken(state, garbage, painted(REQUEST))
    assert refused == [reason]
    assert len(state.replay.generated) == 4
    assert state.replay.counts.refused == 1


def test_each_answer_votes_once_for_its_clusters_name_also_without_images():
    state = asking()
    first, second = (replace(painted(REQUEST, 2, part, 2), name="cat", score=0.75) for part in (0, 1))
    state, refused = taken(state, first, second, first)
    assert refused == ["duplicate"]
    assert state.names.votes == {1: {"cat": 0.75}}
    assert state.replay.gaps == {1: 0.0}
    state = asking()
    state, refused = taken(state, replace(painted(REQUEST), images=[], seeds=[], name="cat", score=0.6))
    assert refused == []
    assert (state.names.by_cluster(), state.replay.generated) == ({1: "cat"}, ())


def test_one_bad_image_refuses_its_batch_as_a_whole():
    state = asking()
    batch = painted(REQUEST)
    bad = replace(batch, images=[*batch.images[:3], batch.images[3][:40]])
    state, refused = taken(state, bad)
    assert refused == ["truncated"]
    assert state.replay.generated == ()
    state, refused = taken(state, batch)
    assert refused == []
    assert len(state.replay.generated) == 4


MEMBERS = [Place(0, offset) for offset in (4, 5, 9)]


def showing(waiting):
    """Return a state that asks with three members, of which some wait in its window."""
    state = asking()
    replay = ReplayMemory().with_requests([REQUEST], 1, updates=0, members={1: MEMBERS})
    window = state.window.added(waiting, torch.zeros(len(waiting), 3, 32, 32))
    return replace(state, replay=replay, window=window)


def labelled(names, scores):
    return replace(painted(REQUEST), member_names=names, member_scores=scores)


def test_sure_words_for_frames_wait_for_the_update_that_learns_from_these():
    state = showing(MEMBERS)
    state, refused = taken(state, labelled(["cat", "dog", ""], [0.95, 0.6, 0.0]))
    assert refused == []
    assert state.labels.words == {MEMBERS[0]: "cat"}
    assert state.names.votes == {}


def test_words_that_come_after_the_update_vote_for_the_clusters_that_their_frames_are_in_now():
    state, _ = run_through(digits_log(80))
    assert (state.progress.updates, len(state.window)) == (1, 32)
    trained = state.window.trained()
    scores = score_images(state.model, torch.stack(list(trained.values())))
    places, ids = list(trained), state.model.ids_K[scores.slots_N].tolist()
    of_one, of_other, gone = places[ids.index(0)], places[ids.index(1)], Place(0, 999)
    members = {1: [of_one, of_other, gone, places[-1]]}
    state = replace(state, replay=ReplayMemory().with_requests([REQUEST], 2, updates=1, members=members))
    words = labelled(["cat", "dog", "cow", "cat"], [0.95, 0.92, 0.99, 0.6])
    state, refused = taken(state, words)
    assert refused == []
    assert state.names.votes == {0: {"cat": 0.95}, 1: {"dog": 0.92}}
    assert state.labels.words == {}


def test_an_answer_leaves_the_state_that_was_there_as_it_was():
    before = showing(MEMBERS)
    after, _ = taken(before, replace(labelled(["cat"], [0.95]), name="cat", score=0.9, gap=0.5))
    assert (len(after.replay.generated), after.replay.gaps) == (4, {1: 0.5})
    assert (after.labels.words, after.names.by_cluster()) == ({MEMBERS[0]: "cat"}, {1: "cat"})
    assert (before.replay.generated, before.replay.gaps, before.replay.is_owed) == ((), {}, True)
    assert (before.labels.words, before.names.votes) == ({}, {})


@pytest.mark.parametrize(
    ("names", "scores", "reason"),
    [
        (["cat"] * 4, [0.9] * 4, "bad_labels"),
        (["cat", "dog"], [0.9], "bad_labels"),
        (["cat", 7], [0.9, 0.9], "incomplete"),
        (["cluster-7"], [0.9], "bad_labels"),
        (["cat"], [True], "incomplete"),
        (["cat"], [1.5], "bad_labels"),
        (["cat"], ["0.9"], "incomplete"),
        ([], [0.9], "bad_labels"),
    ],
)
def test_words_that_are_none_or_more_than_were_shown_refuse_their_batch(names, scores, reason):
    state = showing(MEMBERS)
    state, refused = taken(state, labelled(names, scores))
    assert refused == [reason]
    assert (state.labels.words, state.replay.generated) == ({}, ())


def test_an_answer_may_be_words_for_frames_alone():
    state = showing(MEMBERS)
    state, refused = taken(state, replace(labelled(["cat"], [0.95]), images=[], seeds=[]))
    assert refused == []
    assert state.labels.words == {MEMBERS[0]: "cat"}
