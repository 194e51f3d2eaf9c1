import pytest

from stream.kafka.answers import Answers
from stream.process.errors import InvalidMessage
from stream.process.settings import StreamSettings

SETTINGS = StreamSettings(max_image_bytes=1000)


def refused(answers, size):
    with pytest.raises(InvalidMessage) as caught:
        answers.send("t", b"k", b"x" * size)
    return caught.value.reason


def test_records_are_kept_in_their_order():
    answers = Answers(SETTINGS)
    for number in range(3):
        answers.send("t", b"k", b"%d" % number, [("a", b"b")])
    assert [(one.topic, one.key, one.value, one.headers) for one in answers.records] == [
        ("t", b"k", b"%d" % number, [("a", b"b")]) for number in range(3)
    ]


def test_a_record_that_kafka_would_not_take_is_refused_and_the_rest_is_kept():
    answers = Answers(SETTINGS, most_bytes=10**9)
    answers.send("t", b"k", b"x" * 131_000)
    assert refused(answers, 132_073) == "too_large"
    assert len(answers.records) == 1


def test_all_together_are_bounded():
    answers = Answers(SETTINGS, most_bytes=3000)
    while sum(len(one.value) for one in answers.records) < 1600:
        answers.send("t", b"k", b"x" * 400)
    assert refused(answers, 1500) == "too_large"
