import json
from pathlib import Path

import pytest

from deploy.cli.status import main


def test_where_nothing_runs_it_is_one_sentence_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path)]) == 1
    assert "nothing runs in" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"home": str(tmp_path), "running": False}
    (tmp_path / "run.json").write_text(json.dumps({"up": {"pid": 2**22 + 1, "address": ""}}))
    assert main(["--home", str(tmp_path)]) == 1
    assert f"process {2**22 + 1}, was killed" in capsys.readouterr().err
