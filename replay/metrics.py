"""The replay workers' Prometheus metrics."""

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram

from replay.judge.sample_filter import Verdict
from replay.request_handler import Handled

_AGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_REQUESTS = Counter("r2r_replay_requests", "Requests, by outcome", ["model", "outcome"])
_POISONED = Counter("r2r_replay_requests_poisoned", "Requests that became dead letters, by reason", ["model", "reason"])
_REOPENED = Counter("r2r_replay_queues_reopened", "Queues opened again after an answer could not be written", ["model"])
_IMAGES = Counter("r2r_replay_images", "Generated images", ["model"])
_SECONDS = Histogram("r2r_replay_generation_duration_seconds", "Time to generate one answer", ["model"])
_AGE = Histogram("r2r_replay_request_age_seconds", "From a request's arrival to its answer", ["model"], buckets=_AGES)
_VERDICTS = Counter("r2r_replay_verdicts", "Generated images, by verdict of the filter", ["model", "verdict"])
_GAP = Gauge("r2r_replay_gap_ratio", "Newest distance of generated from real images, in deviations", ["model"])
_LOOKUPS = Counter("r2r_replay_cache_lookups", "Lookups of images in the cache, by outcome", ["model", "outcome"])
_HELD = Gauge("r2r_replay_cache_bytes", "Size of the cache of generated images", ["model"])
_CHATS = Counter("r2r_replay_llm_requests", "Vocabularies asked for, by outcome", ["model", "outcome"])
_TOKENS = Counter("r2r_replay_llm_tokens", "Tokens as the chat endpoint counts them, each once", ["model", "kind"])


def observe(model: str, handled: Handled, seconds: float, age_seconds: float) -> None:
    """Count a request whose answer is written."""
    _REQUESTS.labels(model, handled.outcome).inc()
    _AGE.labels(model).observe(max(0.0, age_seconds))  # the broker's clock may be ahead
    if handled.outcome == "poisoned":
        _POISONED.labels(model, handled.reason).inc()
    if handled.outcome == "answered":
        _IMAGES.labels(model).inc(handled.images)
        _SECONDS.labels(model).observe(seconds)
        observe_verdicts(model, handled.verdicts, handled.gap)


def observe_reopened(model: str) -> None:
    """Count a queue that was opened again; its unanswered requests come again."""
    _REOPENED.labels(model).inc()


def observe_chat(model: str, outcome: str, tokens: Mapping[str, int]) -> None:
    """Count a vocabulary that was asked for: ``answered``, or an `EndpointUnavailable`'s reason."""
    _CHATS.labels(model, outcome).inc()
    for kind, count in tokens.items():
        _TOKENS.labels(model, kind).inc(count)


def observe_verdicts(model: str, verdicts: Iterable[Verdict], gap: float) -> None:
    """Count the verdicts on one answer's images, and set their distance from real ones."""
    for verdict in verdicts:
        _VERDICTS.labels(model, verdict.reason or "kept").inc()
    _GAP.labels(model).set(gap)


def observe_cache(model: str, hits: int, misses: int, held_bytes: int) -> None:
    """Count cache lookups, and set the cache's size."""
    _LOOKUPS.labels(model, "hit").inc(hits)
    _LOOKUPS.labels(model, "miss").inc(misses)
    _HELD.labels(model).set(held_bytes)
