"""Lists and defaults in documents are those of the code: one test for each list."""

import ast
import json
import re

from pydantic import BaseModel, SecretStr

from deploy.cli.all_settings import settings_classes
from deploy.cli.command_line import app
from deploy.publish.promotion_policy import KINDS
from stream.kafka.topics import Topics
from tests.architecture.tree import ROOT, python_files

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
HISTORY = "experiments.md"  # names of their time
CODE = ("stream", "learner", "replay", "deploy")
CODE_SPAN = re.compile(r"`([^`\n]+)`")


def section(page, heading):
    """Return a document's text from a heading to the next of its level or above."""
    level = heading.index(" ")
    after = (DOCS / page).read_text().split(f"\n{heading}\n")[1]
    return re.split(rf"\n#{{1,{level}}} ", after)[0]


def table(text, head):
    """Return the rows of the table whose head begins so, as lists of cells."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"| {head}"))
    rows = lines[first + 2 :]
    end = next((number for number, line in enumerate(rows) if not line.startswith("|")), len(rows))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[:end]]


def defaults(kind, prefix):
    """Return every setting below ``prefix`` with its default as JSON, those of nested tables too."""
    for name, field in kind.model_fields.items():
        path = f"{prefix}.{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from defaults(field.annotation, path)
        else:
            yield path, json.dumps("" if field.annotation is SecretStr else field.default)


def all_defaults():
    return {path: value for name, kind in settings_classes().items() for path, value in defaults(kind, name)}


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def literals(node):
    """Return the texts that an expression may have: a constant's, or either side's of a choice."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def event_kinds():
    """Return the kinds in `Event(id, model, task_seq, kind, …)`, and the first items of the learner's pairs."""
    found = set(KINDS)
    for path in python_files(*CODE):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Event" and len(node.args) > 3:
                found |= literals(node.args[3])
    events = ROOT / "learner" / "tell" / "events.py"
    for node in ast.walk(ast.parse(events.read_text())):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            found |= literals(node.elts[0])
    return found


def metric_names():
    found = set()
    for path in python_files(*CODE):
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in {"Counter", "Gauge", "Histogram"} and node.args:
                found |= {text.removesuffix("_total") for text in literals(node.args[0])}
    return found


def test_the_table_of_commands_is_that_of_the_command_line():
    rows = table((DOCS / "commands.md").read_text(), "commands")
    assert {name for row in rows for name in CODE_SPAN.findall(row[0])} == {
        command.name for command in app.registered_commands
    }


def test_the_tables_of_settings_have_every_setting_with_its_default():
    text = (DOCS / "settings.md").read_text()
    rows = [row for part in text.split("\n## ")[1:] for row in table(part, "setting")]
    written = {row[0].strip("`"): CODE_SPAN.search(row[1])[1] for row in rows}
    assert written == all_defaults()
    assert [row[0] for row in rows if not all(row)] == []


def test_a_setting_that_a_document_names_is_there():
    settings, topics = all_defaults(), Topics("m").replay
    tables = {path.rsplit(".", 1)[0] for path in settings}
    known = {*settings, *tables, *(topic.removeprefix("r2r.m.") for topic in topics)}
    named = re.compile(rf"(?:{'|'.join(settings_classes())})(?:\.[a-z_0-9]+)+")
    spans = {span for page in PAGES if page.name != HISTORY for span in CODE_SPAN.findall(page.read_text())}
    found = {match[0] for match in map(named.match, spans) if match is not None}
    below_a_table = {name for name in found - known if name.rpartition(".")[0] in tables}
    assert {name for name in below_a_table if not is_module(name)} == set()


def test_a_metric_that_a_document_names_is_there():
    names = metric_names()
    assert len(names) > 40
    for page in PAGES:
        written = re.findall(r"`(r2r_[a-z_]*[a-z])`", page.read_text())
        assert {name for name in written if name.removesuffix("_total") not in names} == set(), page.name


def test_the_table_of_events_is_that_of_the_code():
    rows = table(section("formats.md", "## `r2r.event/1.0`"), "kind")
    assert {kind for row in rows for kind in CODE_SPAN.findall(row[0])} == event_kinds()


def test_what_recall_is_worth_is_one_figure_in_all_documents():
    digits = json.loads((ROOT / "benchmarks" / "results" / "learning-digits.json").read_bytes())["digits"]
    with_it, without = digits["r2r"], digits["no_rehearsal"]
    acc, retention = (100 * (with_it[key]["mean"] - without[key]["mean"]) for key in ("acc", "knowledge_retention"))
    (decision,) = (DOCS / "decisions").glob("0008-*.md")
    for page in (ROOT / "README.md", DOCS / "benchmarks.md", decision):
        told = re.search(
            r"(\d+) points of accuracy[^.]*?and\s+(\d+) of retention", re.sub(r"\d\.\d+", "", page.read_text())
        )
        assert told is not None, page.name
        assert told.groups() == (f"{acc:.0f}", f"{retention:.0f}"), page.name
