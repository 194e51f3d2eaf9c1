"""``python -m benchmarks.recovery [--quick] [--seed N]``: roles killed at every named point, and damaged images.

First damaged image files are decoded (`mutated_images`). Then digits are fed over a Kafka of their own to a
learner, a replay worker, a publisher and a server, each a process that is killed with SIGKILL at its named points or at
seeded random times and started again. At the end two judges look at the logs: one counts each frame's effects by its
identity, the other executes the learner's plans in this process without any interruption and compares all bits.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.recovery.killed_roles import AT_RANDOM, Death, KilledRole, histogram
from benchmarks.recovery.mutated_images import DECODED, worker
from benchmarks.recovery.uninterrupted import Judged, judge
from benchmarks.recovery.watched_decoding import decode_all
from benchmarks.report.result_file import write_result
from deploy.roles import FEED, LEARNER, PUBLISHER, REPLAY, SERVER
from learner import faults as learner_faults
from learner.settings import AutoencoderSettings, ClusterSettings, LearnerSettings
from replay.worker import Faults as ReplayFaults
from stream.broker.embedded import EmbeddedBroker
from stream.kafka.admin import create_topics
from stream.kafka.consumer import PartitionConsumer, TopicTail
from stream.kafka.topics import Topics
from stream.messages.task_plan import TaskPlan
from stream.process.deadline import Deadline
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from stream.sources.datasets.dataset import identity_at

SEED = 0
MODEL = "recovery"
SOURCES = 3
FRAMES_A_PASS = 400
FRAMES_A_SECOND = 40
DECODERS = 2
FULL_IMAGES, QUICK_IMAGES = 100_000, 2000
_LOOK_SECONDS = 0.05
_TELL_SECONDS = 10.0
_MOST_SECONDS = 2400.0
_CATCH_UP_SECONDS = 600.0
SETTINGS = LearnerSettings(
    micro_task_frames=16,
    window_frames=64,
    autoencoder=AutoencoderSettings(channels=(8, 8, 8), epochs=2),
    clusters=ClusterSettings(projection_dimensions=8, max_clusters=16),
    warm_up_frames=48,
    update_frames=32,
    drift_threshold=5.0,
    checkpoint_tasks=4,
)
"""Small, so that a life of the learner soon comes past all its points."""


@dataclass
class Site:
    """Where the roles live, how many passes over the digits were begun, and what was there before the present feed."""

    streaming: StreamSettings
    topics: Topics
    home: Path
    seed: int
    passes: int = 0
    records: int = 0
    enough: bool = False

    @property
    def frames(self) -> set[str]:
        """Identities of all frames of the passes."""
        places = range(FRAMES_A_PASS)
        return {identity_at(f"{MODEL}-{p}", SOURCES, place) for p in range(1, self.passes + 1) for place in places}

    def begin_pass(self) -> bool:
        """Count another pass, unless all kills are done."""
        self.passes += not self.enough
        return not self.enough

    def next_feed(self) -> list[str]:
        """Return its command: one that was killed is started again under the same source's name."""
        self.records = self._count_records()
        numbers = {
            "seed": 1000 * self.seed + self.passes,
            "rate": FRAMES_A_SECOND,
            "limit": FRAMES_A_PASS,
            "sources": SOURCES,
        }
        names = {"source-name": f"{MODEL}-{self.passes}", "home": self.home, "settings": self.settings_file}
        return [FEED.module, "dataset", *(f"--{name}={value}" for name, value in (numbers | names).items())]

    def command(self, module: str, *flags: str) -> list[str]:
        """Return that of a role of the model."""
        return [module, "--model", MODEL, "--home", str(self.home), "--settings", str(self.settings_file), *flags]

    def feed_is_up(self) -> bool:
        """Say whether the present feed has sent a frame: one that is killed before has nothing to send again."""
        return self._count_records() > self.records

    def _count_records(self) -> int:
        with closing(PartitionConsumer(self.streaming, self.topics.frames)) as log:
            return sum(log.end_offsets().values())

    @property
    def settings_file(self) -> Path:
        """Read by all roles."""
        return self.home / "settings.toml"

    def write_settings(self) -> None:
        """Write it."""
        lines = []
        for section, settings in (("stream", self.streaming), ("learner", SETTINGS)):
            changed = settings.model_dump(mode="json", exclude_defaults=True)
            tables = {f"{section}.{name}": value for name, value in changed.items() if isinstance(value, dict)}
            flat = {name: value for name, value in changed.items() if not isinstance(value, dict)}
            for table, values in {section: flat, **tables}.items():
                lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
        self.settings_file.write_text("\n".join(lines))


def main() -> int:
    """Measure, write the result; 1 unless nothing was lost, doubled, crashed or hung, and all bits are the same."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--quick", action="store_true", help="13 kills and 2,000 images instead of 70 and 100,000")
    flags.add_argument("--seed", type=int, default=SEED, help="of the kills' order and times, and of the frames' order")
    parsed = flags.parse_args()
    quick, seed = parsed.quick, parsed.seed
    figures, not_measured = image_figures(QUICK_IMAGES if quick else FULL_IMAGES)
    with tempfile.TemporaryDirectory(prefix="r2r-recovery-") as folder, open_site(Path(folder), seed) as site:
        kills = run(site, planned_deaths(quick=quick, seed=seed))
        judged = judge(site.streaming, site.topics, SETTINGS, site.home, site.frames)
    figures |= kill_figures(kills, judged)
    command = f"python -m benchmarks.recovery{' --quick' if quick else ''}{f' --seed {seed}' if seed != SEED else ''}"
    write_result("recovery", figures, not_measured, [seed], command, quick=quick)
    good = judged.bit_identical and not any(figures[name] for name in ("lost", "doubled", "crashes", "hangs"))
    return 0 if good else 1


def image_figures(files: int) -> tuple[dict[str, object], dict[str, str]]:
    """Decode so many damaged files; return the figures and what could not be measured."""
    started = time.monotonic()
    shares = decode_all(files, DECODERS, worker)
    outcomes = sum((share.outcomes for share in shares), Counter[str]())
    sys.stderr.write(f"recovery: {files} damaged images in {time.monotonic() - started:.0f} s: {dict(outcomes)}\n")
    held = [memory for share in shares if (memory := share.memory_bytes()) is not None]
    escaped = sum((Counter(share.escaped) for share in shares), Counter[str]())
    figures: dict[str, object] = {
        "malformed_images": sum(share.files for share in shares),
        "passed_header_share": round(sum(share.passed_header for share in shares) / files, 4),
        "images_decoded": outcomes[DECODED],
        "refused": {name: count for name, count in outcomes.items() if name != DECODED and name not in escaped},
        "crashes": sum(len(share.killers) for share in shares) + escaped.total(),
        "hangs": sum(len(share.stoppers) for share in shares),
    }
    if not held:
        return figures, {"decoder_memory": "this system does not tell what a process holds"}
    tenth, end = (max(memory[place] for memory in held) for place in (0, 1))
    return figures | {"decoder_memory": {"at_tenth_bytes": tenth, "at_end_bytes": end}}, {}


def planned_deaths(*, quick: bool, seed: int = SEED) -> dict[str, deque[Death]]:
    """Draw how each role is to die: 12 or 65 times in all."""
    draws = np.random.default_rng(seed)
    times = 1 if quick else 5
    at_learner = [_at_point(point, draws) for point in learner_faults.POINTS * times]
    at_worker = [_at_point(point, draws) for point in (ReplayFaults.points[1:3] if quick else ReplayFaults.points * 5)]
    return {
        "learner": deque(at_learner[place] for place in draws.permutation(len(at_learner))),
        "replay": deque(at_worker[place] for place in draws.permutation(len(at_worker))),
        "feed": deque(_at_random(draws, 0.2, 5.0) for _ in range(2 if quick else times)),
        "publisher": deque(_at_random(draws, 4.0, 15.0) for _ in range(times)),
        "server": deque(_at_random(draws, 4.0, 15.0) for _ in range(times)),
    }


def _at_point(point: str, draws: np.random.Generator) -> Death:
    return Death(point, visit=int(draws.integers(1, 3)))


def _at_random(draws: np.random.Generator, earliest_seconds: float, latest_seconds: float) -> Death:
    return Death(AT_RANDOM, seconds=float(draws.uniform(earliest_seconds, latest_seconds)))


@contextmanager
def open_site(folder: Path, seed: int) -> Iterator[Site]:
    """Start a Kafka, make the topics, write the settings."""
    with EmbeddedBroker(folder / "kafka", free_port()) as broker:
        streaming = StreamSettings(bootstrap_servers=broker.address, broker_timeout_seconds=60.0)
        site = Site(streaming, Topics(MODEL, streaming.topic_prefix), folder, seed)
        site.write_settings()
        create_topics(streaming, site.topics)
        yield site


def roles_of(site: Site, deaths: dict[str, deque[Death]]) -> list[KilledRole]:
    """Return the roles in the order in which they are started."""
    server = ["--port", "0", "--address-file", str(site.home / "address.json")]
    commands = {
        "learner": lambda: site.command(LEARNER.module),
        "replay": lambda: site.command(REPLAY.module, "--worker", "0"),
        "publisher": lambda: site.command(PUBLISHER.module),
        "server": lambda: site.command(SERVER.module, *server),
    }
    feed = KilledRole("feed", site.next_feed, deaths["feed"], site.home, site.begin_pass, site.feed_is_up)
    site.begin_pass()
    return [*(KilledRole(name, commands[name], deaths[name], site.home) for name in commands), feed]


def run(site: Site, deaths: dict[str, deque[Death]]) -> list[KilledRole]:
    """Feed and kill until every planned death has come, let the last pass end and be learned, and stop all."""
    with ExitStack() as running:
        roles = roles_of(site, deaths)
        for role in roles:
            running.callback(role.close)
            role.start()
        *others, feed = roles
        deadline, tell_at = Deadline(_MOST_SECONDS), time.monotonic()
        while not feed.done:
            site.enough = all(role.is_spared for role in roles)
            for role in roles:
                role.look()
            if time.monotonic() >= tell_at:
                _tell(site, roles)
                tell_at += _TELL_SECONDS
            if deadline.expired:
                message = f"not every planned death came within {_MOST_SECONDS:g} s:\n" + "\n".join(histogram(roles))
                raise RuntimeError(message)
            time.sleep(_LOOK_SECONDS)
        wait_until_planned(site, others)
        for role in reversed(others):
            role.stop()
    return roles


def wait_until_planned(site: Site, roles: Sequence[KilledRole]) -> None:
    """Return once the plans reach the end of the frames."""
    with closing(PartitionConsumer(site.streaming, site.topics.frames)) as log:
        ends = log.end_offsets()
    reached = dict.fromkeys(ends, 0)
    deadline = Deadline(_CATCH_UP_SECONDS)
    with closing(TopicTail(site.streaming, site.topics.tasks)) as tail:
        while reached != ends:
            for record in tail.next_records(0.2):
                plan = TaskPlan.from_bytes(record.value or b"")
                reached.update({partition: frames.stop for partition, frames in plan.frames.items()})
            for role in roles:
                role.look()
            if deadline.expired:
                message = f"the learner's plans reach {reached} of {ends} after {_CATCH_UP_SECONDS:g} s"
                raise RuntimeError(message)


def _tell(site: Site, roles: Sequence[KilledRole]) -> None:
    kills = {role.name: f"{role.kills.total()}, {len(role.deaths)} to come" for role in roles}
    sys.stderr.write(f"recovery: pass {site.passes}, kills {kills}\n")


def kill_figures(roles: Sequence[KilledRole], judged: Judged) -> dict[str, object]:
    """Print the histogram; return the figures."""
    print("\n".join(histogram(roles)))
    return {
        "kills": sum(role.kills.total() for role in roles),
        "kills_by_phase": {role.name: dict(sorted(role.kills.items())) for role in roles},
        "frames": judged.frames,
        "resent": judged.records - judged.frames,
        "plans": judged.plans,
        "updates": judged.updates,
        "lost": judged.lost,
        "doubled": judged.doubled,
        "checkpoints": judged.checkpoints,
        "bit_identical": judged.bit_identical,
        "divergence": judged.divergence,
    }
