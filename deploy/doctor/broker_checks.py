"""What Kafka says: does it answer, are the topics there and kept as they should be, what time is it."""

from collections.abc import Sequence

from deploy.doctor.finding import Finding, error, ok, warning
from deploy.status.disk_usage import readable_bytes
from stream.kafka.admin import wait_for_broker
from stream.kafka.facts import ClockDifference, TopicFacts
from stream.kafka.topics import Topics
from stream.process.errors import BrokerUnavailable
from stream.process.settings import StreamSettings

_MOST_CLOCK_MS = 1000.0
_DAY_MS = 86_400_000


def check_broker(streaming: StreamSettings, *, listens: bool, embedded: bool) -> Finding:
    """Ask whether Kafka answers.

    Parameters
    ----------
    listens
        Whether anybody takes connections at the address.
    embedded
        Whether the address is this machine's, so that `r2r up` starts a Kafka where none is.
    """
    address = streaming.bootstrap_servers
    if embedded and not listens:
        return ok("kafka", f"none runs at {address} yet; `r2r up` starts one")
    try:
        wait_for_broker(streaming)
    except BrokerUnavailable as failure:
        return error(
            "kafka", str(failure).partition(";")[0], "start it, or set stream.bootstrap_servers to one that runs"
        )
    return ok("kafka", f"it answers at {address}")


def wanted_topics(topics: Topics | None, streaming: StreamSettings) -> list[str]:
    """Return the topics that should be there: of a model where one is known, else those that all share."""
    if topics is None:
        return list(Topics("any", streaming.topic_prefix).shared)
    return [*topics.shared, *topics.control, *topics.replay]


def check_topics(found: Sequence[TopicFacts], frames: str, model: str | None) -> Finding:
    """Check that the topics are there, and that Kafka keeps what a restarted learner reads again."""
    missing = [facts.name for facts in found if facts.partitions == 0]
    remedy = f"run `r2r topics create --model {model or 'NAME'}`"
    if missing:
        message = f"{len(missing)} of {len(found)} are not there yet, {missing[0]} for one"
        return warning("topics", message, f"{remedy}; `r2r up` makes them too")
    forgetful = [facts for facts in found if facts.retention_ms >= 0]
    if forgetful:
        one = forgetful[0]
        message = f"{one.name} forgets after {one.retention_ms / _DAY_MS:.3g} days, whatever the learner still needs"
        return warning("topics", message, "set its retention.ms to -1, and bound it by retention.bytes")
    unstamped = [facts.name for facts in found if not facts.stamps_arrival]
    if unstamped:
        message = f"{unstamped[0]} has the producers' clocks, by which partitions are merged"
        return warning("topics", message, "set its message.timestamp.type to LogAppendTime")
    kept = next(facts for facts in found if facts.name == frames)
    bound = "without bound" if kept.retention_bytes < 0 else f"up to {readable_bytes(kept.retention_bytes)} each"
    return ok("topics", f"all {len(found)}; {frames} has {kept.partitions} partitions, kept {bound}")


def check_clock(found: ClockDifference) -> Finding:
    """Check that this machine and the broker agree on the time: both date frames and samples."""
    message = f"the broker is {found.difference_ms:+.0f} ms from here (±{found.uncertainty_ms:.0f} ms)"
    if abs(found.difference_ms) > _MOST_CLOCK_MS + found.uncertainty_ms:
        remedy = "set both clocks by NTP: ages are computed from the broker's clock, deadlines from this one's"
        return warning("clock", message, remedy)
    return ok("clock", message)
