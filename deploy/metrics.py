"""The metrics of serving and publishing. Labels have few values: a model that is not served is ``unknown``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DURATIONS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class ServingMetrics:
    """What the server counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "r2r_server_requests_total", "Inference requests answered.", ("model", "code"), registry=registry
        )
        self.request_duration = Histogram(
            "r2r_server_request_duration_seconds",
            "From the request's first line to its answer.",
            ("model",),
            buckets=_DURATIONS_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge("r2r_server_requests_in_flight", "Requests being answered.", registry=registry)
        self.active_version = Gauge(
            "r2r_server_active_version", "The version that answers.", ("model",), registry=registry
        )
        self.swaps = Counter(
            "r2r_server_swaps_total", "Versions that replaced another without a pause.", ("model",), registry=registry
        )
        self.load_failures = Counter(
            "r2r_server_load_failures_total", "Versions that could not be loaded.", ("model",), registry=registry
        )
        self.load_duration = Histogram(
            "r2r_server_load_duration_seconds", "Reading, loading and warming a version.", registry=registry
        )


class PublishingMetrics:
    """What the publisher counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.promotions = Counter(
            "r2r_publisher_promotions_total", "Candidates that became versions.", ("model",), registry=registry
        )
        self.refusals = Counter(
            "r2r_publisher_refusals_total", "Candidates that a gate refused.", ("model", "reason"), registry=registry
        )
        self.skipped = Counter(
            "r2r_publisher_skipped_total",
            "Checkpoints that were gone before they could be published.",
            ("model",),
            registry=registry,
        )
        self.exports = Counter(
            "r2r_publisher_exports_total", "Whole exports; all else is new initializers.", ("model",), registry=registry
        )
        self.pinned_version = Gauge(
            "r2r_publisher_pinned_version", "The version that is pinned; 0 for none.", ("model",), registry=registry
        )
        self.publish_duration = Histogram(
            "r2r_publisher_publish_duration_seconds", "From the checkpoint to the version.", registry=registry
        )
