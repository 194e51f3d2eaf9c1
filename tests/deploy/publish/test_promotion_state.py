"""The promotion state as release 1 wrote it is read, now and by every later release."""

from pathlib import Path

import pytest

from deploy.publish.promotion_state import PromotionState, PromotionStateFile, RollForward
from deploy.registry.errors import RegistryError
from stream.messages.event import Event
from stream.process.errors import InvalidMessage, UnknownFormat

STORED = (Path(__file__).parents[2] / "fixtures/formats/v1/steering.json").read_bytes()
OUTCOME = {"command": "5f0d", "version": 12, "rolled_back_from": 7}
STATE = PromotionState(
    model="digits",
    pinned=12,
    settled_task=11,
    commands_topic="QkFTRQ",
    commands_offset=4,
    applied=("5f0c", "5f0d"),
    roll_forward=RollForward(7, 12),
    outcome=Event("digits/12/rollback/3", "digits", 12, "rollback", 1_795_000_000_123, OUTCOME),
)


def test_the_stored_state_is_read_and_written() -> None:
    assert PromotionState.from_bytes(STORED) == STATE
    assert STATE.to_bytes() == STORED


def test_a_later_minor_version_is_read_and_another_major_is_not() -> None:
    later = STORED.replace(b"steering/1.0", b"steering/1.9").replace(b'"model":', b'"unheard_of":1,"model":', 1)
    assert PromotionState.from_bytes(later) == STATE
    with pytest.raises(UnknownFormat):
        PromotionState.from_bytes(STORED.replace(b"steering/1.0", b"steering/2.0"))


def test_without_its_model_it_is_incomplete() -> None:
    with pytest.raises(InvalidMessage, match="does not fit its format"):
        PromotionState.from_bytes(b'{"format":"r2r.steering/1.0"}')


@pytest.mark.parametrize("root", ["local", "memory"])
def test_what_was_saved_last_is_loaded_and_before_that_nothing_is_pinned(root: str, tmp_path: Path) -> None:
    file = PromotionStateFile(str(tmp_path) if root == "local" else f"memory://{tmp_path.name}", "digits")
    assert file.load() == PromotionState("digits")
    file.save(PromotionState("digits", pinned=3))
    file.save(STATE)
    assert file.load() == STATE


def test_a_damaged_file_is_reported_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "steering").mkdir()
    for content in (b"{", b'{"format":"r2r.steering/1.0"}', b"\xef\xbb\xbf" + STORED, STORED.decode().encode("utf-16")):
        (tmp_path / "steering/digits.json").write_bytes(content)
        with pytest.raises(RegistryError, match=r"steering/digits.json is damaged \(.*\); delete it") as caught:
            PromotionStateFile(str(tmp_path), "digits").load()
        assert str(caught.value).count(";") == 1
