"""Dead letters on a real Kafka: counted, listed, shown, and sent back with their identity."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.dead_letters.dead_letter import DeadLetter, original_headers
from deploy.dead_letters.dead_letter_queue import DeadLetterQueue
from deploy.dead_letters.service import main
from stream.dead_letters import DeadLetters
from stream.kafka.admin import create_topics
from stream.kafka.consumer import read_topic
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.log import Record
from stream.process.errors import InvalidImage
from stream.process.settings import StreamSettings

CE = [("ce_source", b"door"), ("ce_id", b"17"), ("ce_sequence", b"17")]
LETTERS = [
    (Record(2, 41, 0, b"door", b"hello", CE), "not_an_image"),
    (Record(1, 7, 0, None, b"cut", []), "truncated"),
    (Record(2, 44, 0, b"door", b"cut too", []), "truncated"),
    (Record(9, 1, 0, b"door", b"x" * 1_200_000, []), "too_many_bytes"),
]


def letter(*headers: tuple[str, bytes], value: bytes | None = b"v", key: bytes | None = None) -> DeadLetter:
    return DeadLetter.of(Record(0, 3, 17, key, value, headers))


def test_a_letter_tells_where_it_stood_and_why() -> None:
    found = letter(
        ("__connect.errors.topic", b"r2r.frames"),
        ("__connect.errors.partition", b"2"),
        ("__connect.errors.offset", b"41"),
        ("r2r-reason", b"corrupt"),
        ("ce_source", b"door"),
    )
    assert (found.place, found.topic, found.partition, found.offset) == ("0/3", "r2r.frames", 2, 41)
    assert (found.reason, found.source, found.can_be_resent) == ("corrupt", "door", True)


def test_headers_that_nobody_of_us_wrote_stop_no_one() -> None:
    found = letter(("r2r-reason", b"\xff"), ("__connect.errors.partition", b"many"), value=None, key=b"\xfe")
    assert (found.partition, found.can_be_resent, found.source) == (-1, False, "�")


def test_what_is_sent_back_has_its_own_headers_alone() -> None:
    headers = [*CE, ("trace", None), ("r2r-id", b"m/7"), ("__connect.errors.stage", b"V")]
    assert original_headers(headers) == [*CE, ("trace", b"")]  # type: ignore[arg-type]


@pytest.fixture
def dlq(stream_settings: StreamSettings, tmp_path: Path) -> Callable[..., int]:
    """Return the command over a topic with four letters."""
    topics = Topics("m", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)
    with BoundedProducer(stream_settings) as producer:
        dead = DeadLetters(producer, topics.frames_dlq)
        for number, (record, reason) in enumerate(LETTERS):
            dead.send(record, InvalidImage("send it again", reason=reason), f"m/7/dead-letter/{number}")
    flags = ["--home", str(tmp_path), "--set", f"stream.bootstrap_servers={stream_settings.bootstrap_servers}"]
    flags += ["--set", f"stream.topic_prefix={stream_settings.topic_prefix}"]
    return lambda *argv: main([*argv, *flags])


def test_letters_are_listed_shown_and_sent_back(
    dlq: Callable[..., int],
    stream_settings: StreamSettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert dlq("list", "--json", "--reason", "truncated", "--limit", "1") == 0
    output = json.loads(capsys.readouterr().out)
    assert output["reasons"] == {"truncated": 2, "not_an_image": 1, "too_many_bytes": 1}
    assert [found["reason"] for found in output["letters"]] == ["truncated"]
    assert dlq("list") == 0
    assert "2 truncated, 1 not_an_image, 1 too_many_bytes" in capsys.readouterr().out

    assert dlq("list", "--json", "--reason", "not_an_image") == 0
    (found,) = json.loads(capsys.readouterr().out)["letters"]
    assert dlq("show", found["place"], "--save", str(tmp_path / "value")) == 0
    assert "ce_id: 17" in capsys.readouterr().out
    assert (tmp_path / "value").read_bytes() == b"hello"
    assert dlq("show", "0/99") == 1
    assert "no record at '0/99'" in capsys.readouterr().err

    frames = f"{stream_settings.topic_prefix}.frames"
    assert dlq("resend", found["place"]) == 0
    (back,) = read_topic(stream_settings, frames)
    assert (back.partition, back.key, back.value, list(back.headers)) == (2, b"door", b"hello", CE)
    assert dlq("resend", "--all", "--reason", "truncated", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outcomes"] == {"sent": 2}
    assert dlq("resend", "--all") == 0
    assert capsys.readouterr().out == "3 sent, 1 left, without its value\n"
    assert len(read_topic(stream_settings, frames)) == 6


@pytest.mark.usefixtures("dlq")
def test_a_long_topic_is_read_from_near_its_end(stream_settings: StreamSettings) -> None:
    box = DeadLetterQueue(stream_settings, f"{stream_settings.topic_prefix}.frames.dlq", most_read=1)
    found = box.overview(10, None)
    assert sum(found.reasons.values()) + found.passed_over == len(LETTERS)
    assert len(found.letters) == sum(found.reasons.values()) <= stream_settings.frame_partitions


def test_an_empty_topic_says_so(dlq: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq("list", "--topic", "replay", "--model", "m") == 0
    assert "is empty" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["resend"], ["resend", "0/1", "--all"], ["list", "--limit", "0"]])
def test_a_wrong_use_ends_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_without_a_broker_it_is_one_sentence(
    absent_broker: StreamSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--home", str(tmp_path), "--set", f"stream.bootstrap_servers={absent_broker.bootstrap_servers}"]
    assert main(["list", *flags, "--set", "stream.broker_timeout_seconds=0.3"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
