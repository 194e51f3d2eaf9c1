import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from learner.change.schedule import PendingUpdate
from learner.intake.stream_pace import StreamPace
from learner.memory.exemplars import Exemplars
from learner.memory.last_seen import LastSeen
from learner.memory.names import Names
from learner.memory.replay_memory import ReplayMemory
from learner.seeds import derived_seed
from learner.steps.requests import introduction_of, requests_of
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS, state_with_clusters

PLAN = TaskPlan("m", 1, 7, {}, {}, OffsetRange(0, 0), 11, "", 500)
LIVE = StreamPace(frame_ms=40.0)
BEHIND = StreamPace(frame_ms=40.0, lag_ms=3_000.0)


def asking(clusters=2, size=32, **settings):
    state = state_with_clusters(clusters)
    draw = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (5, 3, size, size), dtype=torch.uint8, generator=draw)
    exemplars = Exemplars(dict.fromkeys(range(clusters), noise))
    state = replace(state, settings=SETTINGS.model_copy(update=settings), exemplars=exemplars)
    return waiting(state, PendingUpdate(32, 2, 0))


def waiting(state, pending):
    return replace(state, schedule=replace(state.schedule, pending=pending))


def asked_of(state, pace=LIVE):
    return requests_of(state, PLAN, pace).requests


def noted(state, requests, update=1):
    return replace(state, replay=state.replay.with_requests(requests, update, state.progress.updates))


def answered(state, requests, count):
    """Let so many images come for each request."""
    replay = state.replay
    for request in requests:
        own = request.id.removeprefix("m/")
        images_NCSS = torch.zeros(count, 3, 32, 32, dtype=torch.uint8)
        replay = replay.with_batch(own, f"batch of {own}", images_NCSS, state.progress.updates)
    return replace(state, replay=replay)


def updated(state):
    """Count one update more."""
    return replace(state, progress=state.progress.after_update(0, 7))


def images(requests):
    return [request.images for request in requests]


def test_each_live_cluster_with_exemplars_is_asked_for_once_under_derived_ids():
    state = asking(3)
    state = replace(state, exemplars=Exemplars({cluster: state.exemplars.by_cluster[cluster] for cluster in (0, 2)}))
    state = replace(state, names=Names({2: "two"}))
    requests = asked_of(state)
    assert [request.id for request in requests] == ["m/7/replay-request/0", "m/7/replay-request/1"]
    assert [(request.cluster, request.name) for request in requests] == [(0, ""), (2, "two")]
    assert [request.seed for request in requests] == [derived_seed(11, 0), derived_seed(11, 2)]
    assert {(request.task_seq, request.expires_at_ms) for request in requests} == {(7, 60_500)}


def test_the_exemplars_travel_as_png_nearest_first():
    state = asking(1)
    (request,) = asked_of(state)
    pixels = np.asarray(Image.open(io.BytesIO(request.exemplars[1])))
    assert (pixels == state.exemplars.by_cluster[0][1].permute(1, 2, 0).numpy()).all()
    assert len(request.exemplars) == 5


def test_as_many_images_are_asked_for_as_the_update_will_rehearse_of_each_cluster():
    assert images(asked_of(asking(2))) == [15, 15]
    assert images(asked_of(asking(2, replay_images=8))) == [8, 8]
    assert images(asked_of(asking(2, recall_ratio=0.5))) == [7, 7]


@pytest.mark.parametrize("settings", [{"replay": False}, {"recall": False}, {"recall_ratio": 0.01}])
def test_nothing_is_asked_for_where_nothing_would_be_rehearsed(settings):
    assert asked_of(asking(2, **settings)) == asked_of(asking(2, **settings), BEHIND) == []


def test_before_the_first_cluster_nothing_is_asked_for():
    assert asked_of(asking(0)) == asked_of(asking(0), BEHIND) == []


def test_large_exemplars_are_left_out_until_the_request_fits_into_a_message():
    (request,) = asked_of(asking(1, size=320))
    assert len(request.exemplars) == 1
    assert len(request.to_bytes()) < 1_000_000


def test_a_second_ask_for_the_same_update_asks_for_what_is_missing_alone():
    state = asking(2)
    requests = asked_of(state)
    state = noted(state, requests)
    assert asked_of(state) == []
    state = answered(state, requests, 15)
    state = waiting(state, PendingUpdate(40, 2, 0))
    assert images(asked_of(state)) == [4, 4]


def test_while_an_older_request_is_not_answered_one_image_of_each_cluster_is_enough():
    state = asking(3)
    requests = asked_of(state)
    state = noted(state, requests[:2])
    state = waiting(state, PendingUpdate(90, 2, 0))
    assert [(request.cluster, request.images) for request in asked_of(state)] == [(2, 1)]
    state = answered(state, requests[:1], 3)
    assert images(asked_of(state)) == [1]
    state = answered(state, requests[1:2], 3)
    assert len(asked_of(state)) == 3


def test_a_new_cluster_is_shown_once_to_a_labeller_that_is_there():
    state = asking(3)
    assert introduction_of(state, PLAN, 0).requests == [], "no labeller has spoken"
    state = replace(state, names=Names(given={1: "one"}, votes={0: {"zero": 0.9}}))
    asked = introduction_of(state, PLAN, 4)
    (request,) = asked.requests
    assert (request.id, request.cluster, request.images) == ("m/7/replay-request/4", 2, 1)
    state = noted(state, asked.requests)
    assert introduction_of(state, PLAN, 0).requests == []
    state = replace(state, settings=SETTINGS.model_copy(update={"replay": False}))
    assert introduction_of(replace(state, replay=ReplayMemory()), PLAN, 0).requests == []


def test_what_waits_from_the_last_update_is_not_asked_for_again():
    state = asking(2)
    requests = asked_of(state)[:1]
    state = answered(noted(state, requests), requests, 5)
    state = updated(state)
    assert images(asked_of(state)) == [10, 15]


def test_where_an_answer_would_be_late_the_next_update_is_provided_for_with_what_it_takes_at_least():
    state = asking(2)
    asking_now, asking_ahead = requests_of(state, PLAN, LIVE), requests_of(state, PLAN, BEHIND)
    assert (asking_now.update, asking_ahead.update) == (1, 2)
    assert images(asking_ahead.requests) == [8, 8]  # of 32, were two more clusters born
    lasting = [asking.requests[0].expires_at_ms - PLAN.cut_at_ms for asking in (asking_now, asking_ahead)]
    assert lasting == [60_000, 120_000]
    state = noted(state, asking_ahead.requests, asking_ahead.update)
    assert requests_of(state, PLAN, BEHIND).requests == []
    state = answered(state, asking_ahead.requests, 8)
    assert images(asked_of(state)) == [15, 15]
    state = updated(state)
    assert images(asked_of(state)) == [7, 7]


def test_a_learner_that_stays_behind_asks_for_each_update_and_not_for_every_second_one():
    state = asking(2)
    first = requests_of(state, PLAN, BEHIND)
    state = noted(state, first.requests, first.update)
    state = answered(state, first.requests, 8)
    state = updated(state)
    second = requests_of(state, PLAN, BEHIND)
    assert (second.update, images(second.requests)) == (3, [8, 8]), "what waits is update 2's"


def test_an_update_that_has_its_frames_leaves_no_time_for_an_answer():
    state = asking(2)
    state = waiting(state, PendingUpdate(32, 32, 0))
    assert requests_of(state, PLAN, LIVE).update == 2


def test_what_would_be_late_for_one_update_and_over_before_the_next_is_not_asked_for():
    state = asking(2)
    state = waiting(state, PendingUpdate(32, 32, 0))
    assert asked_of(state, StreamPace(frame_ms=1_000.0)) == []


def test_without_a_pace_there_is_time():
    assert requests_of(asking(2), PLAN, StreamPace()).update == 1


def test_what_was_not_seen_for_long_is_asked_for_first_and_the_budget_is_its():
    state = asking(3, replay_images_in_all=15)
    state = replace(state, last_seen=LastSeen().after([0, 1, 2], 64).after([0, 2], 64))
    assert [(request.cluster, request.images) for request in asked_of(state)] == [(1, 10), (0, 5)]


def test_clusters_of_one_name_share_its_budget():
    state = asking(3, replay_images=10)
    state = replace(state, names=Names({0: "cat", 2: "cat"}))
    assert [(request.cluster, request.images) for request in asked_of(state)] == [(0, 10), (1, 10)]


def test_the_farther_generated_images_are_from_real_ones_the_fewer_are_asked_for():
    state = asking(2)
    state = replace(state, replay=state.replay.with_gap(1, 1.0))
    assert images(asked_of(state)) == [15, 8]
