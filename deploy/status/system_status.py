"""How a running system is: its roles, what its learner has done, what answers, what was decided, what it occupies."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deploy.errors import RegistryError
from deploy.publish.promotion_state import PromotionStateFile
from deploy.roles import LEARNER, SERVER
from deploy.status.disk_usage import home_usage_bytes
from deploy.status.newest_records import NewestRecords
from deploy.status.running_system import RunningRole, RunningSystem, resident_bytes
from deploy.status.scrape import MetricsPage, read_page
from stream.kafka.topics import Topics
from stream.messages.control import Event
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
    """One look at a running system; a figure is None where nobody tells it.

    Parameters
    ----------
    learner
        By name: task, frames, lag_records, clusters, uncertain_ratio, updates, drift_signals, rejected.
    frames_per_second
        Learned in the last half minute of looks, or since the learner's start at the first look.
    version, pinned
        What answers, and what is to go on answering.
    events
        The newest decisions, oldest first.
    """

    home: str
    system: RunningSystem
    roles: tuple[RoleStatus, ...]
    learner: Mapping[str, float | None]
    frames_per_second: float | None
    version: int | None
    pinned: int | None
    events: tuple[Event, ...]
    disk_bytes: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """Return what JSON tells."""
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
    """Frames a second over the looks of the last half minute."""

    looks: deque[tuple[float, float]] = field(default_factory=deque)

    def see(self, page: MetricsPage | None, now_seconds: float) -> float | None:
        """Note a look at the learner's page; return the rate until now, since the learner's start at the first look."""
        frames = None if page is None else page.total(_FIGURES["frames"])
        if page is None or frames is None:
            self.looks.clear()
            return None
        while self.looks and (now_seconds - self.looks[0][0] > _RATE_SECONDS or frames < self.looks[0][1]):
            self.looks.popleft()
        start = page.total("process_start_time_seconds")
        since, before = self.looks[0] if self.looks else (now_seconds if start is None else start, 0.0)
        self.looks.append((now_seconds, frames))
        return (frames - before) / (now_seconds - since) if now_seconds > since else None


class EventLog:
    """The newest events of a model; empty while Kafka is away. Connects at the first look."""

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

    They come in another order: a learner's event bears the time its plan was cut, however long its update took.
    """
    once = {event.id: event for event in events}  # one is read again after Kafka was away, and told again by a restart
    return tuple(sorted(once.values(), key=lambda event: event.at_ms)[-most:])


def look(home: Home, system: RunningSystem, rate: FrameRate, log: EventLog, now_seconds: float) -> SystemStatus:
    """Ask every role, the registry, Kafka and the disk once.

    Parameters
    ----------
    now_seconds
        Unix time.
    """
    pages = {role.name: read_page(role.address) if _tells(role) else None for role in system.roles}
    roles = tuple(_role_status(role, pages[role.name]) for role in system.roles)
    learner, server = pages.get(LEARNER.name), pages.get(SERVER.name)
    version = None if server is None else server.total("r2r_server_active_version")
    return SystemStatus(
        home=str(home.root),
        system=system,
        roles=roles,
        learner={name: _figure(learner, metric) for name, metric in _FIGURES.items()},
        frames_per_second=rate.see(learner, now_seconds),
        version=None if version is None else int(version),
        pinned=_pinned(home, system.model),
        events=tuple(log.newest()),
        disk_bytes=home_usage_bytes(home),
    )


def _figure(page: MetricsPage | None, metric: str) -> float | None:
    """Return a metric's total; a counter that is not there yet has counted nothing."""
    found = None if page is None else page.total(metric)
    return 0.0 if page is not None and found is None and metric.endswith("_total") else found


def _tells(role: RunningRole) -> bool:
    return role.alive and role.address.startswith("http")


def _role_status(role: RunningRole, page: MetricsPage | None) -> RoleStatus:
    answers = page is not None if role.address.startswith("http") else None
    return RoleStatus(role, answers, resident_bytes(role.pid))


def _pinned(home: Home, model: str) -> int | None:
    try:
        return PromotionStateFile(str(home.registry), model).load().pinned
    except RegistryError:
        return None
