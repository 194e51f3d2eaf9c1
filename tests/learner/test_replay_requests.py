import io

import numpy as np
import pytest
import torch
from PIL import Image

from learner.exemplars import Exemplars
from learner.replay_requests import requests_of
from learner.seeds import derived_seed
from learner.state import PendingUpdate
from stream.messages import OffsetRange, TaskPlan
from tests.learner.small import SETTINGS, state_with_clusters

PLAN = TaskPlan("m", 1, 7, {}, {}, OffsetRange(0, 0), 11, "", 500)


def asking(clusters=2, size=32, **settings):
    state = state_with_clusters(clusters)
    state.settings = SETTINGS.model_copy(update=settings)
    state.pending = PendingUpdate(32, 2, 0)
    draw = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (5, 3, size, size), dtype=torch.uint8, generator=draw)
    state.exemplars = Exemplars(dict.fromkeys(range(clusters), noise))
    return state


def test_each_live_cluster_with_exemplars_is_asked_for_once_under_derived_ids():
    state = asking(3)
    state.exemplars = Exemplars({cluster: state.exemplars.by_cluster[cluster] for cluster in (0, 2)})
    state.names = {2: "two"}
    requests = requests_of(state, PLAN)
    assert [request.id for request in requests] == ["m/7/replay-request/0", "m/7/replay-request/1"]
    assert [(request.cluster, request.name) for request in requests] == [(0, ""), (2, "two")]
    assert [request.seed for request in requests] == [derived_seed(11, 0), derived_seed(11, 2)]
    assert {(request.task_seq, request.expires_at_ms) for request in requests} == {(7, 60_500)}


def test_the_exemplars_travel_as_png_nearest_first():
    state = asking(1)
    (request,) = requests_of(state, PLAN)
    pixels = np.asarray(Image.open(io.BytesIO(request.exemplars[1])))
    assert (pixels == state.exemplars.by_cluster[0][1].permute(1, 2, 0).numpy()).all()
    assert len(request.exemplars) == 5


def test_as_many_images_are_asked_for_as_the_update_will_rehearse_of_each_cluster():
    assert {request.images for request in requests_of(asking(2), PLAN)} == {15}
    assert {request.images for request in requests_of(asking(2, replay_images=8), PLAN)} == {8}
    assert {request.images for request in requests_of(asking(2, recall_ratio=0.5), PLAN)} == {7}


@pytest.mark.parametrize("settings", [{"replay": False}, {"recall": False}, {"recall_ratio": 0.01}])
def test_nothing_is_asked_for_where_nothing_would_be_rehearsed(settings):
    assert requests_of(asking(2, **settings), PLAN) == []


def test_before_the_first_cluster_nothing_is_asked_for():
    assert requests_of(asking(0), PLAN) == []


def test_large_exemplars_are_left_out_until_the_request_fits_into_a_message():
    (request,) = requests_of(asking(1, size=320), PLAN)
    assert len(request.exemplars) == 1
    assert len(request.to_bytes()) < 1_000_000
