"""One update: the window and its rehearsal in, new knowledge out. No input or output, no clock.

Axes: N images (W of the window, V recent ones, R rehearsed), C = 3, S = input size, L latent width, K slots,
D dimensions.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from learner.faults import Faults
from learner.model.clusters.births import Frames, bear, merge, prune, regroup
from learner.model.clusters.clustering import Clustering
from learner.model.clusters.knowledge import Knowledge
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection, fit_projection
from learner.model.clusters.recall import Recalled
from learner.model.clusters.rehearsal import Generated, rehearse, rehearsed_images
from learner.model.clusters.uncertainty import fit_uncertainty, held_out
from learner.model.clusters.words import Words, part
from learner.model.encoders.autoencoder import Autoencoder, in_batches
from learner.model.encoders.training import Lesson, train
from learner.settings import LearnerSettings


@dataclass(frozen=True)
class UpdateReport:
    """What an update did: evidence for its event, and cost."""

    window_frames: int
    recalled_images: int
    images_backpropagated: int
    loss: float
    born: list[int]
    births_without_slot: int
    live_clusters: int
    cause: str = "change"
    novel_frames: int = 0
    merged: tuple[tuple[int, int], ...] = ()
    pruned: tuple[int, ...] = ()
    votes: tuple[tuple[int, str, float], ...] = ()
    """``(cluster, word, frames)`` of every word that the labeller said of the window's frames."""


@dataclass(frozen=True)
class Material:
    """What an update learns from, float images [·, 3, S, S] in [0, 1].

    Parameters
    ----------
    window_WCSS
        Frames not yet trained on.
    recent_VCSS
        The newest frames, the window among them; clusters are looked for in all of them, training takes the window.
    generated
        Images from the replay workers.
    changed
        Whether a change of the world caused the update; otherwise it is the longest interval's.
    words
        What the labeller says of the window's frames, and what clusters are called; None where it never spoke.
    """

    window_WCSS: Tensor
    recent_VCSS: Tensor
    generated: Generated
    changed: bool
    words: Words | None = None

    @classmethod
    def alone(cls, window_WCSS: Tensor) -> "Material":
        """Return a window with nothing beside it, after a change."""
        return cls(window_WCSS, window_WCSS, Generated.nothing(window_WCSS.shape[-1]), changed=True)


def update(
    knowledge: Knowledge, material: Material, settings: LearnerSettings, generator: torch.Generator, faults: Faults
) -> tuple[Knowledge, UpdateReport]:
    """Learn from the window without forgetting; ``knowledge`` itself stays as it was.

    1. ``look``      which frames of the window the model does not know yet, and which words count
    2. ``rehearse``  the past, recalled or generated
    3. ``train``     the autoencoder on both, in equal parts; the past's latents shall stay where they are
    4. ``project``   the latents on new principal components
    5. ``carry``     the old clusters there, by how far their rehearsed images were moved
    6. ``cluster``   bear new clusters among the novel frames; in a quiet, young world group afresh, or part by words
    7. ``fit``       the mixture, and each cluster's thresholds to held-out frames; merge and prune
    """
    window_WCSS = material.window_WCSS
    seen = _look(knowledge, material, settings)
    count = rehearsed_images(len(window_WCSS), settings)
    past = rehearse(knowledge, material.generated, count, settings, generator)
    before_RL = in_batches(knowledge.network.encode, past.images_NCSS)
    lesson = Lesson(window_WCSS, past.images_NCSS, before_RL, _told(seen.words, past, len(window_WCSS)))
    network, loss = train(knowledge.network, lesson, settings, generator)
    faults.reached("mid_update")

    latents_WL = in_batches(network.encode, window_WCSS)
    shift_KL = _shift(past, in_batches(network.encode, past.images_NCSS) - before_RL, settings.max_clusters)
    remembered_RL = _remembered(knowledge, past.slots_N, shift_KL, generator)
    projection = fit_projection(torch.cat([latents_WL, remembered_RL]), settings.projection_dimensions)
    carried = _carry(knowledge, projection, shift_KL)

    frames = Frames(latents_WL, projection.forward(latents_WL))
    quiet = _Quiet(network, projection, material)
    clustering, frames = _cluster(carried, frames, seen, quiet, settings, generator)
    clustering, merged = merge(clustering, frames.coordinates_ND, settings.merge_distance)
    mixture, pruned = prune(clustering.fitted(frames.coordinates_ND), settings.cluster_frames / 2)
    unseen = held_out(clustering, frames.coordinates_ND, generator)
    uncertainty = fit_uncertainty(knowledge.uncertainty, clustering.start, mixture, unseen)
    report = UpdateReport(
        window_frames=len(window_WCSS),
        recalled_images=len(past.slots_N),
        images_backpropagated=(len(window_WCSS) + len(past.slots_N)) * settings.epochs,
        loss=loss,
        born=[cluster for cluster in mixture.ids_K.tolist() if cluster >= knowledge.mixture.next_id],
        births_without_slot=clustering.without_slot,
        live_clusters=mixture.live_clusters,
        cause="change" if material.changed else "interval",
        novel_frames=int(seen.novel_W.sum()),
        merged=tuple(merged),
        pruned=tuple(pruned),
        votes=_votes(seen.words, mixture, clustering, frames),
    )
    return Knowledge(network, projection, mixture, uncertainty), report


@dataclass(frozen=True)
class _Seen:
    """How the window looks before the update: which frames are novel [W], and the words that count."""

    novel_W: Tensor
    words: Words | None


@dataclass(frozen=True)
class _Quiet:
    """What a regrouping needs in a quiet world: how the recent frames look to the new network."""

    network: Autoencoder
    projection: Projection
    material: Material

    def frames(self) -> Frames:
        latents_VL = in_batches(self.network.encode, self.material.recent_VCSS)
        return Frames(latents_VL, self.projection.forward(latents_VL))


def _look(knowledge: Knowledge, material: Material, settings: LearnerSettings) -> _Seen:
    """Say which frames are uncertain, if they are many or the world changed, and which words count."""
    if not knowledge.has_learned:
        return _Seen(torch.ones(len(material.window_WCSS), dtype=torch.bool), None)
    scores = knowledge.score(material.window_WCSS)
    novel_W = scores.excess_N > 1.0
    if not material.changed and float(novel_W.double().mean()) < settings.novel_rate:
        novel_W = torch.zeros_like(novel_W)
    return _Seen(novel_W, None if material.words is None else material.words.heard(scores.slots_N))


def _told(words: Words | None, past: Recalled, window: int) -> Tensor:
    """Return the number of the word for each image of window and past, -1 where there is none."""
    if words is None or not words.spoken:
        return torch.full((window + len(past.slots_N),), -1)
    return torch.cat([words.said_N, words.called_K[past.slots_N]])


def _cluster(
    carried: TiedMixture,
    frames: Frames,
    seen: _Seen,
    quiet: _Quiet,
    settings: LearnerSettings,
    generator: torch.Generator,
) -> tuple[Clustering, Frames]:
    """Return the clusters to be fitted and the frames to fit them to: the window, or after a regrouping all recent."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    words, calm = seen.words, not quiet.material.changed and not bool(seen.novel_W.any())
    silent = words is None or not words.spoken
    if calm and silent and carried.live_clusters and carried.is_young(settings.regroup_frames):
        recent = quiet.frames()
        regrouped = regroup(carried, recent, settings, seed)
        if regrouped is not None:
            return regrouped if words is None else words.keep_apart(regrouped), recent
    clustering = bear(carried, frames, seen.novel_W, settings, seed)
    if words is not None:
        clustering = part(words, clustering, frames.coordinates_ND)
    return clustering, frames


def _votes(
    words: Words | None, mixture: TiedMixture, clustering: Clustering, frames: Frames
) -> tuple[tuple[int, str, float], ...]:
    if words is None or clustering.called_K is None or not words.spoken:
        return ()
    return words.votes(mixture, clustering.called_K, clustering.assigned(mixture, frames.coordinates_ND))


def _shift(past: Recalled, moved_RL: Tensor, slots: int) -> Tensor:
    """Return how far training moved each slot's rehearsed images on average [K, L]; 0 where it has none.

    Semantic drift compensation (Yu et al., CVPR 2020), on images of the past instead of the present.
    """
    shift_KL = torch.zeros(slots, moved_RL.shape[1], dtype=torch.float64)
    for slot in torch.unique(past.slots_N).tolist():
        shift_KL[slot] = moved_RL[past.slots_N == slot].double().mean(0)
    return shift_KL


def _remembered(knowledge: Knowledge, slots_R: Tensor, shift_KL: Tensor, generator: torch.Generator) -> Tensor:
    """Draw latents of the past as the new network would give them [R, L]."""
    if knowledge.projection is None or not len(slots_R):
        return torch.zeros(0, shift_KL.shape[1], dtype=torch.float64)
    drawn_RD = knowledge.mixture.sample(slots_R, 1.0, generator)
    return knowledge.projection.backward(drawn_RD).double() + shift_KL[slots_R]


def _carry(knowledge: Knowledge, projection: Projection, shift_KL: Tensor) -> TiedMixture:
    """Return the old mixture in the new space: means by way of the latents, the covariance by the change of axes.

    Of axes that the old space did not have nothing is known: they get its smallest variance, as in probabilistic
    principal components (Tipping and Bishop, 1999). With none the covariance would wither from update to update.
    """
    old, space = knowledge.mixture, knowledge.projection
    if space is None:
        return old
    means_KD = projection.forward(old.means_KD @ space.components_DL + space.mean_L + shift_KL)
    turn_DD = projection.components_DL @ space.components_DL.T
    axes_DD = torch.eye(len(turn_DD), dtype=torch.float64)
    least = torch.linalg.eigvalsh(old.covariance_DD)[0]
    covariance_DD = turn_DD @ old.covariance_DD @ turn_DD.T + least * (axes_DD - turn_DD @ turn_DD.T)
    covariance_DD = (covariance_DD + covariance_DD.T) / 2 + 1e-6 * least * axes_DD
    return replace(old, means_KD=torch.where(old.live_K[:, None], means_KD, 0.0), covariance_DD=covariance_DD)
