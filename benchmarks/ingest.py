"""How fast frames are taken in while nothing is learned, against a bare loop that does the same arithmetic.

``python -m benchmarks.ingest [--quick]``. Digits as PNG stand on the topic before; a learner that has made one update
and waits for another that never comes takes them all in; then `benchmarks.bare.ingest` does: in turns, each in its own
process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.learning.in_process import prepare_all
from benchmarks.report.result_file import write_result
from learner.change.schedule import PendingUpdate
from learner.faults import Faults
from learner.model.contract import UpdateInputs
from learner.process import fix_threads, keep_freed_memory
from learner.save.checkpoint import CheckpointStore
from learner.service import Learner, open_learner
from learner.settings import LearnerSettings
from learner.state import LearnerState
from stream.broker.embedded import EmbeddedBroker
from stream.kafka.admin import create_topics
from stream.kafka.consumer import PartitionConsumer
from stream.kafka.producer import BoundedProducer
from stream.kafka.topics import Topics
from stream.process.clock import now_ms
from stream.process.ports import free_port
from stream.process.settings import StreamSettings
from stream.sources.datasets.dataset import DatasetSource
from stream.sources.datasets.packs import load_pack

SEED = 0
REPEATS = 5
BUFFER_BYTES = 8 * 1024**2
NEVER = 1e9
NEVER_FRAMES = 10**12
SETTINGS = LearnerSettings(seed=SEED, drift_threshold=NEVER, update_seconds=NEVER)
NOT_MEASURED: dict[str, str] = {}


@dataclass(frozen=True)
class Site:
    """A broker with ``frames`` digits on it, and where learners have their checkpoints."""

    streaming: StreamSettings
    settings: LearnerSettings
    folder: Path
    frames: int


class UntilDone:
    """Ends the learner's loop once it has planned and executed every frame; watches its buffer meanwhile."""

    def __init__(self, learner: Learner, frames: int) -> None:
        self._learner = learner
        self._frames = frames
        self._started = time.perf_counter()
        self.seconds = 0.0
        self.peak_bytes = 0

    def is_set(self) -> bool:
        """Say whether all frames are behind; the checkpoint that follows is not counted."""
        self.peak_bytes = max(self.peak_bytes, self._learner.frames.buffered_bytes)
        if sum(self._learner.state.progress.positions.frames.values()) < self._frames:
            return False
        self.seconds = time.perf_counter() - self._started
        return True


def main() -> int:
    """Measure, write the result."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--quick", action="store_true", help="about two minutes; its orderings claim nothing")
    flags.add_argument("--prepare", action="store_true", help="make peers' environments (there are none yet)")
    flags.add_argument("--learner", nargs=4, metavar=("ADDRESS", "FOLDER", "MODEL", "FRAMES"), help=argparse.SUPPRESS)
    chosen = flags.parse_args()
    if chosen.prepare:
        sys.stderr.write("ingest: there are no peers to prepare yet\n")
        return 0
    if chosen.learner:
        run_learner(*chosen.learner)
        return 0
    frames = 50 * 64 if chosen.quick else 250 * 64
    with (
        tempfile.TemporaryDirectory(prefix="r2r-ingest-") as name,
        EmbeddedBroker(Path(name) / "kafka", free_port()) as broker,
    ):
        site = open_site(Path(name), broker.address, frames)
        figures = measure(site)
    command = f"python -m benchmarks.ingest{' --quick' if chosen.quick else ''}"
    write_result("ingest", figures, NOT_MEASURED, [SEED], command, quick=chosen.quick)
    return 0


def streaming_at(address: str) -> StreamSettings:
    """Return the settings of all processes: a buffer that the stream fills many times."""
    return StreamSettings(bootstrap_servers=address, buffer_bytes=BUFFER_BYTES)


def open_site(folder: Path, address: str, frames: int) -> Site:
    """Put the frames on the topic."""
    streaming = streaming_at(address)
    create_topics(streaming, Topics("preload", streaming.topic_prefix))
    pack = load_pack("digits", None)
    order = [place % len(pack.stream_labels) for place in range(frames)]
    source = DatasetSource(pack, order, streaming.frame_partitions, "digits")
    with BoundedProducer(streaming) as producer:
        for place, labelled in enumerate(source.next_frames(frames)):
            frame = labelled.frame.to_record()
            producer.send(Topics("preload").frames, *frame, place % streaming.frame_partitions)
    sys.stderr.write(f"ingest: {frames} digits are on the topic\n")
    return Site(streaming, SETTINGS, folder, frames)


def measure(site: Site) -> dict[str, object]:
    """Let the two take turns."""
    ours: list[float] = []
    bare: list[float] = []
    peaks: list[float] = []
    for number in range(REPEATS):
        checkpoint = warm_checkpoint(site, f"ingest{number}")
        learned = _answer([
            "benchmarks.ingest", "--learner", site.streaming.bootstrap_servers, str(site.folder), f"ingest{number}",
            str(site.frames),
        ])  # fmt: skip
        ours.append(learned["frames_per_second"])
        peaks.append(learned["peak_buffer_ratio"])
        bare.append(_bare(site, checkpoint))
        sys.stderr.write(f"ingest: round {number + 1}/{REPEATS}: {ours[-1]:.0f} frames/s, bare {bare[-1]:.0f}\n")
    return {
        "intake_ratio": round(statistics.median(one / other for one, other in zip(ours, bare, strict=True)), 3),
        "frames_per_second": round(statistics.median(ours), 1),
        "bare_frames_per_second": round(statistics.median(bare), 1),
        "peak_buffer_ratio": round(max(peaks), 3),
        "frames": site.frames,
    }


def warm_checkpoint(site: Site, model: str) -> Path:
    """Save a learner after one update, standing at the beginning of the log."""
    fix_threads(site.settings.threads)
    topics = Topics(model, site.streaming.topic_prefix)
    create_topics(site.streaming, topics)
    pack = load_pack("digits", None)
    state = LearnerState.new(site.settings)
    window = prepare_all(pack.stream_images[: site.settings.warm_up_frames], site.settings)
    generator = torch.Generator().manual_seed(SEED)
    learned, report = state.model.learn(UpdateInputs.alone(window), generator)
    schedule = replace(state.schedule, pending=PendingUpdate(NEVER_FRAMES, 0, None, "interval"))
    progress = state.progress.after_update(report.images_backpropagated, 0)
    state = replace(state, model=learned, schedule=schedule, progress=progress)
    with closing(PartitionConsumer(site.streaming, topics.frames)) as frames:
        origin = {"cluster": frames.cluster_id, "topic": frames.topic_id}
    return CheckpointStore(site.folder, model, 2, Faults()).save(state, origin, now_ms()).folder


def run_learner(address: str, folder: str, model: str, frames: str) -> None:
    """Run the service's own loop in this process; print its figures."""
    streaming = streaming_at(address)
    settings = SETTINGS
    fix_threads(settings.threads)
    keep_freed_memory()
    topics = Topics(model, streaming.topic_prefix)
    store = CheckpointStore(Path(folder), model, settings.keep_checkpoints, Faults())
    with open_learner(streaming, settings, topics, store, now_ms, Faults()) as learner:
        done = UntilDone(learner, int(frames))
        learner.learn(done)
    rate, peak = int(frames) / done.seconds, done.peak_bytes / streaming.buffer_bytes
    print(json.dumps({"frames_per_second": rate, "peak_buffer_ratio": peak}))


def _bare(site: Site, checkpoint: Path) -> float:
    topics = Topics("preload", site.streaming.topic_prefix)
    where = [site.streaming.bootstrap_servers, topics.frames, str(site.streaming.frame_partitions)]
    command = [sys.executable, "-m", "benchmarks.bare.ingest", *where, str(site.frames), str(checkpoint)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def _answer(arguments: Sequence[str]) -> dict[str, float]:
    ended = subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    sys.exit(main())
