"""One update as published: stages A, B and D. No input or output, no clock.

Axes: N images (W of the window, then R synthetic), C = 3 channels, S = input size, L latent width, K clusters.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from learner.model.contract import SyntheticImages, TrainingBatch, UpdateInputs, UpdateReport
from learner.model.paper.frontier import FrontierEncoder
from learner.model.paper.latent_mixture import LatentMixture, cluster_means, far_means, fit_mixture
from learner.model.paper.self_improvement import carried_clusters, count_votes, decoded
from learner.model.paper.sg_udfm import Feedback, fit_feedback
from learner.settings import PaperSettings

M = TypeVar("M", bound="PaperValues")


@dataclass(frozen=True)
class PaperValues:
    """The values of a `PaperModel`: the frontier model, the clusters of stage A, and what stage B keeps of each."""

    encoder: FrontierEncoder
    mixture: LatentMixture
    feedback: Feedback
    settings: PaperSettings


def paper_update(model: M, inputs: UpdateInputs, generator: torch.Generator) -> tuple[M, UpdateReport]:
    """Learn from the window; ``model`` itself stays as it was. Without a change of the world no cluster is added.

    1. ``replay``  synthetic images of the earlier clusters, as many as the window has
    2. ``train``   the frontier model on both, in balanced proportion (stage D)
    3. ``fit``     a mixture with new components to the latents of both (stage A)
    4. ``carry``   the earlier clusters to the components with most of their synthetic images (stage D)
    5. ``feed``    back each cluster's z_max, μ_k, σ_k and τ_k (stage B)
    """
    window_WCSS, settings = inputs.window_WCSS, model.settings
    births = settings.births if inputs.changed else 0
    past = _replay(model, inputs, generator)
    batch = TrainingBatch(window_WCSS, past.images_NCSS, torch.zeros(0, 0), torch.zeros(0, dtype=torch.int64))
    encoder, training = model.encoder.learn(batch, generator)

    latents_NL = encoder.embed(torch.cat([window_WCSS, past.images_NCSS]))
    room = settings.max_clusters - model.mixture.live_clusters
    fitted = _fit(latents_NL, past.slots_N, min(births, room), settings, generator)
    mixture = _carry(fitted, model.mixture, latents_NL[len(window_WCSS) :], past.slots_N)
    feedback = fit_feedback(latents_NL, mixture.assign(latents_NL), mixture.live_clusters)
    added = list(range(model.mixture.next_id, mixture.next_id))
    report = UpdateReport(
        window_frames=len(window_WCSS),
        recalled_images=len(past.slots_N),
        images_backpropagated=training.images,
        loss=training.loss,
        added=added,
        births_without_slot=births - len(added),
        live_clusters=mixture.live_clusters,
        cause="change" if inputs.changed else "interval",
    )
    return replace(model, encoder=encoder, mixture=mixture, feedback=feedback), report


def _replay(model: PaperValues, inputs: UpdateInputs, generator: torch.Generator) -> SyntheticImages:
    """Return synthetic images; at least one of each cluster, since a mixture needs a sample for each component."""
    clusters = model.mixture.live_clusters
    count = max(inputs.rehearsed_images, clusters) if clusters else 0
    return decoded(model.encoder, model.mixture, count, generator).with_generated(inputs.generated)


def _fit(
    latents_NL: Tensor, clusters_R: Tensor, births: int, settings: PaperSettings, generator: torch.Generator
) -> LatentMixture:
    """Fit as many components as there were and ``births`` more; the last R latents are synthetic, of every cluster.

    Components begin where the earlier clusters' synthetic images are, and the new ones at k-means centres of the half
    of the window that is farthest from those.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    known = int(clusters_R.max()) + 1 if len(clusters_R) else 0
    if not known:
        return fit_mixture(latents_NL, births, settings, seed)
    window_WL, synthetic_RL = latents_NL[: -len(clusters_R)], latents_NL[-len(clusters_R) :]
    old_JL = cluster_means(synthetic_RL, clusters_R, known)
    means_KL = torch.cat([old_JL, far_means(window_WL, old_JL, births, seed)])
    return fit_mixture(latents_NL, len(means_KL), settings, seed, means_KL)


def _carry(fitted: LatentMixture, earlier: LatentMixture, synthetic_RL: Tensor, clusters_R: Tensor) -> LatentMixture:
    """Return the fitted mixture with earlier clusters at their old places and ids, and the new ones after them."""
    if not earlier.live_clusters:
        return fitted
    count, known = fitted.live_clusters, earlier.live_clusters
    carried_J = carried_clusters(count_votes(fitted.assign(synthetic_RL), clusters_R, count, known))
    is_new_K = torch.ones(count, dtype=torch.bool).index_fill_(0, carried_J, value=False)
    order_K = torch.cat([carried_J, torch.nonzero(is_new_K).flatten()])
    added = torch.arange(earlier.next_id, earlier.next_id + count - known)
    return fitted.reordered(order_K, torch.cat([earlier.ids_K, added]), earlier.next_id + count - known)
