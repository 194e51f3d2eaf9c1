"""The learner's Prometheus metrics."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from learner.model.contract import live_ids
from learner.state import LearnerState
from learner.step import Effects
from learner.steps.commands import Named

_FRAMES = Counter("r2r_learner_frames", "Frames that had their effect on the model", ["model"])
_SKIPPED = Counter("r2r_learner_frames_skipped", "Frames passed over under overload", ["model"])
_RESENT = Counter(
    "r2r_learner_frames_resent", "Frames dropped because their source and sequence came before", ["model"]
)
_REJECTED = Counter("r2r_learner_frames_rejected", "Records that are no frame, by reason", ["model", "reason"])
_SIGNALS = Counter("r2r_learner_drift_signals", "Changes of the world that were noticed", ["model"])
_UPDATES = Counter("r2r_learner_updates", "Updates of the model", ["model"])
_BACKPROPAGATED = Counter(
    "r2r_learner_images_backpropagated", "Images through training, the cost of learning", ["model"]
)
_COMMANDS = Counter("r2r_learner_commands", "Commands, by what became of them", ["model", "outcome"])
_REQUESTED = Counter("r2r_learner_samples_requested", "Images asked of the replay workers", ["model"])
_SAMPLES = Counter("r2r_learner_samples", "Generated images that came, by what became of them", ["model", "fate"])
_SAMPLES_REFUSED = Counter("r2r_learner_sample_batches_refused", "Batches without effect", ["model", "reason"])
_OWED = Gauge("r2r_learner_samples_owed", "1 while a request waits for its first answer", ["model"])
_REPLAY_STALL = Gauge(
    "r2r_learner_replay_stall_seconds", "In which frames waited for samples and requests, since the start", ["model"]
)
_UNCERTAIN = Gauge("r2r_learner_uncertain_ratio", "Share of uncertain frames in the newest micro-task", ["model"])
_CLUSTERS = Gauge("r2r_learner_clusters", "Live clusters", ["model"])
_TASK = Gauge("r2r_learner_task", "Number of the newest executed plan", ["model"])
_LAG = Gauge("r2r_learner_lag_records", "Records of frames not yet planned", ["model", "partition"])
_PENDING = Gauge("r2r_learner_update_pending", "1 while an update waits for more frames", ["model"])
_VERSION = Gauge("r2r_learner_version", "Number of the plan with the newest update: what is to be served", ["model"])
_TASK_SECONDS = Histogram("r2r_learner_task_duration_seconds", "Execution of one micro-task", ["model"])
_CHECKPOINT_SECONDS = Histogram("r2r_learner_checkpoint_duration_seconds", "Writing one checkpoint", ["model"])


def observe_task(state: LearnerState, effects: Effects, seconds: float) -> None:
    """Count one executed micro-task."""
    model = effects.plan.model
    _FRAMES.labels(model).inc(effects.frames)
    _SKIPPED.labels(model).inc(effects.skipped)
    _RESENT.labels(model).inc(effects.resent)
    for rejected in effects.rejected:
        _REJECTED.labels(model, rejected.error.reason).inc()
    for outcome in effects.commands:
        _COMMANDS.labels(model, "named" if isinstance(outcome, Named) else outcome.reason).inc()
    _observe_replay(model, effects)
    if effects.signal is not None:
        _SIGNALS.labels(model).inc()
    if effects.update is not None:
        _UPDATES.labels(model).inc()
        _BACKPROPAGATED.labels(model).inc(effects.update.images_backpropagated)
    if effects.uncertain_rate is not None:
        _UNCERTAIN.labels(model).set(effects.uncertain_rate)
    observe_state(model, state)
    _TASK_SECONDS.labels(model).observe(seconds)


def _observe_replay(model: str, effects: Effects) -> None:
    _REQUESTED.labels(model).inc(sum(request.images for request in effects.requests))
    for refused in effects.refused_samples:
        _SAMPLES_REFUSED.labels(model, refused.reason).inc()
    if effects.update is not None:
        for fate in ("in_time", "late", "dropped", "used", "used_in_time"):
            _SAMPLES.labels(model, fate).inc(getattr(effects.replay, fate))


def observe_replay_stall(model: str, seconds: float) -> None:
    """Show how long the learner's loop has been busy with replay: an update waits for frames, never for samples."""
    _REPLAY_STALL.labels(model).set(seconds)


def observe_state(model: str, state: LearnerState) -> None:
    """Show where the learner stands, after a restart too."""
    _CLUSTERS.labels(model).set(len(live_ids(state.model)))
    _TASK.labels(model).set(state.progress.task_seq)
    _OWED.labels(model).set(state.replay.is_owed)
    _PENDING.labels(model).set(state.wakes_at_ms is not None)
    _VERSION.labels(model).set(state.progress.updated_at_task)


def observe_lag(model: str, lag_records: Mapping[int, int]) -> None:
    """Show how far each partition is behind."""
    for partition, records in lag_records.items():
        _LAG.labels(model, str(partition)).set(records)


def observe_checkpoint(model: str, seconds: float) -> None:
    """Count one written checkpoint."""
    _CHECKPOINT_SECONDS.labels(model).observe(seconds)
