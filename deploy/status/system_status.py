"""How a running system is: its roles, what its learner has done, what answers, what was decided, what it occupies."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deploy.publish.promotion_state import PromotionStateFile
from deploy.registry.errors import RegistryError
from deploy.roles import LEARNER, SERVER
from deploy.status.disk_usage import home_usage_bytes
from deploy.status.newest_records import NewestRecords
from deploy.status.running_system import RunningRole, RunningSystem, resident_bytes
from deploy.status.scrape import MetricsPage, read_page
from stream.kafka.topics import Topics
from stream.messages.event import Event
from stream.process.errors import InvalidMessage, R2RError
from stream.process.home import Home
from stream.process.settings import StreamSettings

_EVENTS = 8
_BROKER_SECONDS = 3.0
_RATE_SECONDS = 30.0
_CATCH_UP_POLLS = 10
_FIGURES = {
    "task": "r2r_learner_task",
    "frames": "r2r_learner_frames_total",
    "lag_records": "r2r_learner_lag_records",
    "clusters": "r2r_learner_clusters",
    "uncertain_ratio": "r2r_learner_uncertain_ratio",
    "updates": "r2r_learner_updates_total",
    "drift_signals": "r2r_learner_drift_signals_total",
    "rejected": "r2r_learner_frames_rejected_total",
}


@dataclass(frozen=True)
class RoleStatus:
    """A role, and whether it answers where it says; None where it answers nowhere."""

    role: RunningRole
    answers: bool | None
    memory_bytes: int | None


@dataclass(frozen=True)
class SystemStatus:
    """A running system at one moment; a figure is None where it is not known."""

    home: str
    system: RunningSystem
    roles: tuple[RoleStatus, ...]
    learner: Mapping[str, float | None]
    """By name: task, frames, lag_records, clusters, uncertain_ratio, updates, drift_signals, rejected."""
    frames_per_second: float | None
    """Learned in the last half minute, or since the learner's start where this is the first sample."""
    version: int | None
    """The one that answers."""
    pinned: int | None
    """The one that is to go on answering."""
    events: tuple[Event, ...]
    """The newest decisions, oldest first."""
    disk_bytes: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        roles = [
            {**asdict(status.role), "answers": status.answers, "memory_bytes": status.memory_bytes}
            for status in self.roles
        ]
        return {
            "home": self.home,
            "running": True,
            "model": self.system.model,
            "bootstrap_servers": self.system.bootstrap_servers,
            "started_at_ms": self.system.started_at_ms,
            "roles": roles,
            "learner": dict(self.learner),
            "frames_per_second": self.frames_per_second,
            "version": self.version,
            "pinned": self.pinned,
            "events": [asdict(event) for event in self.events],
            "disk_bytes": dict(self.disk_bytes),
        }


@dataclass
class FrameRate:
    """Frames a second over the samples of the last half minute."""

    samples: deque[tuple[float, float]] = field(default_factory=deque)

    def update(self, page: MetricsPage | None, now_seconds: float) -> float | None:
        """Add a sample of the learner's page; return the rate until now, the first since its start."""
        frames = None if page is None else page.total(_FIGURES["frames"])
        if page is None or frames is None:
            self.samples.clear()
            return None
        while self.samples and (now_seconds - self.samples[0][0] > _RATE_SECONDS or frames < self.samples[0][1]):
            self.samples.popleft()
        start = page.total("process_start_time_seconds")
        since, before = self.samples[0] if self.samples else (now_seconds if start is None else start, 0.0)
        self.samples.append((now_seconds, frames))
        return (frames - before) / (now_seconds - since) if now_seconds > since else None


class EventLog:
    """The newest events of a model; empty while Kafka is away. Connects when it is first read."""

    def __init__(self, settings: StreamSettings, topics: Topics) -> None:
        seconds = min(_BROKER_SECONDS, settings.broker_timeout_seconds)
        self._settings = settings.model_copy(update={"broker_timeout_seconds": seconds})
        self._topics = topics
        self._records: NewestRecords | None = None
        self._events: tuple[Event, ...] = ()

    def newest(self) -> Sequence[Event]:
        """Return the newest events, oldest first."""
        try:
            if self._records is None:
                self._records = NewestRecords(self._settings, self._topics.events, _EVENTS)
            for _ in range(_CATCH_UP_POLLS):
                self._read(self._records, 0.0 if self._records.caught_up else _BROKER_SECONDS / _CATCH_UP_POLLS)
                if self._records.caught_up:
                    break
        except R2RError:
            self.close()
        return self._events

    def close(self) -> None:
        """Disconnect; may be called again."""
        if self._records is not None:
            self._records.close()
            self._records = None

    def _read(self, records: NewestRecords, timeout_seconds: float) -> None:
        for record in records.next_records(timeout_seconds):
            try:
                event = Event.from_bytes(record.value or b"")
            except InvalidMessage:
                continue
            self._events = newest_by_time([*self._events, event], _EVENTS)


def newest_by_time(events: Sequence[Event], most: int) -> tuple[Event, ...]:
    """Return the newest ``most`` events, each once, oldest first; those of one moment stay in the order they came in.

    They come in another order: a learner's event has the time its plan was cut, however long its update took.
    """
    once = {event.id: event for event in events}  # one is read again after Kafka was away, and sent again by a restart
    return tuple(sorted(once.values(), key=lambda event: event.at_ms)[-most:])


def read_status(home: Home, system: RunningSystem, rate: FrameRate, log: EventLog, now_seconds: float) -> SystemStatus:
    """Ask every role, the registry, Kafka and the disk once.

    Parameters
    ----------
    now_seconds
        Unix time.
    """
    pages = {role.name: read_page(role.address) if _answers_http(role) else None for role in system.roles}
    roles = tuple(_role_status(role, pages[role.name]) for role in system.roles)
    learner, server = pages.get(LEARNER.name), pages.get(SERVER.name)
    version = None if server is None else server.total("r2r_server_active_version")
    return SystemStatus(
        home=str(home.root),
        system=system,
        roles=roles,
        learner={name: _figure(learner, metric) for name, metric in _FIGURES.items()},
        frames_per_second=rate.update(learner, now_seconds),
        version=None if version is None else int(version),
        pinned=_pinned(home, system.model),
        events=tuple(log.newest()),
        disk_bytes=home_usage_bytes(home),
    )


def _figure(page: MetricsPage | None, metric: str) -> float | None:
    """Return a metric's total; a counter that is not there yet has counted nothing."""
    found = None if page is None else page.total(metric)
    return 0.0 if page is not None and found is None and metric.endswith("_total") else found


def _answers_http(role: RunningRole) -> bool:
    return role.alive and role.address.startswith("http")


def _role_status(role: RunningRole, page: MetricsPage | None) -> RoleStatus:
    answers = page is not None if role.address.startswith("http") else None
    return RoleStatus(role, answers, resident_bytes(role.pid))


def _pinned(home: Home, model: str) -> int | None:
    try:
        return PromotionStateFile(str(home.registry), model).load().pinned
    except RegistryError:
        return None
