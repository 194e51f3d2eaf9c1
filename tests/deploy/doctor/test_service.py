"""`r2r doctor` as a whole, over a broker and without one."""

import json
from pathlib import Path

import pytest

from deploy.doctor.service import main
from stream.kafka.admin import create_topics
from stream.kafka.facts import clock_difference, topic_facts
from stream.kafka.topics import Topics
from stream.process.clock import now_ms
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from tests.wait import wait_until

NAMES = ["python", "crc32c", "memory", "disk", "ports", "java", "kafka jars", "kafka", "topics", "clock"]
NAMES += ["onnxruntime", "torch", "replay"]


def doctor(home: Path, streaming: StreamSettings, *flags: str) -> int:
    settings = [
        f"stream.bootstrap_servers={streaming.bootstrap_servers}",
        f"stream.topic_prefix={streaming.topic_prefix}",
    ]
    settings += [f"deploy.port={free_port()}", f"deploy.first_metrics_port={free_port()}", "deploy.replay_workers=0"]
    return main(["--home", str(home), *(text for setting in settings for text in ("--set", setting)), *flags])


def test_every_check_is_made_over_a_broker(
    stream_settings: StreamSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_topics(stream_settings, Topics("m", stream_settings.topic_prefix))
    code = doctor(tmp_path, stream_settings, "--json", "--model", "m")
    output = json.loads(capsys.readouterr().out)
    assert [finding["name"] for finding in output["findings"]] == NAMES
    assert output["ok"] == (code == 0)
    levels = {finding["name"]: finding["level"] for finding in output["findings"]}
    assert (levels["kafka"], levels["topics"]) == ("ok", "ok")
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_start_nothing_is_wrong_with_kafka(
    absent_broker: StreamSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor(tmp_path, absent_broker)
    output = capsys.readouterr().out
    assert "`r2r up` starts one" in output
    assert "not checked without Kafka" in output


def test_a_wrong_setting_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "--set", "learner.exemplar=1"]) == 1
    assert "did you mean 'exemplars'" in capsys.readouterr().err


def test_the_broker_tells_how_topics_are_kept_and_what_time_it_is(stream_settings: StreamSettings) -> None:
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    kept, missing = topic_facts(stream_settings, [topics.frames, "nobody.made.this"])
    assert (kept.partitions, kept.retention_bytes) == (3, stream_settings.frames_retention_bytes)
    assert (kept.retention_ms, kept.stamps_arrival) == (-1, True)
    assert missing.partitions == 0
    clock = f"{topics.frames}.clock-check"
    found = clock_difference(stream_settings, clock, now_ms)
    assert abs(found.difference_ms) < 1000 + found.uncertainty_ms
    wait_until(lambda: topic_facts(stream_settings, [clock])[0].partitions == 0, what="the topic's end")
