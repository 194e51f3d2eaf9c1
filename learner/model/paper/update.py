"""One update as published: stages A, B and D. No input or output, no clock.

Axes: N images (W of the window, then R synthetic), C = 3 channels, S = input size, L latent width, K clusters.
"""

import copy

import torch
from torch import Tensor

from learner.faults import Faults
from learner.model.clusters.recall import Recalled
from learner.model.clusters.rehearsal import Generated, painted_over, rehearsed_images
from learner.model.clusters.update import Material, UpdateReport
from learner.model.encoders.autoencoder import in_batches
from learner.model.paper.frontier import FrontierModel, new_frontier_model
from learner.model.paper.knowledge import PaperKnowledge
from learner.model.paper.latent_mixture import LatentMixture, cluster_means, far_means, fit_mixture
from learner.model.paper.self_improvement import carried_clusters, count_votes, decoded, train
from learner.model.paper.sg_udfm import fit_feedback
from learner.settings import LearnerSettings


def paper_update(
    knowledge: PaperKnowledge, material: Material, settings: LearnerSettings, generator: torch.Generator, faults: Faults
) -> tuple[PaperKnowledge, UpdateReport]:
    """Learn from the window; ``knowledge`` itself stays as it was. Without a change of the world nothing is born.

    1. ``replay``  synthetic images of the earlier clusters, as many as the window has
    2. ``train``   the frontier model on both, in balanced proportion (stage D)
    3. ``fit``     a mixture with new components to the latents of both (stage A)
    4. ``carry``   the earlier clusters to the components that bear their synthetic images (stage D)
    5. ``feed``    back each cluster's z_max, μ_k, σ_k and τ_k (stage B)
    """
    window_WCSS = material.window_WCSS
    births = settings.paper_births if material.changed else 0
    past = _replay(knowledge, material.generated, len(window_WCSS), settings, generator)
    start = _start(knowledge.network, settings, generator)
    network, loss, seen = train(start, window_WCSS, past.images_NCSS, settings, generator)
    faults.reached("mid_update")

    latents_NL = in_batches(network.encode, torch.cat([window_WCSS, past.images_NCSS]))
    room = settings.max_clusters - knowledge.mixture.live_clusters
    fitted = _fit(latents_NL, past.slots_N, min(births, room), settings, generator)
    mixture = _carry(fitted, knowledge.mixture, latents_NL[len(window_WCSS) :], past.slots_N)
    feedback = fit_feedback(latents_NL, mixture.assign(latents_NL), mixture.live_clusters, settings)
    born = list(range(knowledge.mixture.next_id, mixture.next_id))
    report = UpdateReport(
        window_frames=len(window_WCSS),
        recalled_images=len(past.slots_N),
        images_backpropagated=seen,
        loss=loss,
        born=born,
        births_without_slot=births - len(born),
        live_clusters=mixture.live_clusters,
        cause="change" if material.changed else "interval",
    )
    return PaperKnowledge(network, mixture, feedback), report


def _replay(
    knowledge: PaperKnowledge, generated: Generated, window: int, settings: LearnerSettings, generator: torch.Generator
) -> Recalled:
    """Return synthetic images; at least one of each cluster, since a mixture needs a sample for each component."""
    clusters = knowledge.mixture.live_clusters
    count = max(rehearsed_images(window, settings), clusters) if clusters else 0
    return painted_over(decoded(knowledge.network, knowledge.mixture, count, generator), generated)


def _start(network: FrontierModel, settings: LearnerSettings, generator: torch.Generator) -> FrontierModel:
    """Return what training starts from: the encoder's weights carried over, the decoder's as the settings say."""
    if settings.paper_decoder_carried:
        return network
    seed = int(torch.randint(2**31, (1,), generator=generator))
    fresh = new_frontier_model(settings.paper_channels, settings.input_size, seed)
    fresh.encoder = copy.deepcopy(network.encoder)
    return fresh


def _fit(
    latents_NL: Tensor, clusters_R: Tensor, births: int, settings: LearnerSettings, generator: torch.Generator
) -> LatentMixture:
    """Fit as many components as there were and ``births`` more; the last R latents are synthetic, of every cluster."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    known = int(clusters_R.max()) + 1 if len(clusters_R) else 0
    if not known or settings.paper_mixture_start == "kmeans":
        return fit_mixture(latents_NL, known + births, settings, seed)
    window_WL, synthetic_RL = latents_NL[: -len(clusters_R)], latents_NL[-len(clusters_R) :]
    old_JL = cluster_means(synthetic_RL, clusters_R, known)
    means_KL = torch.cat([old_JL, far_means(window_WL, old_JL, births, seed)])
    return fit_mixture(latents_NL, len(means_KL), settings, seed, means_KL)


def _carry(fitted: LatentMixture, earlier: LatentMixture, synthetic_RL: Tensor, clusters_R: Tensor) -> LatentMixture:
    """Return the fitted mixture with earlier clusters at their old places and ids, and the born ones after them."""
    if not earlier.live_clusters:
        return fitted
    count, known = fitted.live_clusters, earlier.live_clusters
    carried_J = carried_clusters(count_votes(fitted.assign(synthetic_RL), clusters_R, count, known))
    is_born_K = torch.ones(count, dtype=torch.bool).index_fill_(0, carried_J, value=False)
    order_K = torch.cat([carried_J, torch.nonzero(is_born_K).flatten()])
    born = torch.arange(earlier.next_id, earlier.next_id + count - known)
    return fitted.reordered(order_K, torch.cat([earlier.ids_K, born]), earlier.next_id + count - known)
