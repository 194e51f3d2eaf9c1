"""``python -m benchmarks.replay.kills [--quick]``: workers killed every three seconds, and what each request came to.

Two workers share the requests of one model on a Kafka of their own. In turn each is ended by SIGKILL and started again,
as `r2r up` does, while requests come steadily. Counted is what a reader of committed records sees.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from benchmarks.replay.noise_requests import SEED, noise_request
from benchmarks.report.result_file import write_result
from benchmarks.site.broker_site import Site, open_site
from deploy.roles import REPLAY
from stream.kafka.consumer import TopicTail, read_topic
from stream.kafka.producer import BoundedProducer
from stream.messages.replay import ReplaySamples

MODEL = "kills"
WORKERS = 2
KILL_EVERY_SECONDS = 3.0
REQUESTS_A_SECOND = 3
IMAGES = 50
LONGEST_REST_SECONDS = 60.0
FULL_SECONDS, QUICK_SECONDS = 60.0, 15.0


class Workers:
    """Worker processes by slot; a context manager that ends what it started."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, slot: int) -> None:
        """Start the worker of a slot."""
        command = self._site.model_command(REPLAY.module, "--worker", str(slot))
        self._running[slot] = subprocess.Popen([sys.executable, "-m", *command])

    def kill(self, slot: int) -> None:
        """End the worker of a slot with SIGKILL.

        Raises
        ------
        RuntimeError
            It had ended by itself.
        """
        process = self._running[slot]
        if process.poll() is not None:
            message = f"worker {slot} ended by itself with code {process.returncode}; see its log"
            raise RuntimeError(message)
        process.kill()
        process.wait()

    def close(self) -> None:
        """End all."""
        for process in self._running.values():
            process.kill()
            process.wait()


class Answers:
    """What a reader of committed records has seen of the answers, by request."""

    def __init__(self, site: Site) -> None:
        self._tail = TopicTail(site.streaming, site.topics.replay_samples)
        self.images: Counter[str] = Counter()
        self.batches: Counter[str] = Counter()
        self.written_ms: list[tuple[str, int]] = []

    def follow(self, timeout_seconds: float) -> None:
        """Take in what has come."""
        for record in self._tail.next_records(timeout_seconds):
            samples = ReplaySamples.from_bytes(record.value or b"")
            self.images[samples.request] += len(samples.images)
            self.batches[samples.id] += 1
            self.written_ms.append((samples.request, record.timestamp_ms))

    def close(self) -> None:
        """Disconnect."""
        self._tail.close()


def main() -> int:
    """Measure, write the result; 1 unless every request was answered once."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--quick", action="store_true", help="15 seconds of kills instead of 60")
    quick = flags.parse_args().quick
    with (
        tempfile.TemporaryDirectory(prefix="r2r-replay-kills-") as folder,
        open_site(Path(folder), MODEL) as site,
        closing(Answers(site)) as answers,
    ):
        kills = run(site, answers, QUICK_SECONDS if quick else FULL_SECONDS)
        figures = figures_of(site, answers, kills)
    command = f"python -m benchmarks.replay.kills{' --quick' if quick else ''}"
    write_result("replay_kills", figures, {}, [SEED], command, quick=quick)
    return 0 if figures["requests"] == figures["answered_once"] else 1


def run(site: Site, answers: Answers, seconds: float) -> int:
    """Send requests steadily and kill a worker now and then; return the number of kills once all is answered."""
    kills, sent, started = 0, 0, time.monotonic()
    with closing(Workers(site)) as workers, BoundedProducer(site.streaming) as producer:
        for slot in range(WORKERS):
            workers.start(slot)
        while (elapsed := time.monotonic() - started) < seconds:
            if elapsed >= sent / REQUESTS_A_SECOND:
                send(site, producer, sent)
                sent += 1
            if elapsed >= (kills + 1) * KILL_EVERY_SECONDS:
                workers.kill(kills % WORKERS)
                workers.start(kills % WORKERS)
                kills += 1
                sys.stderr.write(
                    f"replay_kills: {elapsed:.0f} s, {kills} kills, {len(answers.images)}/{sent} answered\n"
                )
            answers.follow(0.02)
        deadline = time.monotonic() + LONGEST_REST_SECONDS
        while time.monotonic() < deadline and len(answers.images) < sent:
            answers.follow(0.2)
        answers.follow(1.0)  # a second answer would come right behind
    return kills


def send(site: Site, producer: BoundedProducer, number: int) -> None:
    """Ask for images of one cluster."""
    request = noise_request(MODEL, number, IMAGES)
    partition = number % site.streaming.frame_partitions
    producer.send(site.topics.replay_requests, request.id.encode(), request.to_bytes(), partition=partition)


def figures_of(site: Site, answers: Answers, kills: int) -> dict[str, object]:
    """Count the answers of each request, and how long they took."""
    requests = read_topic(site.streaming, site.topics.replay_requests)
    asked_ms = {(record.key or b"").decode(): record.timestamp_ms for record in requests}
    seconds = sorted((at_ms - asked_ms[request]) / 1000 for request, at_ms in answers.written_ms)
    return {
        "kills": kills,
        "requests": len(asked_ms),
        "answered_once": sum(answers.images[request] == IMAGES for request in asked_ms),
        "unanswered": sum(answers.images[request] == 0 for request in asked_ms),
        "answered_twice": sum(answers.images[request] > IMAGES for request in asked_ms),
        "doubled_batches": sum(count > 1 for count in answers.batches.values()),
        "images": answers.images.total(),
        "seconds_to_answer": {"median": round(statistics.median(seconds), 3), "largest": round(seconds[-1], 3)},
    }


if __name__ == "__main__":
    sys.exit(main())
