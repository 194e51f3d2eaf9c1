"""Labels cannot reach the learner: no file of it names the truth's topic or message."""

import ast

from tests.architecture.tree import ROOT, python_files, syntax


def names_of(tree):
    """Return the attributes that are read and the names that are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def test_the_learner_cannot_name_the_truth():
    reaching = {
        str(path.relative_to(ROOT))
        for path in python_files("learner")
        if {"truth", "Truth"} & set(names_of(syntax(path)))
    }
    assert reaching == set()
