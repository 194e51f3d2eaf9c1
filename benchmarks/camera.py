"""``python -m benchmarks.camera --video FILE [--seconds 60]``: a video as a live camera through the whole system.

`r2r up` runs all roles, `r2r feed camera --realtime --loop` plays the video at its own speed, and where every picture
went is counted on both sides of Kafka. At the end one picture of the video is asked about with `r2r ask`.
"""

import argparse
import re
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report.result_file import write_result
from benchmarks.site.whole_system import WholeSystem, whole_system
from stream.image_codec import encode_jpeg
from stream.sources.cameras.video import Address, Video

MODEL = "camera"
QUICK_SECONDS = 20.0
_START_SECONDS = 60.0
_CATCH_UP_SECONDS = 900.0
_STOP_SECONDS = 60.0
_KINDS = ("drift", "birth", "merge", "prune", "update", "promotion")
_FED = re.compile(
    r"(?P<sent>\d+) frames sent to \S+; of (?P<decoded>\d+) pictures (?P<thinned>\d+) left out by --rate, "
    r"(?P<dropped>\d+) dropped, (?P<unsent>\d+) unsent"
)


@dataclass(frozen=True)
class Fed:
    """What the feed says of the video's pictures."""

    decoded: int
    sent: int
    thinned: int
    dropped: int
    unsent: int

    @classmethod
    def of(cls, output: str) -> "Fed":
        """Read it from the feed's last line.

        Raises
        ------
        ValueError
            It is not there: the feed failed.
        """
        found = _FED.search(output)
        if found is None:
            message = f"the feed gave no account of its pictures, but said {output!r}; see its log"
            raise ValueError(message)
        return cls(**{name: int(number) for name, number in found.groupdict().items()})


@dataclass(frozen=True)
class Taken:
    """What the learner says of the topic's records, and how many there are."""

    records: int
    learned: int
    resent: int
    rejected: int
    skipped: int

    @property
    def missing(self) -> int:
        """Records without an effect; below 0 where some had two."""
        return self.records - self.learned - self.resent - self.rejected - self.skipped


def main() -> int:
    """Run, write the result; 1 unless every picture is accounted for."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--video", required=True, metavar="FILE", help="any video that FFmpeg reads")
    flags.add_argument("--seconds", type=float, default=60.0, help="how long it is played (default: 60)")
    flags.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:g} seconds")
    chosen = flags.parse_args()
    seconds = QUICK_SECONDS if chosen.quick else chosen.seconds
    with tempfile.TemporaryDirectory(prefix="r2r-camera-") as folder, whole_system(Path(folder), MODEL) as system:
        fed = play(system, chosen.video, seconds)
        taken = wait_until_taken(system)
        figures = {"seconds": seconds} | figures_of(fed, taken) | told(system)
        figures["answer"] = answer_to(system, chosen.video)
    command = f"python -m benchmarks.camera --video FILE {'--quick' if chosen.quick else f'--seconds {seconds:g}'}"
    write_result("camera", figures, {}, [0], command, quick=chosen.quick)
    return 0 if figures["unaccounted"] == 0 else 1


def play(system: WholeSystem, video: str, seconds: float) -> Fed:
    """Feed the video for so long from its first frame on; return the feed's account."""
    feed = system.start_feed("camera", video, "--realtime", "--loop", "--source-name", "video")
    try:
        system.until(lambda: system.records() > 0 or feed.poll() is not None, _START_SECONDS)
        system.until(lambda: feed.poll() is not None, seconds)
        feed.send_signal(signal.SIGINT)
        output, _ = feed.communicate(timeout=_STOP_SECONDS)
    finally:
        feed.kill()
    sys.stderr.write(f"camera: {output}")
    return Fed.of(output)


def wait_until_taken(system: WholeSystem) -> Taken:
    """Return once the learner has taken in all, and its newest version answers; or what there is after 15 minutes."""
    system.until(lambda: taken_of(system).missing <= 0, _CATCH_UP_SECONDS)
    system.until(lambda: system.answering_version() == system.learned("r2r_learner_version"), _START_SECONDS)
    return taken_of(system)


def taken_of(system: WholeSystem) -> Taken:
    """Ask the topic and the learner."""
    counted = ("frames", "frames_resent", "frames_rejected", "frames_skipped")
    return Taken(system.records(), *(system.learned(f"r2r_learner_{name}_total") for name in counted))


def figures_of(fed: Fed, taken: Taken) -> dict[str, object]:
    """Return where the pictures went, and how many went nowhere or came from nowhere."""
    lost_in_feed = fed.decoded - fed.sent - fed.thinned - fed.dropped - fed.unsent
    return {
        "decoded": fed.decoded,
        "sent": fed.sent,
        "thinned": fed.thinned,
        "dropped": fed.dropped,
        "unsent": fed.unsent,
        "records": taken.records,
        "learned": taken.learned,
        "resent": taken.resent,
        "rejected": taken.rejected,
        "skipped": taken.skipped,
        "unaccounted": abs(lost_in_feed) + abs(fed.sent - taken.records) + abs(taken.missing),
    }


def told(system: WholeSystem) -> dict[str, object]:
    """Return what was decided, and the trace of uncertainty."""
    status, events = system.tool("status"), system.events()
    kinds = Counter(event.kind for event in events)
    return {
        "live_clusters": int(status["learner"]["clusters"]),
        "micro_tasks": int(status["learner"]["task"]),
        "uncertain_rate": trace_of(system.uncertain_rates.values()),
        "events": {kind: kinds[kind] for kind in _KINDS},
        "versions": [event.evidence["version"] for event in events if event.kind == "promotion"],
    }


def trace_of(rates: Collection[float]) -> dict[str, float | int]:
    """Summarise the uncertain rates of the micro-tasks that were seen."""
    if not rates:
        return {"micro_tasks_seen": 0}
    summary = {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}
    return {"micro_tasks_seen": len(rates), **{name: round(rate, 4) for name, rate in summary.items()}}


def answer_to(system: WholeSystem, video: str) -> dict[str, object]:
    """Ask about the video's first picture, as a user does."""
    picture = system.home / "picture.jpg"
    opened = Video(Address(video), {}, _START_SECONDS)
    try:
        picture.write_bytes(encode_jpeg(next(opened.pictures()).pixels(), 90))
    finally:
        opened.close()
    (answer,) = system.tool("ask", str(picture))["answers"]
    return {name: answer[name] for name in ("version", "class_id", "name", "probability", "uncertainty")}


if __name__ == "__main__":
    sys.exit(main())
