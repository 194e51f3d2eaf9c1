"""The learner's loop on a real Kafka: when it writes a checkpoint, and whom it tells."""

from contextlib import closing

import pytest

from learner.plan.plan_log import KafkaPlanLog
from learner.save.checkpoint import content_sha256, load_checkpoint
from stream.kafka.client import TopicPartition, open_admin
from stream.kafka.consumer import read_topic
from stream.kafka.topics import Topics
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.event import Event
from stream.process.errors import LearnerFenced, PositionLost
from tests.flows.preload import AfterTask, learn_until, opened_learner, preload
from tests.learner.small import SETTINGS


def announced(streaming, topics):
    return [CheckpointReady.from_bytes(record.value) for record in read_topic(streaming, topics.checkpoints)]


def test_checkpoints_follow_updates_and_otherwise_every_few_tasks_and_the_stop(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 160)
    newest = learn_until(stream_settings, topics, tmp_path, 9)
    ready = announced(stream_settings, topics)
    updated, cadence = 3, SETTINGS.checkpoint_tasks
    assert [told.task_seq for told in ready] == [updated, updated + cadence, 9]
    assert [told.publish for told in ready] == [True, False, False]
    assert (ready[-1].sha256, ready[-1].uri) == (content_sha256(newest), newest.as_uri())
    events = [Event.from_bytes(record.value) for record in read_topic(stream_settings, topics.events)]
    assert [event.kind for event in events] == ["birth", "birth", "update"]


def test_started_again_it_announces_the_newest_checkpoint_once_more_and_goes_on(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 160)
    learn_until(stream_settings, topics, tmp_path, 3)
    newest = learn_until(stream_settings, topics, tmp_path, 5)
    ready = announced(stream_settings, topics)
    assert [(told.id, told.publish) for told in ready] == [
        ("m/3/checkpoint/0", True),
        ("m/3/checkpoint/0", True),
        ("m/5/checkpoint/0", False),
    ]
    assert load_checkpoint(newest).progress.task_seq == 5


def test_a_learner_that_is_fenced_while_it_executes_tells_and_saves_nothing(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 160)
    before = learn_until(stream_settings, topics, tmp_path, 2)
    told = len(announced(stream_settings, topics))
    with (
        opened_learner(stream_settings, topics, tmp_path) as learner,
        closing(KafkaPlanLog(stream_settings, topics)) as other,
    ):
        other.take_over()
        with pytest.raises(LearnerFenced):
            learner.learn(AfterTask(learner, 3))
        assert (learner.state.progress.task_seq, learner.state.progress.updates) == (3, 1), "it has executed the plan"
        assert list(other.plans_after(2)) == []
        assert learner.checkpoints.newest_good() == before
    assert len(announced(stream_settings, topics)) == told + 1, "what it says once more when it starts"
    assert read_topic(stream_settings, topics.events) == []


def test_lag_tools_see_how_far_the_checkpoint_is(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 64)
    state = load_checkpoint(learn_until(stream_settings, topics, tmp_path, 3))
    group = f"{topics.frames}-m"
    with closing(open_admin(stream_settings)) as admin:
        committed = admin.list_group_offsets(group)[group]
    found = {tp.partition: offset.offset for tp, offset in committed.items() if tp.topic == topics.frames}
    assert found == state.progress.positions.frames


def test_frames_that_expired_before_they_were_learned_from_are_told_with_the_choices(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    ends = preload(stream_settings, topics, 0, 160)
    learn_until(stream_settings, topics, tmp_path, 3)
    with closing(open_admin(stream_settings)) as admin:
        admin.delete_records({TopicPartition(topics.frames, partition): end for partition, end in ends.items()})
    with pytest.raises(PositionLost, match=r"has expired, .* raise stream.frames_retention_bytes, or name a new model"):
        learn_until(stream_settings, topics, tmp_path, 4)


def test_a_topic_made_anew_under_its_old_name_is_told_with_the_choices(stream_settings, tmp_path):
    topics = Topics("m", stream_settings.topic_prefix)
    preload(stream_settings, topics, 0, 96)
    learn_until(stream_settings, topics, tmp_path, 3)
    with closing(open_admin(stream_settings)) as admin:
        admin.delete_topics([topics.frames])
    preload(stream_settings, topics, 0, 96)
    with pytest.raises(PositionLost, match=r"was made anew; give the old one back, or name a new model"):
        learn_until(stream_settings, topics, tmp_path, 4)
