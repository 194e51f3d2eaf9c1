"""Pin, unpin and rollback, decided on facts alone."""

from dataclasses import replace

import pytest

from deploy.publish.errors import CommandRefused
from deploy.publish.promotion_policy import ServableVersions, decide
from deploy.publish.promotion_state import PromotionState, RollForward
from deploy.registry.manifest import Manifest
from stream.messages.command import Command
from stream.messages.event import Evidence
from tests.deploy.published import manifest_of

FREE = PromotionState("digits")
PINNED = PromotionState("digits", pinned=40)


def manifests(*versions: int) -> list[Manifest]:
    return [manifest_of(b"%d" % version, "digits", version) for version in versions]


def servable(*versions: int, waiting: int | None = None) -> ServableVersions:
    return ServableVersions(manifests(*versions), max(versions, default=0), waiting)


def ask(
    state: PromotionState, on: ServableVersions, kind: str, version: object = None
) -> tuple[PromotionState, Evidence]:
    arguments = {} if version is None else {"version": version}
    return decide(state, Command("c", "digits", kind, arguments, 0), on)  # type: ignore[arg-type]


def refusal(state: PromotionState, on: ServableVersions, kind: str, version: object = None) -> str:
    with pytest.raises(CommandRefused) as caught:
        ask(state, on, kind, version)
    return caught.value.reason


def test_a_rollback_gives_the_old_content_the_highest_number_and_pins_it() -> None:
    after, evidence = ask(FREE, servable(20, 30, 40), "rollback", 20)
    assert (after.pinned, after.roll_forward) == (41, RollForward(20, 41))
    assert evidence == {"command": "c", "version": 41, "rolled_back_from": 20}
    assert after.settled_task == 40


def test_a_rollback_while_another_version_is_pinned_pins_the_newer_choice() -> None:
    assert ask(PINNED, servable(20, 30, 40), "rollback", 30)[0].pinned == 41


def test_a_pin_without_a_version_pins_what_answers_and_changes_nothing_else() -> None:
    after, evidence = ask(FREE, servable(20, 40), "pin")
    assert (after.pinned, after.roll_forward) == (40, None)
    assert evidence == {"command": "c", "version": 40}


def test_a_pin_of_an_older_version_is_a_rollback() -> None:
    assert ask(FREE, servable(20, 40), "pin", 20)[0].roll_forward == RollForward(20, 41)


def test_the_content_that_answers_is_pinned_under_the_number_it_has() -> None:
    old = manifests(20)[0]
    on = ServableVersions([old, replace(old, version=41, rolled_back_from=20)], 41)
    assert ask(FREE, on, "pin", 20)[0].pinned == 41
    assert refusal(FREE, on, "rollback", 20) == "already_live"


def test_a_number_that_only_a_broken_version_has_is_not_given_again() -> None:
    after, _ = ask(FREE, ServableVersions(manifests(20, 40), 43), "rollback", 20)
    assert after.roll_forward == RollForward(20, 44)


def test_an_unpin_lets_the_newest_waiting_checkpoint_through_and_passes_over_those_before() -> None:
    after, evidence = ask(PINNED, servable(20, 40, waiting=55), "unpin")
    assert (after.pinned, after.settled_task, after.roll_forward) == (None, 54, None)
    assert evidence == {"command": "c", "version": 40, "waiting_task": 55}


def test_an_unpin_with_nothing_waiting_returns_to_the_newest_that_was_learned() -> None:
    old, new = manifests(20, 40)
    on = ServableVersions([old, new, replace(old, version=41, rolled_back_from=20)], 41)
    after, evidence = ask(replace(PINNED, pinned=41), on, "unpin")
    assert (after.pinned, after.roll_forward) == (None, RollForward(40, 42))
    assert evidence["rolled_back_from"] == 40


def test_an_unpin_of_the_newest_that_was_learned_changes_nothing_else() -> None:
    after, _ = ask(PINNED, servable(20, 40), "unpin")
    assert (after.pinned, after.roll_forward) == (None, None)


def test_what_is_asked_again_forgets_the_roll_forward_that_was_done() -> None:
    done = replace(PINNED, roll_forward=RollForward(20, 40))
    assert ask(done, servable(20, 40), "pin")[0].roll_forward is None


@pytest.mark.parametrize("kind", ["pin", "rollback"])
@pytest.mark.parametrize("version", [7, "40", True, -1, [40]])
def test_a_version_that_is_not_there_is_refused(kind: str, version: object) -> None:
    assert refusal(FREE, servable(1, 40), kind, version) == "unknown_version"


def test_the_other_refusals_have_their_reason() -> None:
    assert refusal(FREE, servable(40), "unpin") == "not_pinned"
    assert refusal(FREE, servable(), "pin") == "no_version"
    assert refusal(FREE, servable(40), "rollback") == "unknown_version"
    with pytest.raises(CommandRefused, match="model 'cats'"):
        decide(FREE, Command("c", "cats", "pin", {}, 0), servable(40))
