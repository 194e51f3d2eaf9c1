import ast

from tests.architecture.tree import ROOT, syntax


def test_what_runs_a_benchmark_defines_nothing_that_its_worker_processes_would_have_to_import():
    mains = sorted((ROOT / "benchmarks").rglob("__main__.py"))
    assert len(mains) > 5
    defined = {
        f"{path.parent.name}: {node.name}"
        for path in mains
        for node in syntax(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert defined == set(), "a spawned process imports the modules of what it is given, but never a __main__"
