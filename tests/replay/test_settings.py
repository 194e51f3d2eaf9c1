import pytest

from replay.settings import ReplaySettings
from replay.worker import slot_of
from stream.kafka.topics import Topics
from stream.process.errors import InvalidSetting
from stream.process.settings import load_settings


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("generator=diffusion", "'resynthesis'"),
        ("strength=4", "less than or equal to 3"),
        ("session_seconds=1", "greater than or equal to 6"),
        ("most_images=0", "greater than or equal to 1"),
        ("strenght=1", "did you mean 'strength'"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(setting, expected):
    with pytest.raises(InvalidSetting, match=expected):
        load_settings("replay", ReplaySettings, None, {}, [f"replay.{setting}"])


def test_every_slot_of_every_model_under_every_prefix_is_its_own():
    places = [Topics(model, prefix) for model in ("cats", "dogs") for prefix in ("r2r", "other")]
    slots = [slot_of(topics, number, ReplaySettings()) for topics in places for number in (0, 1)]
    assert len({slot.transactional_id for slot in slots}) == 8
    assert len({slot.group for slot in slots}) == 4
    assert slots[0].transactional_id == "replay/r2r/cats/0"


def test_a_request_may_take_as_long_as_it_may_before_its_worker_is_given_up():
    slot = slot_of(Topics("m"), 0, ReplaySettings(request_seconds=30))
    assert slot.work_seconds > 30
