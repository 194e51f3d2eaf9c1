"""kill -9 with samples and a command in flight: once planned and not executed, and in the middle of their update."""

import json
import signal
from contextlib import closing

from learner.plan.inputs import InputLogs
from stream.kafka.admin import create_topics
from stream.kafka.consumer import TopicTail, read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.command import Command
from stream.messages.replay import ReplayRequest
from tests.flows.ended_runs import differing, executed, run_to_the_end
from tests.flows.learner_process import LearnerProcess, check_that_plans_tile, reached_by, write_settings
from tests.flows.preload import preload
from tests.learner.small import SETTINGS, digits_log, log_of_records, run_through
from tests.learner.workers import painted
from tests.wait import wait_until

MODEL = "m"
BEFORE = 192  # a change is noticed and clusters are asked for, but the update waits for more frames
AFTER = 192  # until the update after that one, which the answers are for: what stands on the topic leaves no time


def answer(streaming, topics, requests):
    """Send each answer in two parts, one of them twice, and a name."""
    name = Command("c", MODEL, "name", {"cluster": 1, "name": "one"}, 0)
    with BoundedProducer(streaming) as producer:
        for request in requests:
            for part in (0, 1, 1):
                batch = painted(request, request.images // 2, part, 2)
                producer.send(topics.replay_samples, request.id.encode(), batch.to_bytes())
        producer.send(topics.commands, name.id.encode(), name.to_bytes())


def test_killed_twice_with_samples_in_flight_it_ends_bit_identical(stream_settings, tmp_path):
    stream_settings = stream_settings.model_copy(update={"frame_partitions": 1})  # so the digits keep their order
    topics = Topics(MODEL, stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    write_settings(tmp_path, stream_settings, SETTINGS)
    _, reports = run_through(digits_log(BEFORE, 1))
    asked = sum(len(report.requests) for report in reports)
    preload(stream_settings, topics, 0, BEFORE)
    requests: list[ReplayRequest] = []
    with (
        LearnerProcess(tmp_path, MODEL, faults=f"kill=plan_written@{len(reports) + 1}") as first,
        closing(TopicTail(stream_settings, topics.replay_requests)) as tail,
    ):

        def all_asked() -> bool:
            assert first.process.poll() is None, first.ended()
            requests.extend(ReplayRequest.from_bytes(record.value) for record in tail.next_records(0.05))
            return len(requests) == asked

        wait_until(all_asked, what="the requests")
        answer(stream_settings, topics, requests)
        ends = preload(stream_settings, topics, BEFORE, AFTER)
        assert first.ended() == (-signal.SIGKILL, "")
    with LearnerProcess(tmp_path, MODEL, faults="kill=mid_update@1") as second:
        assert second.ended() == (-signal.SIGKILL, "")
    run = run_to_the_end(tmp_path, stream_settings, MODEL, ends, leaving=SETTINGS.micro_task_frames - 1)

    check_that_plans_tile(run.plans, reached_by(run.plans))
    state = json.loads(run.files["state.json"])
    assert (state["sample_positions"], state["command_positions"]) == ({"0": 3 * asked}, {"0": 1})
    assert state["names"] == {"1": "one"}
    logs = InputLogs(
        log_of_records(read_topic(stream_settings, topics.frames), 1),
        log_of_records(read_topic(stream_settings, topics.replay_samples), 1),
        log_of_records(read_topic(stream_settings, topics.commands), 1),
    )
    again = executed(run.plans, logs)
    assert differing(again, run.files) == []
    assert json.loads(again["state.json"]) == state
