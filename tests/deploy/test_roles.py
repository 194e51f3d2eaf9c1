"""The table of roles, and the one in the documents that repeats it."""

import ast
from importlib.util import find_spec

from deploy.roles import BROKER, ROLES, RoleEntry, role_processes
from tests.architecture.tree import ROOT, syntax

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


def told_names(role: RoleEntry) -> set[str]:
    """Return the names that the role's module, and those beside it, tell its shell; a worker's without its number."""
    found = set()
    for path in ROOT.joinpath(*role.module.split(".")[:-1]).glob("*.py"):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"run_role", "parser"}:
                told = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
                if isinstance(told, ast.Constant):
                    found.add(str(told.value).removesuffix("-"))
    return found


def test_a_role_that_cannot_read_the_table_has_its_name_all_the_same() -> None:
    """Its room stands below deploy: the name is written again there."""
    below = [role for role in ROLES if not role.module.startswith("deploy.")]
    assert {role.name: told_names(role) for role in below} == {
        role.name: {role.command if role is BROKER else role.name} for role in below
    }


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
