import pytest

from learner.steps.commands import Named, RefusedCommand, apply_commands
from stream.log import Record
from stream.messages.command import Command
from stream.messages.task_plan import OffsetRange, TaskPlan
from tests.learner.small import state_with_clusters

PLAN = TaskPlan("m", 1, 7, {}, {}, OffsetRange(0, 9), 0, "", 0)


def records(*values):
    return [Record(0, place, 0, None, value, ()) for place, value in enumerate(values)]


def name_command(cluster, name, command_id="a", model="m"):
    return Command(command_id, model, "name", {"cluster": cluster, "name": name}, 0).to_bytes()


def test_a_cluster_gets_its_name_and_gives_it_back():
    state = state_with_clusters(3)
    named, outcomes = apply_commands(state, records(name_command(1, "cat")), PLAN)
    assert outcomes == [Named("a", 1, "cat")]
    assert (named.names.given, named.progress.updated_at_task) == ({1: "cat"}, 7)
    unnamed, outcomes = apply_commands(named, records(name_command(1, "", "b")), PLAN)
    assert outcomes == [Named("b", 1, "")]
    assert unnamed.names.given == {}
    assert (state.names.given, named.names.given) == ({}, {1: "cat"})


def test_two_clusters_may_bear_one_name_and_the_last_name_counts():
    state = state_with_clusters(3)
    named = [name_command(0, "cat", "a"), name_command(2, "cat", "b"), name_command(0, "katze", "c")]
    state, _ = apply_commands(state, records(*named), PLAN)
    assert state.names.given == {0: "katze", 2: "cat"}


def test_a_resent_command_has_no_second_effect():
    state = state_with_clusters(2)
    first, second = name_command(0, "cat", "a"), name_command(0, "dog", "b")
    state, outcomes = apply_commands(state, records(first, second, first), PLAN)
    assert len(outcomes) == 2
    assert state.names.given == {0: "dog"}
    assert apply_commands(state, records(first), PLAN) == (state, [])


@pytest.mark.parametrize("cluster", [2, -1, "1", True, None, 10**30])
def test_a_cluster_that_does_not_live_is_refused(cluster):
    state = state_with_clusters(2)
    state, (refused,) = apply_commands(state, records(name_command(cluster, "cat")), PLAN)
    assert (refused.command, refused.reason) == ("a", "unknown_cluster")
    assert (state.names.given, state.progress.updated_at_task) == ({}, 0)


@pytest.mark.parametrize("name", ["x" * 65, "two\nlines", " cat", "cluster-1", "cat\u200b", 7, None, ["cat"]])
def test_a_name_that_cannot_be_served_is_refused(name):
    state = state_with_clusters(2)
    state, (refused,) = apply_commands(state, records(name_command(0, name)), PLAN)
    assert refused.reason == "bad_name"
    assert state.names.given == {}


def test_kinds_of_other_roles_are_passed_over_without_a_word():
    state = state_with_clusters(1)
    others = [Command(kind, "m", kind, {"version": 3}, 0).to_bytes() for kind in ("pin", "unpin", "rollback", "new")]
    _, outcomes = apply_commands(state, records(*others, name_command(0, "cat")), PLAN)
    assert outcomes == [Named("a", 0, "cat")]


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
def test_what_is_no_command_is_refused_with_its_reason_and_the_next_is_applied(value, reason):
    state = state_with_clusters(1)
    _, (refused, named) = apply_commands(state, records(value, name_command(0, "cat", "b")), PLAN)
    assert isinstance(refused, RefusedCommand)
    assert (refused.command, refused.reason) == ("offset 0", reason)
    assert named == Named("b", 0, "cat")


def test_a_command_for_another_model_is_refused():
    state = state_with_clusters(1)
    _, (refused,) = apply_commands(state, records(name_command(0, "cat", model="n")), PLAN)
    assert refused.reason == "other_model"
