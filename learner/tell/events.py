"""A micro-task's decisions as events, each with its evidence."""

from collections.abc import Sequence
from dataclasses import asdict

from learner.step import Effects
from learner.steps.commands import Named
from learner.steps.samples import RefusedSamples
from stream.messages.event import Event, Evidence
from stream.messages.ids import derived_id
from stream.messages.replay import ReplayRequest

_Decision = tuple[str, Evidence]


def events_of(effects: Effects) -> list[Event]:
    """Return the events of one micro-task, in the order in which they happened."""
    decisions: list[_Decision] = [
        ("naming" if isinstance(outcome, Named) else "command_refused", asdict(outcome)) for outcome in effects.commands
    ]
    decisions += [("naming", {"cluster": cluster, "name": name}) for cluster, name in effects.renamed.items()]
    if effects.overload is not None:
        decisions.append(("overload", asdict(effects.overload)))
    if effects.refused_samples:
        decisions.append(("samples_refused", _refusals(effects.refused_samples)))
    if effects.signal is not None:
        decisions.append(("drift", asdict(effects.signal) | {"uncertain_rate": effects.uncertain_rate or 0.0}))
    decisions += _learned(effects)
    if effects.requests:
        decisions.append(("replay_request", _asked(effects.requests)))
    plan = effects.plan
    return [
        Event(
            derived_id(plan.model, plan.task_seq, "event", n), plan.model, plan.task_seq, kind, plan.cut_at_ms, evidence
        )
        for n, (kind, evidence) in enumerate(decisions)
    ]


def _learned(effects: Effects) -> list[_Decision]:
    """Return what an update changed, cluster by cluster, and then what it took."""
    update = effects.update
    if update is None:
        return []
    decisions: list[_Decision] = [("birth", {"cluster": cluster}) for cluster in update.added]
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
        **{f"samples_{name}": number for name, number in asdict(effects.replay).items()},
    }
    return [*decisions, ("update", evidence)]


def _refusals(refused: Sequence[RefusedSamples]) -> Evidence:
    return {"batches": len(refused), "reasons": sorted({one.reason for one in refused}), "example": refused[0].message}


def _asked(requests: Sequence[ReplayRequest]) -> Evidence:
    return {"requests": len(requests), "images": sum(request.images for request in requests)}
