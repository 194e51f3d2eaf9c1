import logging
import signal

import pytest

from stream.process.errors import SourceUnavailable
from stream.process.role import parser, run_role


@pytest.fixture(autouse=True)
def _root_log_and_signals():
    """Put back what a role changes of its process."""
    root, raises = logging.getLogger(), logging.raiseExceptions
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    for number, handler in signals.items():
        signal.signal(number, handler)


def run(home, body, *argv):
    return run_role("look", parser("look", "Look."), body, ["--home", str(home), *argv])


def test_a_role_that_returns_ends_with_0_and_has_its_home_and_settings(tmp_path, capsys):
    seen = []
    assert run(tmp_path, seen.append) == 0
    assert [(role.name, role.home.root, role.log_file) for role in seen] == [
        ("look", tmp_path, tmp_path / "logs" / "look.log")
    ]
    assert capsys.readouterr().err == ""


def test_an_error_is_one_sentence_with_the_log_that_has_its_trace(tmp_path, capsys):
    def body(_):
        message = "nothing is there; look elsewhere"
        raise SourceUnavailable(message)

    log = tmp_path / "logs" / "look.log"
    assert run(tmp_path, body) == 1
    assert capsys.readouterr().err == f"look: nothing is there; look elsewhere (log: {log})\n"
    assert "Traceback" in log.read_text()


def test_what_nobody_expected_is_one_sentence_too(tmp_path, capsys):
    log = tmp_path / "logs" / "look.log"
    assert run(tmp_path, lambda _: 1 / 0) == 1
    told = f"look: unexpected ZeroDivisionError: division by zero; the full trace is in {log}\n"
    assert capsys.readouterr().err == told
    assert "Traceback" in log.read_text()


def test_a_home_that_cannot_be_written_is_told_with_the_remedy(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file", lambda _: None) == 1
    told = capsys.readouterr().err
    assert told.startswith("look: the state folder cannot be written (")
    assert told.endswith("); choose another with --home or R2R_HOME\n")


def test_a_signal_sets_stopping(tmp_path):
    def body(role):
        signal.raise_signal(signal.SIGTERM)
        assert role.stopping.wait(5)

    assert run(tmp_path, body) == 0
