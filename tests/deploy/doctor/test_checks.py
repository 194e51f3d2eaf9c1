"""Each check of `r2r doctor` on facts of its own."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.doctor.broker_checks import check_broker, check_clock, check_topics, wanted_topics
from deploy.doctor.finding import error, exit_code, ok, warning
from deploy.doctor.installation_checks import (
    check_crc32c,
    check_java,
    check_kafka_jars,
    check_provider,
    check_python,
    check_torch,
)
from deploy.doctor.machine_checks import (
    available_memory_bytes,
    check_disk,
    check_memory,
    check_ports,
)
from deploy.doctor.weights_checks import check_weights
from deploy.settings import DeploySettings
from replay.weights import Weights
from stream.kafka.facts import ClockDifference, TopicFacts
from stream.kafka.topics import Topics
from stream.process.settings import StreamSettings

GIB = 1024**3
FRAMES = "r2r.frames"


def facts(name: str = FRAMES, partitions: int = 3, **kept: int) -> TopicFacts:
    return TopicFacts(name, partitions, **{"retention_bytes": GIB, "stamps_arrival": True, **kept})  # type: ignore[arg-type]


def test_only_an_error_fails_the_command() -> None:
    assert exit_code([ok("a", ""), warning("b", "", "do")]) == 0
    assert exit_code([ok("a", ""), error("b", "", "do")]) == 1


def test_an_old_python_is_an_error() -> None:
    assert check_python((3, 10, 1)).level == "error"
    assert check_python().message.startswith(".".join(str(part) for part in sys.version_info[:3]))


def test_a_missing_checksum_is_an_error_with_its_remedy() -> None:
    assert check_crc32c().level == "ok"
    missing = check_crc32c("a_module_that_nobody_has")
    assert (missing.level, missing.remedy) == ("error", "run `make install`")


def test_what_this_installation_has_is_found() -> None:
    assert check_java().level == "ok"
    assert check_kafka_jars().level == "ok"
    assert "runs on cpu, as deploy.provider says" in check_provider("cpu").message


def test_more_threads_than_cores_are_reported() -> None:
    assert check_torch(1).level == "ok"
    assert check_torch(100_000).level == "warning"


def test_memory_is_read_and_judged(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9 kB\nMemAvailable:    2048 kB\n")
    assert available_memory_bytes(meminfo) == 2048 * 1024
    assert available_memory_bytes(tmp_path / "none") is None
    assert check_memory(None, running=False).level == "ok"
    assert check_memory(GIB, running=False).level == "warning"
    assert check_memory(GIB, running=True).level == "ok"


def test_a_disk_that_cannot_hold_the_log_is_reported(tmp_path: Path) -> None:
    huge = StreamSettings(frames_retention_bytes=10**18)
    assert check_disk(tmp_path / "not/there/yet", StreamSettings(), embedded=False).level == "ok"
    assert check_disk(tmp_path, huge, embedded=False).level == "ok"
    assert "frames_retention_bytes" in check_disk(tmp_path, huge, embedded=True).remedy


def test_a_port_is_free_ours_or_taken() -> None:
    wanted = DeploySettings(port=9, first_metrics_port=10, replay_workers=1).processes
    assert check_ports(wanted, frozenset(), lambda _, __: False).message == "9, 10, 11, 12, 13 are free"
    taken = check_ports(wanted, frozenset({9}), lambda _, port: port in (9, 12))
    assert (taken.level, "12 (evaluator)" in taken.message, "9 (server)" in taken.message) == ("error", True, False)


def test_no_kafka_yet_is_well_where_one_can_be_started_and_an_error_elsewhere(absent_broker: StreamSettings) -> None:
    assert check_broker(absent_broker, listens=False, embedded=True).level == "ok"
    away = check_broker(absent_broker, listens=True, embedded=False)
    assert away.level == "error"
    assert "does not answer at" in away.message


def test_topics_that_are_missing_forgetful_or_unstamped_are_reported() -> None:
    assert check_topics([facts()], FRAMES, "m").message == "all 1; r2r.frames has 3 partitions, kept up to 1.0 GiB each"
    missing = check_topics([facts(), facts("r2r.truth", 0)], FRAMES, "m")
    assert (missing.level, "r2r.truth" in missing.message, "--model m" in missing.remedy) == ("warning", True, True)
    assert "forgets after 7 days" in check_topics([facts(retention_ms=604_800_000)], FRAMES, None).message
    assert "LogAppendTime" in check_topics([facts(stamps_arrival=False)], FRAMES, None).remedy


def test_the_topics_of_a_model_are_wanted_or_those_that_all_share() -> None:
    assert FRAMES in wanted_topics(None, StreamSettings())
    assert {FRAMES, "r2r.m.commands", "r2r.m.replay.samples"} <= set(wanted_topics(Topics("m"), StreamSettings()))


@pytest.mark.parametrize(("difference_ms", "level"), [(3.0, "ok"), (-900.0, "ok"), (2000.0, "warning")])
def test_a_clock_that_is_off_is_reported(difference_ms: float, level: str) -> None:
    assert check_clock(ClockDifference(difference_ms, 5.0)).level == level


def test_pretrained_models_are_there_and_fit_or_it_is_said_what_to_do() -> None:
    there, missing = (
        Weights("labeller", "digits", GIB),
        Weights("pipeline", "a/b", missing="its files are not here; fetch them"),
    )
    fits, lacks = check_weights([there, missing], available_bytes=4 * GIB)
    assert (fits.name, fits.level) == ("labeller", "ok")
    assert "1.0 GiB on disk, about 1.5 GiB of memory" in fits.message
    assert (lacks.level, lacks.message, lacks.remedy) == ("error", "its files are not here", "fetch them")
    (full,) = check_weights([there], available_bytes=GIB)
    assert (full.level, full.remedy) == ("warning", "choose a smaller one: docs/models.md has settings by memory")
    assert [one.level for one in check_weights([there, there], available_bytes=2 * GIB)] == ["ok", "warning"]
    (halved,) = check_weights([replace(there, halved=True)], available_bytes=GIB)
    assert "about 768.0 MiB of memory" in halved.message
    (unknown,) = check_weights([there], available_bytes=None)
    assert unknown.level == "ok"
