"""A micro-task's decisions as events, each with its evidence."""

from learner.executor import TaskReport
from stream.messages import Event, Evidence, derived_id


def events_of(report: TaskReport) -> list[Event]:
    """Return the events of one micro-task, in the order in which they happened."""
    decisions: list[tuple[str, Evidence]] = []
    if report.signal is not None:
        signal = report.signal
        decisions.append(
            (
                "drift",
                {
                    "detector": signal.detector,
                    "statistic": signal.statistic,
                    "threshold": signal.threshold,
                    "frame": signal.frame,
                    "uncertain_rate": report.uncertain_rate or 0.0,
                },
            )
        )
    if report.update is not None:
        update = report.update
        decisions += [("birth", {"cluster": cluster}) for cluster in update.born]
        decisions.append(
            (
                "update",
                {
                    "window_frames": update.window_frames,
                    "recalled_images": update.recalled_images,
                    "images_backpropagated": update.images_backpropagated,
                    "loss": update.loss,
                    "live_clusters": update.live_clusters,
                    "births_without_slot": update.births_without_slot,
                },
            )
        )
    plan = report.plan
    return [
        Event(
            derived_id(plan.model, plan.task_seq, "event", n), plan.model, plan.task_seq, kind, plan.cut_at_ms, evidence
        )
        for n, (kind, evidence) in enumerate(decisions)
    ]
