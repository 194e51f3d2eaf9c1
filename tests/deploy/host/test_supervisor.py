import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from deploy.host.errors import RoleEnded
from deploy.host.supervisor import RoleCommand, Supervisor
from deploy.roles import SERVER
from stream.process.home import Home, is_alive, read_run_file
from stream.process.ports import free_port
from tests.wait import wait_until


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/live", trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def a_server(port: int) -> RoleCommand:
    return RoleCommand("server", SERVER.module, ["--port", str(port)], f"http://127.0.0.1:{port}")


def kill(supervisor: Supervisor, name: str) -> None:
    os.kill(supervisor.processes()[name], signal.SIGKILL)
    wait_until(lambda: not supervisor.is_running(name), what="the end of the killed role")


def test_a_role_runs_is_listed_and_ends_with_the_supervisor(tmp_path):
    home = Home(tmp_path)
    with Supervisor(home) as supervisor:
        supervisor.start(a_server(free_port()))
        pid = supervisor.processes()["server"]
        assert read_run_file(home)["server"]["pid"] == pid
        assert supervisor.is_running("server")
        supervisor.check()
    assert not is_alive(pid)
    assert read_run_file(home) == {}


def test_a_role_that_fails_is_reported_with_its_own_last_line(tmp_path):
    with Supervisor(Home(tmp_path)) as supervisor:
        supervisor.start(RoleCommand("server", SERVER.module, ["--set", "deploy.prot=1"]))
        wait_until(lambda: not supervisor.is_running("server"))
        with pytest.raises(RoleEnded, match=r"server ended with code 1.*did you mean 'port'") as caught:
            supervisor.check()
    assert str(caught.value).count("(log: ") == 1


def test_a_spare_role_that_fails_is_reported_and_the_others_go_on(tmp_path):
    with Supervisor(Home(tmp_path)) as supervisor:
        supervisor.start(RoleCommand("replay-0", SERVER.module, ["--set", "deploy.prot=1"], spare=True))
        wait_until(lambda: not supervisor.is_running("replay-0"))
        supervisor.check()
        assert "did you mean 'port'" in supervisor.given_up["replay-0"]
        supervisor.check()
        assert supervisor.processes() == {}


def test_a_spare_role_that_is_killed_is_started_again_more_often_than_others(tmp_path):
    with Supervisor(Home(tmp_path)) as supervisor:
        supervisor.start(RoleCommand("replay-0", SERVER.module, ["--port", "0"], spare=True))
        for _ in range(7):
            kill(supervisor, "replay-0")
            supervisor.check()
            assert supervisor.is_running("replay-0")
    assert supervisor.given_up == {}


def test_further_facts_stand_in_the_run_file_beside_the_roles(tmp_path):
    home = Home(tmp_path)
    with Supervisor(home, {"up": {"pid": 7, "model": "cats"}}) as supervisor:
        supervisor.start(RoleCommand("server", SERVER.module, ["--help"], ends=True))
        assert list(read_run_file(home)) == ["up", "server"]
        assert read_run_file(home)["up"] == {"pid": 7, "model": "cats"}


def test_a_role_that_was_killed_is_started_again_a_few_times_in_all(tmp_path):
    home, port = Home(tmp_path), free_port()
    with Supervisor(home) as supervisor:
        supervisor.start(a_server(port))
        wait_until(lambda: answers(port), what="the first server")
        first = supervisor.processes()["server"]
        kill(supervisor, "server")
        supervisor.check()
        assert read_run_file(home)["server"]["pid"] != first
        wait_until(lambda: answers(port), what="the server's return")
        for _ in range(4):
            kill(supervisor, "server")
            supervisor.check()
        kill(supervisor, "server")
        with pytest.raises(RoleEnded, match="server ended with code -9"):
            supervisor.check()


@pytest.mark.parametrize("ends", [False, True])
def test_a_role_that_ends_without_an_error_has_failed_unless_its_work_ends(ends, tmp_path):
    with Supervisor(Home(tmp_path)) as supervisor:
        supervisor.start(RoleCommand("server", SERVER.module, ["--help"], ends=ends))
        wait_until(lambda: not supervisor.is_running("server"))
        if ends:
            supervisor.check()
        else:
            with pytest.raises(RoleEnded, match="server ended with code 0"):
                supervisor.check()


def test_roles_end_even_if_the_supervisor_is_killed(tmp_path):
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from deploy.host.supervisor import RoleCommand, Supervisor\n"
        "from deploy.roles import SERVER\n"
        "from stream.process.home import Home\n"
        "supervisor = Supervisor(Home(Path(sys.argv[1])))\n"
        "supervisor.start(RoleCommand('server', SERVER.module, ['--port', '0']))\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        supervisor.stdout.readline()
        pid = json.loads((tmp_path / "run.json").read_bytes())["server"]["pid"]
        supervisor.kill()
    wait_until(lambda: not is_alive(pid), what="the end of the orphan")
