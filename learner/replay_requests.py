"""Which clusters are to be painted again before an update: one request for each live cluster with exemplars."""

from collections.abc import Sequence

from torch import Tensor

from learner.rehearsal import rehearsed_images
from learner.replay_memory import MOST_REQUESTS
from learner.seeds import derived_seed
from learner.state import LearnerState
from stream.image_codec import encode_png
from stream.messages import TaskPlan, derived_id
from stream.replay_messages import MOST_EXEMPLARS, ReplayRequest

_MOST_EXEMPLAR_BYTES = 512 * 1024  # of one request, whose images become a third larger as text


def requests_of(state: LearnerState, plan: TaskPlan) -> list[ReplayRequest]:
    """Return the requests for the update that has just become pending; none where replay is off.

    As many images are asked for as the update will rehearse of each cluster, and at most ``replay_images``.
    """
    settings, live = state.settings, state.knowledge.mixture.live_clusters
    if not settings.replay or not live:
        return []
    images = min(settings.replay_images, rehearsed_images(state.expected_window, settings) // live)
    if not images:
        return []
    return [
        ReplayRequest(
            id=derived_id(plan.model, plan.task_seq, "replay-request", number),
            model=plan.model,
            task_seq=plan.task_seq,
            cluster=cluster,
            name=state.names.get(cluster, ""),
            exemplars=_as_png(exemplars_ECSS),
            images=images,
            seed=derived_seed(plan.seed, cluster),
            expires_at_ms=plan.cut_at_ms + round(settings.replay_seconds * 1000),
        )
        for number, (cluster, exemplars_ECSS) in enumerate(sorted(state.exemplars.by_cluster.items())[:MOST_REQUESTS])
    ]


def _as_png(exemplars_ECSS: Tensor) -> Sequence[bytes]:
    """Return PNG files, nearest first, as many as fit into one message."""
    files: list[bytes] = []
    for image_CSS in exemplars_ECSS[:MOST_EXEMPLARS]:
        file = encode_png(image_CSS.permute(1, 2, 0).contiguous().numpy())
        if files and sum(map(len, files)) + len(file) > _MOST_EXEMPLAR_BYTES:
            break
        files.append(file)
    return files
