"""``python -m benchmarks.serving [--quick]``: answers a second, and what 200 swaps under load do to them."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report.result_file import write_result
from benchmarks.serving.served_versions import MODEL, VersionMaker, jpegs
from benchmarks.serving.server_under_test import ServerUnderTest
from deploy.registry.versions import Registry

SEED = 0
CONNECTIONS = (1, 32, 128)
LOADED = 32
"""Connections while versions are swapped."""
ROUNDS = 5
IMAGES = 64
REGISTRY_POLL_SECONDS = 0.02
LONGEST_LOAD_SECONDS = 300.0
KEPT_VERSIONS = 5
NOT_MEASURED = {
    "peers.litserve": "peers' environments are not part of the benchmark yet",
    "peers.mlserver": "peers' environments are not part of the benchmark yet",
    "peers.bentoml": "peers' environments are not part of the benchmark yet",
    "batch64_ratio": "the bare opponent for batches is not written yet",
    "lone_latency_ratio": "the bare opponent for lone requests is not written yet",
    "classifier_ratio": "there is no classifier role yet",
}


@dataclass(frozen=True)
class Plan:
    """How long each part takes."""

    cold_starts: int
    seconds: float
    swaps_a_round: int


QUICK = Plan(cold_starts=3, seconds=2.0, swaps_a_round=44)
FULL = Plan(cold_starts=7, seconds=10.0, swaps_a_round=100)


@dataclass
class Seen:
    """What the rounds showed, one entry a round."""

    requests_per_second: dict[int, list[float]] = field(default_factory=dict)
    p99_ms: dict[int, list[float]] = field(default_factory=dict)
    swap_p99_ms: list[float] = field(default_factory=list)
    swap_requests_per_second: list[float] = field(default_factory=list)
    swap_delays_ms: list[float] = field(default_factory=list)
    swap_requests: int = 0
    failed_during_swaps: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Site:
    """Where things are, and who makes versions."""

    home: Path
    registry: Registry
    images: Path
    maker: VersionMaker


def main() -> int:
    """Measure, write the result; 1 if a request failed."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--quick", action="store_true", help="about two minutes; its orderings claim nothing")
    flags.add_argument("--prepare", action="store_true", help="make peers' environments (there are none yet)")
    chosen = flags.parse_args()
    if chosen.prepare:
        sys.stderr.write("serving: there are no peers to prepare yet\n")
        return 0
    plan = QUICK if chosen.quick else FULL
    with tempfile.TemporaryDirectory(prefix="r2r-serving-") as folder:
        site = open_site(Path(folder))
        cold_starts = [measure_cold_start(site) for _ in range(plan.cold_starts)]
        seen, swaps = measure_rounds(site, plan)
    command = f"python -m benchmarks.serving{' --quick' if chosen.quick else ''}"
    figures = figures_of(seen, swaps, cold_starts)
    write_result("serving", figures, NOT_MEASURED, [SEED], command, quick=chosen.quick)
    return 1 if seen.failed or seen.failed_during_swaps else 0


def open_site(home: Path) -> Site:
    """Make images, a classifier, and its first version."""
    images = home / "images"
    images.mkdir()
    for number, jpeg in enumerate(jpegs(IMAGES, SEED)):
        (images / f"{number:03d}.jpg").write_bytes(jpeg)
    maker = VersionMaker(SEED)
    sys.stderr.write(f"serving: the served graph differs from PyTorch by {maker.check():.1e}\n")
    registry = Registry(str(home / "registry"))
    maker.publish(registry, 1)
    return Site(home, registry, images, maker)


def measure_cold_start(site: Site) -> float:
    """Return seconds from the start of the process to its first answer."""
    with open_server(site) as server:
        sys.stderr.write(f"serving: cold start {server.cold_start_seconds:.2f} s\n")
        return server.cold_start_seconds


def measure_rounds(site: Site, plan: Plan) -> tuple[Seen, int]:
    """Interleave quiet load of each width with load during swaps; return what was seen and the server's swap count."""
    seen = Seen()
    with open_server(site) as server:
        for width in CONNECTIONS:
            quiet(site, server, width, seconds=0.5)  # warms up caches and the allocator
        for number in range(ROUNDS):
            for width in CONNECTIONS:
                load = quiet(site, server, width, plan.seconds)
                seen.requests_per_second.setdefault(width, []).append(load["requests_per_second"])
                seen.p99_ms.setdefault(width, []).append(load["p99_ms"])
                seen.failed += int(load["failed"])
            swapping(site, server, plan, seen)
            tell(number, seen)
        return seen, server.swaps()


def quiet(site: Site, server: ServerUnderTest, width: int, seconds: float) -> dict[str, float]:
    """Load without swaps."""
    with loading(site, server, width, seconds) as process:
        return _answer(process)


def swapping(site: Site, server: ServerUnderTest, plan: Plan, seen: Seen) -> None:
    """Promote one version after the other under load, each as soon as the last one answers."""
    first = server.version() + 1
    with loading(site, server, LOADED, LONGEST_LOAD_SECONDS) as process:
        for version in range(first, first + plan.swaps_a_round):
            promoted = time.perf_counter()
            site.maker.publish(site.registry, version)
            while server.version() < version:
                time.sleep(0.002)
            seen.swap_delays_ms.append((time.perf_counter() - promoted) * 1000)
            site.registry.prune(MODEL, KEPT_VERSIONS, keep_candidates=0)
        process.terminate()
        load = _answer(process)
    seen.swap_p99_ms.append(load["p99_ms"])
    seen.swap_requests_per_second.append(load["requests_per_second"])
    seen.swap_requests += int(load["requests"])
    seen.failed_during_swaps += int(load["failed"])


def figures_of(seen: Seen, swaps: int, cold_starts: list[float]) -> dict[str, object]:
    """Return the figures under their names in the benchmarks' form."""
    ratios = [during / before for during, before in zip(seen.swap_p99_ms, seen.p99_ms[LOADED], strict=True)]
    return {
        "requests_per_second": _medians(seen.requests_per_second, 0),
        "p99_ms": _medians(seen.p99_ms, 2),
        "swaps": swaps,
        "failed_during_swaps": seen.failed_during_swaps,
        "requests_during_swaps": seen.swap_requests,
        "requests_per_second_during_swaps": round(statistics.median(seen.swap_requests_per_second)),
        "p99_swap_ms": round(statistics.median(seen.swap_p99_ms), 2),
        "p99_swap_ratio": round(statistics.median(ratios), 3),
        "swap_delay_ms": round(statistics.median(seen.swap_delays_ms), 1),
        "failed": seen.failed,
        "cold_start_seconds": round(statistics.median(cold_starts), 2),
    }


def tell(number: int, seen: Seen) -> None:
    """Tell a round's progress."""
    quiet_rate, quiet_p99 = seen.requests_per_second[LOADED][-1], seen.p99_ms[LOADED][-1]
    sys.stderr.write(
        f"serving: round {number + 1}/{ROUNDS}: {quiet_rate:.0f} requests/s p99 {quiet_p99:.1f} ms quiet, "
        f"{seen.swap_requests_per_second[-1]:.0f} requests/s p99 {seen.swap_p99_ms[-1]:.1f} ms while swapping, "
        f"{len(seen.swap_delays_ms)} swaps, {seen.failed + seen.failed_during_swaps} failed\n"
    )


@contextmanager
def open_server(site: Site) -> Iterator[ServerUnderTest]:
    """Run a server over the site's registry."""
    image = next(iter(sorted(site.images.glob("*.jpg")))).read_bytes()
    with ServerUnderTest(site.home, image, REGISTRY_POLL_SECONDS) as server:
        yield server


@contextmanager
def loading(site: Site, server: ServerUnderTest, width: int, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    """Run the load in a process of its own."""
    flags = ["--address", server.address, "--model", MODEL, "--images", str(site.images)]
    flags += ["--connections", str(width), "--seconds", str(seconds)]
    command = [sys.executable, "-m", "benchmarks.serving.http_load", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _answer(process: "subprocess.Popen[str]") -> dict[str, float]:
    output, _ = process.communicate(timeout=LONGEST_LOAD_SECONDS)
    load: dict[str, float] = json.loads(output.splitlines()[-1])
    if load["failed"]:
        sys.stderr.write(f"serving: {load['failed']} requests failed: {load.pop('failures')}\n")
    return load


def _medians(by_width: dict[int, list[float]], digits: int) -> dict[str, float]:
    return {f"c{width}": round(statistics.median(values), digits) for width, values in by_width.items()}
