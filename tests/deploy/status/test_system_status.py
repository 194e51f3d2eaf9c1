"""What `r2r status` gathers and shows."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from deploy.cli.console import page_console
from deploy.publish.promotion_state import PromotionState, PromotionStateFile
from deploy.status.disk_usage import home_usage_bytes
from deploy.status.newest_records import NewestRecords
from deploy.status.running_system import find_running_system, left_over_roles, resident_bytes
from deploy.status.scrape import MetricsPage
from deploy.status.status_page import status_page
from deploy.status.system_status import EventLog, FrameRate, SystemStatus, newest_by_time, read_status
from stream.kafka.admin import create_topics
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.messages.event import Event
from stream.process.home import Home
from stream.process.settings import StreamSettings
from tests.wait import wait_until

PAGE = """\
# TYPE r2r_learner_task gauge
r2r_learner_task{model="cats"} 12
# TYPE r2r_learner_frames counter
r2r_learner_frames_total{model="cats"} 700
# TYPE r2r_learner_lag_records gauge
r2r_learner_lag_records{model="cats",partition="0"} 3
r2r_learner_lag_records{model="cats",partition="1"} 4
# TYPE r2r_learner_uncertain_ratio gauge
r2r_learner_uncertain_ratio{model="cats"} 0.25
# TYPE r2r_server_active_version gauge
r2r_server_active_version{model="cats"} 9
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1000
"""
TOPICS = Topics("cats")


def page(frames: int) -> MetricsPage:
    return MetricsPage(tuple(text_string_to_metric_families(PAGE.replace(" 700", f" {frames}"))))


@pytest.fixture
def metrics() -> Iterator[str]:
    """Return the address of a role that answers `PAGE`."""

    class Role(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with HTTPServer(("127.0.0.1", 0), Role) as server:
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        answering.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        answering.join()


def write_run_file(home: Path, metrics: str, streaming: StreamSettings) -> None:
    me = os.getpid()
    up = {"pid": me, "address": "", "model": "cats", "started_at_ms": 0, "topic_prefix": streaming.topic_prefix}
    up["bootstrap_servers"] = streaming.bootstrap_servers
    roles = {name: {"pid": me, "address": metrics} for name in ("server", "learner")}
    home.mkdir(exist_ok=True)
    (home / "run.json").write_text(json.dumps({"up": up, **roles}))


def look_at(home: Path, streaming: StreamSettings) -> SystemStatus:
    system = find_running_system(Home(home))
    assert system is not None
    with closing(EventLog(streaming, Topics("cats", streaming.topic_prefix))) as log:
        return read_status(Home(home), system, FrameRate(), log, now_seconds=1100.0)


def test_roles_figures_pin_and_disk_are_gathered_without_kafka(
    tmp_path: Path, metrics: str, absent_broker: StreamSettings
) -> None:
    write_run_file(tmp_path, metrics, absent_broker)
    PromotionStateFile(str(tmp_path / "registry"), "cats").save(PromotionState("cats", pinned=9))
    found = look_at(tmp_path, absent_broker)
    assert [(status.role.name, status.answers) for status in found.roles] == [
        ("up", None),
        ("server", True),
        ("learner", True),
    ]
    assert (found.learner["task"], found.learner["lag_records"], found.learner["updates"]) == (12, 7, 0)
    assert (found.version, found.pinned, found.frames_per_second, found.events) == (9, 9, 7.0, ())
    assert found.disk_bytes["registry"] > 0
    assert json.loads(json.dumps(found.facts()))["learner"]["frames"] == 700


def test_the_page_fits_a_narrow_terminal(tmp_path: Path, metrics: str, absent_broker: StreamSettings) -> None:
    write_run_file(tmp_path, metrics, absent_broker)
    PromotionStateFile(str(tmp_path / "registry"), "cats").save(PromotionState("cats", pinned=9))
    console = Console(width=80, record=True, file=StringIO())
    console.print(status_page(look_at(tmp_path, absent_broker), now_ms=61_000))
    text = console.export_text()
    assert "model cats" in text
    assert "1 min 1 s" in text.replace("\n", " ")
    assert "25% of the newest micro-task" in text
    assert "9, pinned" in text


LONG_EVENT = Event("", "cats", 7, "promotion", 0, {f"measure_{n}_of_many": n + 0.5 for n in range(12)})


def test_evidence_is_wrapped_on_a_narrow_terminal_and_complete(
    tmp_path: Path, metrics: str, absent_broker: StreamSettings
) -> None:
    write_run_file(tmp_path, metrics, absent_broker)
    console = Console(width=80, record=True, file=StringIO())
    console.print(status_page(replace(look_at(tmp_path, absent_broker), events=(LONG_EVENT,)), now_ms=0))
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(f"measure_{n}_of_many={n}.5" in text for n in range(12))
    assert "…" not in text


def test_where_a_program_reads_it_each_event_and_figure_is_one_line(
    tmp_path: Path,
    metrics: str,
    absent_broker: StreamSettings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    write_run_file(tmp_path, metrics, absent_broker)
    found = look_at(tmp_path, absent_broker)
    disk = {f"part-{n}": 1024 for n in range(20)}
    page_console().print(status_page(replace(found, events=(LONG_EVENT,), disk_bytes=disk), now_ms=0))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "measure_0" in line and "measure_11_of_many=11.5" in line]
    assert [line for line in lines if "part-0" in line and "part-19" in line]
    assert max(len(line) for line in lines) < 1000


def test_a_role_that_is_gone_or_silent_is_reported(tmp_path: Path, absent_broker: StreamSettings) -> None:
    write_run_file(tmp_path, "http://127.0.0.1:1", absent_broker)
    found = look_at(tmp_path, absent_broker)
    assert [status.answers for status in found.roles] == [None, False, False]
    assert (found.version, found.learner["task"], found.frames_per_second) == (None, None, None)


def test_frames_a_second_are_those_of_the_last_half_minute() -> None:
    rate = FrameRate()
    assert rate.update(page(700), 1100.0) == 7.0
    assert rate.update(page(800), 1110.0) == 10.0
    assert rate.update(page(800), 1135.0) == 0.0
    assert rate.update(page(10), 1136.0) == pytest.approx(10 / 136)
    assert rate.update(None, 1137.0) is None


def test_events_stand_in_the_order_of_their_time_and_not_of_their_coming() -> None:
    came = [Event(name, "cats", 1, "drift", at_ms, {}) for name, at_ms in (("a", 49), ("b", 43), ("c", 43), ("d", 7))]
    assert [event.id for event in newest_by_time(came, 3)] == ["b", "c", "a"]


def test_an_event_that_is_read_again_after_kafka_was_away_stands_once() -> None:
    came = [Event(name, "cats", 1, "drift", at_ms, {}) for name, at_ms in (("a", 1), ("b", 2), ("a", 1), ("b", 2))]
    assert [event.id for event in newest_by_time(came, 3)] == ["a", "b"]


def test_the_newest_events_are_kept_and_those_that_come(stream_settings: StreamSettings) -> None:
    topics = Topics("cats", stream_settings.topic_prefix)
    create_topics(stream_settings, topics)

    def send(numbers: range) -> None:
        with BoundedProducer(stream_settings) as producer:
            for number in numbers:
                event = Event(f"cats/{number}/drift/0", "cats", number, "drift", 0, {})
                producer.send(topics.events, None, b"no event" if number == 11 else event.to_bytes())

    send(range(12))
    with closing(EventLog(stream_settings, topics)) as log:
        assert [event.task_seq for event in log.newest()] == [4, 5, 6, 7, 8, 9, 10]
        send(range(12, 14))
        wait_until(lambda: log.newest()[-1].task_seq == 13)
        assert [event.task_seq for event in log.newest()] == [5, 6, 7, 8, 9, 10, 12, 13]
    with closing(NewestRecords(stream_settings, topics.events, newest=3)) as records:
        send(range(20, 21))
        assert records.passed_over == 11
        assert [record.offset for record in records.past_records(stream_settings)] == [11, 12, 13]


def test_files_with_holes_count_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with (tmp_path / "kafka/index").open("wb") as file:
        file.truncate(100 * 1024**2)
    assert home_usage_bytes(Home(tmp_path))["kafka"] < 1024**2


def test_this_process_has_some_memory_and_an_ended_one_none() -> None:
    assert (resident_bytes(os.getpid()) or 0) > 1024**2
    assert resident_bytes(2**22 + 1) is None


def test_of_a_killed_system_only_its_own_processes_are_left_over(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*sleeper, str(tmp_path)]) as ours, subprocess.Popen(sleeper) as other:
        try:
            pids = {"server": ours.pid, "learner": other.pid, "up": os.getpid()}
            (tmp_path / "run.json").write_text(json.dumps({name: {"pid": pid} for name, pid in pids.items()}))
            wait_until(lambda: left_over_roles(Home(tmp_path)) == ["server"])
        finally:
            ours.kill()
            other.kill()
    assert left_over_roles(Home(tmp_path)) == []
