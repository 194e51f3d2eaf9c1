import pytest

from learner.intake.commands import Naming, RefusedCommand, obey
from stream.log import Record
from stream.messages.control import Command, OffsetRange, TaskPlan
from tests.learner.small import state_with_clusters

PLAN = TaskPlan("m", 1, 7, {}, {}, OffsetRange(0, 9), 0, "", 0)


def records(*values):
    return [Record(0, place, 0, None, value, ()) for place, value in enumerate(values)]


def name_command(cluster, name, command_id="a", model="m"):
    return Command(command_id, model, "name", {"cluster": cluster, "name": name}, 0).to_bytes()


def test_a_cluster_gets_its_name_and_gives_it_back():
    state = state_with_clusters(3)
    assert obey(state, records(name_command(1, "cat")), PLAN) == [Naming("a", 1, "cat")]
    assert (state.names.given, state.updated_at_task) == ({1: "cat"}, 7)
    assert obey(state, records(name_command(1, "", "b")), PLAN) == [Naming("b", 1, "")]
    assert state.names.given == {}


def test_two_clusters_may_bear_one_name_and_the_last_name_counts():
    state = state_with_clusters(3)
    named = [name_command(0, "cat", "a"), name_command(2, "cat", "b"), name_command(0, "katze", "c")]
    obey(state, records(*named), PLAN)
    assert state.names.given == {0: "katze", 2: "cat"}


def test_a_resent_command_has_no_second_effect():
    state = state_with_clusters(2)
    first, second = name_command(0, "cat", "a"), name_command(0, "dog", "b")
    assert len(obey(state, records(first, second, first), PLAN)) == 2
    assert state.names.given == {0: "dog"}


@pytest.mark.parametrize("cluster", [2, -1, "1", True, None, 10**30])
def test_a_cluster_that_does_not_live_is_refused(cluster):
    state = state_with_clusters(2)
    (refused,) = obey(state, records(name_command(cluster, "cat")), PLAN)
    assert (refused.command, refused.reason) == ("a", "unknown_cluster")
    assert (state.names.given, state.updated_at_task) == ({}, 0)


@pytest.mark.parametrize("name", ["x" * 65, "two\nlines", " cat", "cluster-1", "cat\u200b", 7, None, ["cat"]])
def test_a_name_that_cannot_be_served_is_refused(name):
    state = state_with_clusters(2)
    (refused,) = obey(state, records(name_command(0, name)), PLAN)
    assert refused.reason == "bad_name"
    assert state.names.given == {}


def test_kinds_of_other_roles_are_stepped_over_without_a_word():
    state = state_with_clusters(1)
    others = [Command(kind, "m", kind, {"version": 3}, 0).to_bytes() for kind in ("pin", "unpin", "rollback", "new")]
    assert obey(state, records(*others, name_command(0, "cat")), PLAN) == [Naming("a", 0, "cat")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not_json"),
        (b"\xff", "not_json"),
        (b"[]", "wrong_kind"),
        (b'{"format":"r2r.command/1.0"}', "incomplete"),
        (b'{"format":"r2r.event/1.0"}', "wrong_kind"),
        (b'{"format":"r2r.command/2.0"}', "unknown_format"),
        (b'{"format":"r2r.command/1.0","id":[],"model":"m","kind":"name","arguments":{},"at_ms":0}', "incomplete"),
        (b'{"format":"r2r.command/1.0","id":"a","model":"m","kind":"name","arguments":[],"at_ms":0}', "incomplete"),
        (name_command(0, "\ud800"), "incomplete"),
    ],
)
def test_what_is_no_command_is_refused_with_its_reason_and_the_next_is_obeyed(value, reason):
    state = state_with_clusters(1)
    refused, named = obey(state, records(value, name_command(0, "cat", "b")), PLAN)
    assert isinstance(refused, RefusedCommand)
    assert (refused.command, refused.reason) == ("offset 0", reason)
    assert named == Naming("b", 0, "cat")


def test_a_command_for_another_model_is_refused():
    state = state_with_clusters(1)
    (refused,) = obey(state, records(name_command(0, "cat", model="n")), PLAN)
    assert refused.reason == "other_model"
