"""A micro-task's decisions as events, each with its evidence."""

from collections.abc import Sequence
from dataclasses import asdict

from learner.intake.commands import Naming
from learner.memory.sample_intake import RefusedSamples
from learner.step import TaskReport
from stream.messages.control import Event, Evidence, derived_id
from stream.messages.replay import ReplayRequest

_Decision = tuple[str, Evidence]


def events_of(report: TaskReport) -> list[Event]:
    """Return the events of one micro-task, in the order in which they happened."""
    decisions: list[_Decision] = [
        ("naming" if isinstance(outcome, Naming) else "command_refused", asdict(outcome)) for outcome in report.commands
    ]
    decisions += [("naming", {"cluster": cluster, "name": name}) for cluster, name in report.renamed.items()]
    if report.overload is not None:
        decisions.append(("overload", asdict(report.overload)))
    if report.refused_samples:
        decisions.append(("samples_refused", _refusals(report.refused_samples)))
    if report.signal is not None:
        decisions.append(("drift", asdict(report.signal) | {"uncertain_rate": report.uncertain_rate or 0.0}))
    decisions += _learned(report)
    if report.requests:
        decisions.append(("replay_request", _asked(report.requests)))
    plan = report.plan
    return [
        Event(
            derived_id(plan.model, plan.task_seq, "event", n), plan.model, plan.task_seq, kind, plan.cut_at_ms, evidence
        )
        for n, (kind, evidence) in enumerate(decisions)
    ]


def _learned(report: TaskReport) -> list[_Decision]:
    """Return what an update changed, cluster by cluster, and then what it took."""
    update = report.update
    if update is None:
        return []
    decisions: list[_Decision] = [("birth", {"cluster": cluster}) for cluster in update.born]
    decisions += [("merge", {"cluster": kept, "gone": gone}) for kept, gone in update.merged]
    decisions += [("prune", {"cluster": cluster}) for cluster in update.pruned]
    evidence: Evidence = {
        "cause": update.cause,
        "novel_frames": update.novel_frames,
        "window_frames": update.window_frames,
        "recalled_images": update.recalled_images,
        "images_backpropagated": update.images_backpropagated,
        "loss": update.loss,
        "live_clusters": update.live_clusters,
        "births_without_slot": update.births_without_slot,
        **{f"samples_{name}": number for name, number in asdict(report.replay).items()},
    }
    return [*decisions, ("update", evidence)]


def _refusals(refused: Sequence[RefusedSamples]) -> Evidence:
    return {"batches": len(refused), "reasons": sorted({one.reason for one in refused}), "example": refused[0].message}


def _asked(requests: Sequence[ReplayRequest]) -> Evidence:
    return {"requests": len(requests), "images": sum(request.images for request in requests)}
