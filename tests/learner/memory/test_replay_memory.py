from dataclasses import replace

import torch
from learner.memory.replay_format import replay_from_state, replay_to_state, replay_to_tensors

from learner.memory import replay_memory
from learner.memory.replay_memory import ReplayCounts, ReplayMemory
from stream.messages.replay import ReplayRequest


def own(number=0):
    """Return a request's id within its model."""
    return f"1/replay-request/{number}"


def request(number=0, cluster=0, images=4, expires_at_ms=1_000):
    return ReplayRequest(f"m/{own(number)}", "m", 1, cluster, "", [], images, 0, expires_at_ms)


def images(*levels):
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8)


def levels(painted):
    return [int(one.image_CSS[0, 0, 0]) for one in painted]


def asked(*requests, update=1):
    memory = ReplayMemory()
    memory.note_requests(requests, update, updates=0)
    return memory


def test_what_comes_before_its_update_is_in_time_and_is_used_by_it():
    memory = asked(request())
    memory.take_in(own(), "a", images(1, 2), updates=0)
    assert levels(memory.take_out(9, update=1)) == [1, 2]
    assert memory.painted == []
    assert memory.counts == ReplayCounts(requested=4, in_time=2, used=2, used_in_time=2)


def test_what_comes_after_its_update_serves_the_next_one_behind_what_that_asked_for():
    memory = asked(request(0))
    memory.count_anew()
    memory.note_requests([request(1)], 2, updates=1)
    memory.take_in(own(0), "a", images(1, 2), updates=1)
    memory.take_in(own(1), "b", images(3, 4), updates=1)
    assert levels(memory.take_out(3, update=2)) == [3, 4, 1]
    assert levels(memory.painted) == [2]
    assert (memory.counts.in_time, memory.counts.late) == (2, 2)
    assert (memory.counts.used, memory.counts.used_in_time) == (3, 2)


def test_what_is_asked_ahead_waits_for_its_update_and_is_counted_with_it():
    memory = asked(request(0), update=2)
    memory.take_in(own(0), "a", images(1, 2), updates=0)
    assert memory.take_out(9, update=1) == []
    assert (memory.counts.requested, memory.counts.requested_ahead) == (0, 4)
    memory.count_anew()
    assert levels(memory.take_out(9, update=2)) == [1, 2]
    assert (memory.counts.requested, memory.counts.requested_ahead, memory.counts.used_in_time) == (4, 0, 2)


def test_each_cluster_gives_at_most_its_share():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory.take_in(own(0), "a", images(1, 2, 3), updates=0)
    memory.take_in(own(1), "b", images(4), updates=0)
    assert levels(memory.take_out(2, update=1)) == [1, 2, 4]


def test_what_waits_or_may_still_come_for_an_update_is_expected():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory.take_in(own(0), "a", images(1, 2, 3), updates=0)
    assert memory.expected(1, updates=0) == {0: 4, 5: 4}
    assert memory.expected(2, updates=1) == {0: 3}, "what is left over from the last update serves the next"
    assert memory.expected(2, updates=0) == {}, "the update before it will have taken them"


def test_requests_and_images_expire_together():
    memory = asked(request(expires_at_ms=1_000))
    memory.take_in(own(), "a", images(1, 2), updates=0)
    memory.expire(1_000, live=[0])
    assert len(memory.painted) == len(memory.asked) + 1 == 2
    memory.expire(1_001, live=[0])
    assert (memory.painted, memory.asked, memory.counts.dropped) == ([], {}, 2)


def test_what_was_painted_of_a_cluster_that_is_no_more_is_dropped():
    memory = asked(request(0, cluster=0), request(1, cluster=5))
    memory.take_in(own(0), "a", images(1), updates=0)
    memory.take_in(own(1), "b", images(2), updates=0)
    memory.expire(0, live=[5])
    assert levels(memory.painted) == [2]
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
        memory.take_in(own(), str(number), images(number), updates=0)
    assert levels(memory.painted) == [2, 3, 4]
    assert memory.counts.dropped == 2


def test_it_is_saved_and_read_back_whole():
    memory = asked(request(0), request(1, cluster=5))
    memory.take_in(own(1), "b", images(7, 8), updates=0)
    memory.note_refused(3)
    again = replay_from_state(replay_to_state(memory), replay_to_tensors(memory))
    assert (again.asked, again.counts) == (memory.asked, memory.counts)
    assert [(one.cluster, one.update, one.expires_at_ms) for one in again.painted] == [(5, 1, 1_000)] * 2
    assert levels(again.painted) == [7, 8]
    assert replay_from_state(None, {}) == ReplayMemory()


def test_what_is_remembered_says_nothing_of_the_models_name():
    one, other = ReplayMemory(), ReplayMemory()
    for memory, model in ((one, "a"), (other, "b/c")):
        memory.note_requests([replace(request(), id=f"{model}/{own()}", model=model)], 1, updates=0)
    assert one == other
