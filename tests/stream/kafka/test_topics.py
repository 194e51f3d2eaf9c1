import pytest

from stream.kafka.topics import Topics
from stream.process.errors import InvalidSetting


def test_frames_and_truth_are_shared_and_the_rest_carry_the_models_name():
    topics = Topics("digits")
    assert topics.shared == ("r2r.frames", "r2r.frames.dlq", "r2r.truth")
    assert topics.control == (
        "r2r.digits.tasks",
        "r2r.digits.checkpoints",
        "r2r.digits.events",
        "r2r.digits.models",
        "r2r.digits.commands",
    )
    assert topics.replay == (
        "r2r.digits.replay.requests",
        "r2r.digits.replay.requests.dlq",
        "r2r.digits.replay.samples",
    )


def test_two_models_meet_only_on_the_shared_topics():
    one, other = Topics("one"), Topics("other")
    assert one.shared == other.shared
    assert not set(one.control) & set(other.control)


def test_the_prefix_is_settable():
    assert Topics("digits", prefix="site7").truth == "site7.truth"
    assert Topics("digits", prefix="site7").tasks == "site7.digits.tasks"


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "ü", "a b", "x" * 65, "a\n"])
def test_a_name_that_is_not_safe_in_a_topic_is_refused(name):
    with pytest.raises(InvalidSetting, match="letters, digits"):
        Topics(name)


@pytest.mark.parametrize("name", ["a", "Digits_2-b", "x" * 64])
def test_safe_names_are_taken(name):
    assert Topics(name).model == name
