"""Which clusters are to be painted again, for which update, and how many images of each.

An update waits for frames and never for samples. What it will rehearse is asked for when it begins to wait, if the
frames that it waits for leave time for an answer. A learner that is behind its stream has them already: then the next
update is provided for, and painted while this one trains. What is to come or waits is not asked for again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from learner.intake.stream_pace import StreamPace
from learner.intake.window import Place
from learner.memory.replay_memory import MOST_REQUESTS
from learner.model.contract import live_ids
from learner.seeds import derived_seed
from learner.state import LearnerState
from learner.steps.members import Members, members_of
from learner.steps.request_order import Share, Wanted, replay_schedule
from stream.image_codec import encode_png
from stream.messages.ids import derived_id
from stream.messages.replay import MOST_EXEMPLARS, ReplayRequest
from stream.messages.task_plan import TaskPlan

_MOST_IMAGE_BYTES = 256 * 1024  # of exemplars, and of members; as text they become a third larger
_ANSWER_MS = 1000  # two workers paint the 100 images of an update in 0.2 s, and on a crowded machine in 1.2 s
_BIRTHS = 2  # thought of where an update comes in between: what is rehearsed is shared with the clusters it bears


@dataclass(frozen=True)
class Asking:
    """Requests, the number of the update they are for, and where the frames stand that they show, by cluster."""

    requests: Sequence[ReplayRequest]
    update: int
    members: Mapping[int, Sequence[Place]] = field(default_factory=dict)


def requests_of(state: LearnerState, plan: TaskPlan, pace: StreamPace) -> Asking:
    """Return what is to be asked when an update begins to wait; nothing where replay is off.

    As many images are asked for as the update will rehearse of each cluster, and at most ``replay_images``; for the
    one after it as many as it will rehearse at least.
    """
    settings, live, update = state.settings, len(live_ids(state.model)), state.progress.updates + 1
    if not settings.replay or not live:
        return Asking([], update)
    if pace.until_ms(state.schedule.frames_missing) >= _ANSWER_MS:
        share = settings.rehearsed_images(state.expected_window) // live
    elif pace.until_ms(state.schedule.longest_interval) <= settings.replay_seconds * 1000:
        share, update = settings.rehearsed_images(settings.update_frames) // (live + _BIRTHS), update + 1
    else:
        share = 0  # an answer would be too late for this update, and its time over before the next
    members = members_of(state)
    shares = _wanted(state, min(settings.replay_images, share), update)
    places = {cluster: own.places for cluster, own in members.items()}
    return Asking(_requests(state, plan, shares, update, members), update, places)


def introduction_of(state: LearnerState, plan: TaskPlan, first: int) -> Asking:
    """Return a request of one image for each cluster of which a labeller that is there has said nothing yet.

    A cluster that is born is named soon, not when the next update begins to wait.

    Parameters
    ----------
    first
        How many requests the plan has made already: ids go on from there.
    """
    update = state.progress.updates + 1
    if not (state.settings.replay and state.names.votes):
        return Asking([], update)
    known = {*state.names.given, *state.names.votes, *(asked.cluster for asked in state.replay.asked.values())}
    unknown = [Share(cluster, 1) for cluster in sorted(state.exemplars.by_cluster) if cluster not in known]
    return Asking(_requests(state, plan, unknown[:MOST_REQUESTS], update, first=first), update)


def trusted(images: int, gap: float) -> int:
    """Return how many of ``images`` are asked for where generated ones are ``gap`` deviations from real ones.

    The rest is recalled. At no gap all are generated; at one deviation half of them, at two a fifth; never none, or no
    answer would tell when the gap is smaller again.

    Examples
    --------
    >>> [trusted(60, gap) for gap in (0.0, 0.5, 1.0, 2.0)]
    [60, 48, 30, 12]
    """
    return max(min(images, 1), round(images / (1.0 + gap * gap)))


def _wanted(state: LearnerState, wanted: int, update: int) -> list[Share]:
    """Return of how many images each cluster with exemplars lacks, of those that are wanted for the update.

    What was not seen for longest comes first; see `replay_schedule`. While an older request is not answered, one image
    of each cluster is enough: workers that lag behind would only lag further, and names with them.
    """
    settings, expected = state.settings, state.replay.expected(update, state.progress.updates)
    wanted = min(wanted, 1) if state.replay.is_owed else wanted
    missing = [
        Wanted(
            cluster,
            trusted(wanted, state.replay.gaps.get(cluster, 0.0)) - expected[cluster],
            state.last_seen.frames_since.get(cluster, 0),
            state.names.of(cluster),
        )
        for cluster in sorted(state.exemplars.by_cluster)
    ]
    return replay_schedule(missing, settings.replay_images, settings.replay_images_in_all)[:MOST_REQUESTS]


def _requests(
    state: LearnerState,
    plan: TaskPlan,
    shares: Sequence[Share],
    update: int,
    members: Mapping[int, Members] | None = None,
    *,
    first: int = 0,
) -> list[ReplayRequest]:
    ahead = update - state.progress.updates  # 2 where the update before this one trains meanwhile
    lasts_seconds = state.settings.replay_seconds * ahead
    return [
        ReplayRequest(
            id=derived_id(plan.model, plan.task_seq, "replay-request", number),
            model=plan.model,
            task_seq=plan.task_seq,
            cluster=share.cluster,
            name=state.names.of(share.cluster),
            exemplars=_as_png(state.exemplars.by_cluster[share.cluster][:MOST_EXEMPLARS], fewest=1),
            images=share.images,
            seed=derived_seed(plan.seed, share.cluster),
            expires_at_ms=plan.cut_at_ms + round(lasts_seconds * 1000),
            members=_as_png((members or {}).get(share.cluster, Members()).images_NCSS),
        )
        for number, share in enumerate(shares, start=first)
    ]


def _as_png(images_NCSS: Tensor, fewest: int = 0) -> Sequence[bytes]:
    """Return PNG files in their order, as many as fit into a third of a message, and ``fewest`` however large."""
    files: list[bytes] = []
    for image_CSS in images_NCSS:
        file = encode_png(image_CSS.permute(1, 2, 0).contiguous().numpy())
        if len(files) >= fewest and sum(map(len, files)) + len(file) > _MOST_IMAGE_BYTES:
            break
        files.append(file)
    return files
