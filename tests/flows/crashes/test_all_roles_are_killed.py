"""The quick form of ``benchmarks.recovery`` for every run of the tests: each role is killed once at least."""

from collections import deque

from benchmarks.recovery.killed_roles import AT_RANDOM, Death
from benchmarks.recovery.run import MODEL, SEED, SETTINGS, Site, run
from benchmarks.recovery.uninterrupted import judge
from stream.kafka.admin import create_topics
from stream.kafka.topics import Topics

DEATHS = {
    "learner": [Death("update_executed"), Death("plan_written", visit=3)],
    "replay": [Death("mid_transaction")],
    "publisher": [Death(AT_RANDOM, seconds=4.0)],
    "server": [Death(AT_RANDOM, seconds=4.0)],
    "feed": [Death(AT_RANDOM, seconds=2.0)],
}


def test_no_frame_is_lost_or_doubled_and_each_bit_is_the_same(stream_settings, tmp_path):
    site = Site(stream_settings, Topics(MODEL, stream_settings.topic_prefix), tmp_path, SEED)
    site.write_settings()
    create_topics(site.streaming, site.topics)
    roles = run(site, {name: deque(deaths) for name, deaths in DEATHS.items()})
    judged = judge(site.streaming, site.topics, SETTINGS, site.home, site.frames)
    assert (judged.lost, judged.doubled, judged.divergence, judged.bit_identical) == (0, 0, {}, True)
    assert judged.updates >= 2
    for role in roles:
        assert sum(role.kills.values()) >= len(DEATHS[role.name])
