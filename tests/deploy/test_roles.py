"""The table of roles, and the one in the documents that repeats it."""

from importlib.util import find_spec

from deploy.roles import ROLES, RoleEntry, role_processes
from tests.architecture.tree import ROOT

DOCUMENT = ROOT / "docs" / "architecture.md"
HEAD = ["| role | command | answers at | `r2r up` starts | scales by |", "|---|---|---|---|---|"]


def row(role: RoleEntry) -> str:
    port = f"`{role.port}`" if role.port else "`--metrics-port`"
    started = f"`{role.started}`" if "." in role.started else role.started
    return f"| {role.name} | `r2r {role.command}` (`{role.module}`) | {port} | {started} | {role.scales} |"


def test_the_document_has_the_table() -> None:
    assert "\n".join([*HEAD, *map(row, ROLES)]) in DOCUMENT.read_text()


def test_every_role_has_a_module_a_command_and_a_name_of_its_own() -> None:
    assert all(find_spec(role.module) is not None for role in ROLES)
    assert len({role.command for role in ROLES}) == len({role.name for role in ROLES}) == len(ROLES)


def test_processes_have_ports_of_their_own_and_workers_their_numbers() -> None:
    found = {process.name: (process.port, process.flags) for process in role_processes("127.0.0.1", 9, 10, 2)}
    assert found == {
        "server": (9, ("--port", "9")),
        "learner": (10, ("--metrics-port", "10")),
        "publisher": (11, ("--metrics-port", "11")),
        "evaluator": (12, ("--metrics-port", "12")),
        "replay-0": (13, ("--worker", "0", "--metrics-port", "13")),
        "replay-1": (14, ("--worker", "1", "--metrics-port", "14")),
    }
