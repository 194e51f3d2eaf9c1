"""The replay workers' Prometheus metrics."""

from collections.abc import Iterable
from dataclasses import asdict

from prometheus_client import Counter, Gauge, Histogram

from replay.judge.sample_filter import Verdict
from replay.painter import Work
from replay.words.chat_reply import Tokens

_AGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_REQUESTS = Counter("r2r_replay_requests", "Requests, by what became of them", ["model", "outcome"])
_POISONED = Counter("r2r_replay_requests_poisoned", "Requests set aside, by reason", ["model", "reason"])
_REOPENED = Counter("r2r_replay_queues_reopened", "New starts after an answer could not be written", ["model"])
_IMAGES = Counter("r2r_replay_images", "Generated images", ["model"])
_SECONDS = Histogram("r2r_replay_generation_duration_seconds", "Generating one answer", ["model"])
_AGE = Histogram("r2r_replay_request_age_seconds", "From a request's arrival to its answer", ["model"], buckets=_AGES)
_VERDICTS = Counter("r2r_replay_verdicts", "Generated images, by what the filter says of them", ["model", "verdict"])
_GAP = Gauge("r2r_replay_gap_ratio", "Newest distance of generated from real images, in deviations", ["model"])
_LOOKUPS = Counter("r2r_replay_cache_lookups", "Images looked for in the cache", ["model", "outcome"])
_HELD = Gauge("r2r_replay_cache_bytes", "Held by the cache of finished images", ["model"])
_CHATS = Counter("r2r_replay_llm_requests", "Vocabularies asked for, by what became of it", ["model", "outcome"])
_TOKENS = Counter("r2r_replay_llm_tokens", "Tokens as the chat endpoint counts them, each once", ["model", "kind"])


def observe(model: str, work: Work, seconds: float, age_seconds: float) -> None:
    """Count a request whose answer is written."""
    _REQUESTS.labels(model, work.outcome).inc()
    _AGE.labels(model).observe(max(0.0, age_seconds))  # the broker's clock may be ahead
    if work.outcome == "poisoned":
        _POISONED.labels(model, work.reason).inc()
    if work.outcome == "answered":
        _IMAGES.labels(model).inc(work.images)
        _SECONDS.labels(model).observe(seconds)
        observe_verdicts(model, work.verdicts, work.gap)


def observe_reopened(model: str) -> None:
    """Count a new start; the request in hand comes again."""
    _REOPENED.labels(model).inc()


def observe_chat(model: str, outcome: str, tokens: Tokens) -> None:
    """Count a vocabulary that was asked for: ``answered``, or an `EndpointUnavailable`'s reason."""
    _CHATS.labels(model, outcome).inc()
    for kind, count in asdict(tokens).items():
        _TOKENS.labels(model, kind).inc(count)


def observe_verdicts(model: str, verdicts: Iterable[Verdict], gap: float) -> None:
    """Count what the filter says of one answer's images, and show how far they are from real ones."""
    for verdict in verdicts:
        _VERDICTS.labels(model, verdict.reason or "kept").inc()
    _GAP.labels(model).set(gap)


def observe_cache(model: str, hits: int, misses: int, held_bytes: int) -> None:
    """Count images that were looked for, and show what the cache holds."""
    _LOOKUPS.labels(model, "hit").inc(hits)
    _LOOKUPS.labels(model, "miss").inc(misses)
    _HELD.labels(model).set(held_bytes)
