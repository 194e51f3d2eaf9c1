import logging
import signal

import pytest
from pydantic import SecretStr

from stream.process.errors import SourceUnavailable
from stream.process.role import parser, run_role
from stream.process.settings import Settings


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


class Chat(Settings):
    """A table with a secret."""

    key: SecretStr = SecretStr("")
    url: str = ""


class WithSecrets(Settings):
    """A section with a secret of its own and one in a table."""

    chat_key: SecretStr = SecretStr("")
    chat: Chat = Chat()


@pytest.mark.parametrize(
    "environment",
    [
        {"R2R_REPLAY__CHAT_KYE": "sk-verysecret"},
        {"R2R_REPLAY__CHAT__KYE": "sk-verysecret"},
        {"R2R_REPLAY__CHAT__URL__KEY": "sk-verysecret"},
        {"R2R_REPLAY__CHAT_KEY__KEY": "sk-verysecret"},
        {"R2R_REPLAY__CHAT": "sk-verysecret"},
        {"R2R_REPLYA__CHAT_KEY": "sk-verysecret"},
        {"R2R_REPLAY": "sk-verysecret"},
    ],
)
def test_a_secret_under_a_wrong_key_is_neither_told_nor_in_the_log(environment, tmp_path, capsys, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert_hidden("verysecret", tmp_path, capsys)


@pytest.mark.parametrize(
    "text",
    [
        "[replay]\nchat_kye = 'sk-verysecret'\n",
        "[replay.chat]\nkye = 'sk-verysecret'\n",
        "[replay]\nchat_key = ['sk-verysecret']\n",
        "[replay.chat]\nkey = ['sk-verysecret']\n",
        "[replay.chat_key]\nkey = 'sk-verysecret'\n",
        "[replya]\nchat_key = 'sk-verysecret'\n",
        "chat_key = 'sk-verysecret'\n[replay]\n",
        "replay = 'sk-verysecret'\n",
        "[replay]\nchat_key = sk-verysecret\n",
    ],
)
def test_a_secret_in_a_wrong_place_of_the_file_is_neither_told_nor_in_the_log(text, tmp_path, capsys):
    (tmp_path / "r2r.toml").write_text(text)
    assert_hidden("verysecret", tmp_path, capsys, "--settings", str(tmp_path / "r2r.toml"))


def test_a_secret_of_a_wrong_type_is_neither_told_nor_in_the_log(tmp_path, capsys):
    (tmp_path / "r2r.toml").write_text("[replay]\nchat_key = 918273645\n")
    assert_hidden("918273645", tmp_path, capsys, "--settings", str(tmp_path / "r2r.toml"))


def assert_hidden(secret, tmp_path, capsys, *argv):
    assert run(tmp_path, lambda role: role.settings("replay", WithSecrets), *argv) == 1
    log = (tmp_path / "logs" / "look.log").read_text()
    assert "Traceback" in log
    assert secret not in log + capsys.readouterr().err
