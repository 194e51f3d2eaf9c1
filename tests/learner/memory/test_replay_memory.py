import json
from dataclasses import replace

import torch

from learner.intake.window import Place
from learner.memory import replay_memory
from learner.memory.replay_memory import ReplayCounts, ReplayMemory
from learner.part import Saved
from stream.messages.replay import ReplayRequest
from tests.learner.small import SETTINGS


def own(number=0):
    """Return a request's id within its model."""
    return f"1/replay-request/{number}"


def request(number=0, cluster=0, images=4, expires_at_ms=1_000):
    return ReplayRequest(f"m/{own(number)}", "m", 1, cluster, "", [], images, 0, expires_at_ms)


def images(*levels):
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8)


def levels(generated):
    return [int(one.image_CSS[0, 0, 0]) for one in generated]


def asked(*requests, update=1):
    return ReplayMemory().with_requests(requests, update, updates=0)


def test_what_comes_before_its_update_is_in_time_and_is_used_by_it():
    memory = asked(request())
    memory = memory.with_batch(own(), "a", images(1, 2), updates=0)
    memory, taken = memory.taken(9, update=1)
    assert levels(taken) == [1, 2]
    assert memory.generated == ()
    assert memory.counts == ReplayCounts(requested=4, in_time=2, used=2, used_in_time=2)


def test_what_comes_after_its_update_serves_the_next_one_behind_what_that_asked_for():
    memory = asked(request(0))
    memory = memory.counting_anew()
    memory = memory.with_requests([request(1)], 2, updates=1)
    memory = memory.with_batch(own(0), "a", images(1, 2), updates=1)
    memory = memory.with_batch(own(1), "b", images(3, 4), updates=1)
    memory, taken = memory.taken(3, update=2)
    assert levels(taken) == [3, 4, 1]
    assert levels(memory.generated) == [2]
    assert (memory.counts.in_time, memory.counts.late) == (2, 2)
    assert (memory.counts.used, memory.counts.used_in_time) == (3, 2)


def test_what_is_asked_ahead_waits_for_its_update_and_is_counted_with_it():
    memory = asked(request(0), update=2)
    memory = memory.with_batch(own(0), "a", images(1, 2), updates=0)
    memory, taken = memory.taken(9, update=1)
    assert taken == []
    assert (memory.counts.requested, memory.counts.requested_ahead) == (0, 4)
    memory = memory.counting_anew()
    memory, taken = memory.taken(9, update=2)
    assert levels(taken) == [1, 2]
    assert (memory.counts.requested, memory.counts.requested_ahead, memory.counts.used_in_time) == (4, 0, 2)


def test_each_cluster_gives_at_most_its_share():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory = memory.with_batch(own(0), "a", images(1, 2, 3), updates=0)
    memory = memory.with_batch(own(1), "b", images(4), updates=0)
    memory, taken = memory.taken(2, update=1)
    assert levels(taken) == [1, 2, 4]


def test_what_waits_or_may_still_come_for_an_update_is_expected():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory = memory.with_batch(own(0), "a", images(1, 2, 3), updates=0)
    assert memory.expected(1, updates=0) == {0: 4, 5: 4}
    assert memory.expected(2, updates=1) == {0: 3}, "what is left over from the last update serves the next"
    assert memory.expected(2, updates=0) == {}, "the update before it will have taken them"


def test_requests_and_images_expire_together():
    memory = asked(request(expires_at_ms=1_000))
    memory = memory.with_batch(own(), "a", images(1, 2), updates=0)
    memory = memory.expired(1_000, live=[0])
    assert len(memory.generated) == len(memory.asked) + 1 == 2
    memory = memory.expired(1_001, live=[0])
    assert (memory.generated, memory.asked, memory.counts.dropped) == ((), {}, 2)


def test_what_was_generated_of_a_cluster_that_is_no_more_is_dropped():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory = memory.with_batch(own(0), "a", images(1), updates=0)
    memory = memory.with_batch(own(1), "b", images(2), updates=0)
    memory = memory.expired(0, live=[5])
    assert levels(memory.generated) == [2]
    assert list(memory.asked) == [own(1)]


def test_requests_are_bounded_and_the_oldest_are_forgotten():
    memory = asked(*(request(number) for number in range(300)))
    assert len(memory.asked) == replay_memory.MOST_REQUESTS
    assert own(43) not in memory.asked
    assert own(44) in memory.asked


def test_images_are_bounded_in_bytes_and_the_oldest_leave_first(monkeypatch):
    monkeypatch.setattr(replay_memory, "_MOST_BYTES", 3 * 3 * 8 * 8)
    memory = asked(request(images=9))
    for number in range(5):
        memory = memory.with_batch(own(), str(number), images(number), updates=0)
    assert levels(memory.generated) == [2, 3, 4]
    assert memory.counts.dropped == 2


def test_what_comes_leaves_the_memory_that_was_there_as_it_was():
    before = asked(request())
    came = before.with_batch(own(), "a", images(1, 2), updates=0)
    came.taken(9, update=1)
    came.expired(9_000, live=[])
    assert (before, before.is_owed) == (asked(request()), True)
    assert (levels(came.generated), came.is_owed, list(came.asked)) == ([1, 2], False, [own()])


def test_it_is_saved_and_loaded_whole():
    memory = ReplayMemory().with_requests([request(0), request(1, 5)], 1, updates=0, members={5: [Place(1, 7)]})
    memory = memory.with_batch(own(1), "b", images(7, 8), updates=0).with_refused(3).with_gap(5, 0.5)
    saved = memory.save()
    again = ReplayMemory.load(Saved(json.loads(json.dumps(saved.values)), saved.tensors), SETTINGS)
    assert (again.asked, again.counts, again.gaps) == (memory.asked, memory.counts, memory.gaps)
    assert [(one.cluster, one.update, one.expires_at_ms) for one in again.generated] == [(5, 1, 1_000)] * 2
    assert levels(again.generated) == [7, 8]
    assert ReplayMemory.load(ReplayMemory().save(), SETTINGS) == ReplayMemory()


def test_what_a_later_minor_version_has_added_is_left_out():
    saved = asked(request()).save().values
    later = {
        **saved,
        "asked": [{**one, "colour": "red"} for one in saved["asked"]],
        "counts": {**saved["counts"], "repainted": 3},
    }
    assert ReplayMemory.load(Saved(later), SETTINGS) == asked(request())


def test_what_is_remembered_says_nothing_of_the_models_name():
    one, other = (
        ReplayMemory().with_requests([replace(request(), id=f"{model}/{own()}", model=model)], 1, updates=0)
        for model in ("a", "b/c")
    )
    assert one == other
