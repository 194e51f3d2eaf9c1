"""The replay workers' Prometheus metrics."""

from prometheus_client import Counter, Histogram

from replay.painter import Work

_AGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_REQUESTS = Counter("r2r_replay_requests", "Requests, by what became of them", ["model", "outcome"])
_POISONED = Counter("r2r_replay_requests_poisoned", "Requests set aside, by reason", ["model", "reason"])
_REOPENED = Counter("r2r_replay_queues_reopened", "New starts after an answer could not be written", ["model"])
_IMAGES = Counter("r2r_replay_images", "Generated images", ["model"])
_SECONDS = Histogram("r2r_replay_generation_duration_seconds", "Generating one answer", ["model"])
_AGE = Histogram("r2r_replay_request_age_seconds", "From a request's arrival to its answer", ["model"], buckets=_AGES)


def observe(model: str, work: Work, seconds: float, age_seconds: float) -> None:
    """Count a request whose answer is written."""
    _REQUESTS.labels(model, work.outcome).inc()
    _AGE.labels(model).observe(max(0.0, age_seconds))  # the broker's clock may be ahead
    if work.outcome == "poisoned":
        _POISONED.labels(model, work.reason).inc()
    if work.outcome == "answered":
        _IMAGES.labels(model).inc(work.images)
        _SECONDS.labels(model).observe(seconds)


def observe_reopened(model: str) -> None:
    """Count a new start; the request in hand comes again."""
    _REOPENED.labels(model).inc()
