"""Labels cannot reach the learner: no file of it names the truth's topic; its message is refused by import-linter."""

import ast

from tests.architecture.tree import python_files, syntax


def reads_the_topic(tree):
    return any(isinstance(node, ast.Attribute) and node.attr == "truth" for node in ast.walk(tree))


def test_the_learner_cannot_name_the_truths_topic():
    assert [str(path) for path in python_files("learner") if reads_the_topic(syntax(path))] == []
