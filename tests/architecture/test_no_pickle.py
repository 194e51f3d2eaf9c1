import ast

import pytest

from tests.architecture.tree import ROOMS, ROOT, python_files, syntax

FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"torch.load", "torch.save", "torch.jit.load"}


def unsafe(tree):
    """Name what in a syntax tree could run code that a file brings with it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module} & FORBIDDEN_MODULES
            found |= {f"{module}.{alias.name}" for alias in node.names} & FORBIDDEN_CALLS
        elif isinstance(node, ast.Attribute):
            found |= {ast.unparse(node)} & FORBIDDEN_CALLS
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found |= set() if ast.unparse(node.value) == "False" else {"allow_pickle"}
    return found


def test_nothing_is_pickled():
    found = {str(path.relative_to(ROOT)): unsafe(syntax(path)) for path in python_files(*ROOMS)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import dump",
        "import torch\ntorch.load(file)",
        "from torch import load",
        "np.load(file, allow_pickle=True)",
    ],
)
def test_the_check_sees_what_it_forbids(source):
    assert unsafe(ast.parse(source))
