"""One update of the mixture and its encoder: inputs in, a new model out. No input or output, no clock.

Axes: N images (W of the window, V recent ones, R rehearsed), C = 3, S = input size, L latent width, K slots,
D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from learner.model.clusters.births import Frames, add_clusters, birth_bounds, merge, prune, regroup
from learner.model.clusters.clustering import Clustering
from learner.model.clusters.grouping import Bounds
from learner.model.clusters.mixture import TiedMixture
from learner.model.clusters.projection import Projection, fit_projection
from learner.model.clusters.rehearsal import rehearse
from learner.model.clusters.uncertainty import Uncertainty, fit_uncertainty, held_out
from learner.model.clusters.values import ClusterValues
from learner.model.clusters.word_constraints import keep_apart, part_by_words, word_votes
from learner.model.contract import (
    DecodingEncoder,
    Scores,
    SyntheticImages,
    TrainingBatch,
    TrainingReport,
    UpdateInputs,
    UpdateReport,
)
from learner.model.words import Words

M = TypeVar("M", bound=ClusterValues)
Rehearse = Callable[[ClusterValues, UpdateInputs, torch.Generator], SyntheticImages]


def update(
    model: M,
    inputs: UpdateInputs,
    generator: torch.Generator,
    rehearsal: Rehearse = rehearse,
    bounds: Bounds | None = None,
) -> tuple[M, UpdateReport]:
    """Learn from the window without forgetting; ``model`` itself stays as it was.

    1. ``look``      which frames of the window the model does not know yet, and which words count
    2. ``rehearse``  the past, recalled or generated
    3. ``learn``     the encoder from both, in equal parts; the past's latents should stay where they are
    4. ``project``   the latents on new principal components
    5. ``carry``     the old clusters there, by how far their rehearsed images were moved
    6. ``cluster``   add clusters among the novel frames; in a quiet, young world regroup, or part by words
    7. ``fit``       the mixture, and each cluster's thresholds to held-out frames; merge and prune

    ``rehearsal`` makes the images of the past; ``bounds`` says how many groups novel frames may make, by default as the
    settings do.
    """
    window_WCSS, settings = inputs.window_WCSS, model.settings
    seen = _look(model, inputs)
    past = rehearsal(model, inputs, generator)
    encoder, training, moved_RL = _learn_encoder(model, inputs, past, seen, generator)
    latents_WL = encoder.embed(window_WCSS)
    shift_KL = _shift(past, moved_RL, settings.max_clusters)
    remembered_RL = _remembered(model, past.slots_N, shift_KL, generator)
    projection = fit_projection(torch.cat([latents_WL, remembered_RL]), settings.projection_dimensions)
    carried = _carry(model, projection, shift_KL)
    recent = _Recent(encoder, projection, inputs)
    clusters = _Clusters(model, carried, seen, recent, bounds or birth_bounds(settings))
    frames = Frames(latents_WL, projection.forward(latents_WL))
    fitted = _fit(model, *clusters.found(frames, generator), generator)
    mixture = fitted.mixture
    report = UpdateReport(
        len(window_WCSS),
        len(past.slots_N),
        training.images,
        training.loss,
        added=[cluster for cluster in mixture.ids_K.tolist() if cluster >= model.mixture.next_id],
        births_without_slot=fitted.clustering.without_slot,
        live_clusters=mixture.live_clusters,
        cause="change" if inputs.changed else "interval",
        novel_frames=int(seen.novel_W.sum()),
        merged=fitted.merged,
        pruned=fitted.pruned,
        votes=_votes(seen.words, fitted),
    )
    learned = replace(model, encoder=encoder, projection=projection)
    return replace(learned, mixture=mixture, uncertainty=fitted.uncertainty), report


@dataclass(frozen=True)
class _Fitted:
    """The mixture after the update, and what it was fitted to."""

    mixture: TiedMixture
    uncertainty: Uncertainty
    clustering: Clustering
    frames: Frames
    merged: tuple[tuple[int, int], ...]
    pruned: tuple[int, ...]


def _fit(model: ClusterValues, clustering: Clustering, frames: Frames, generator: torch.Generator) -> _Fitted:
    """Merge, fit and prune, then learn each cluster's thresholds from held-out frames."""
    settings, coordinates_ND = model.settings, frames.coordinates_ND
    clustering, merged = merge(clustering, coordinates_ND, settings.merge_distance)
    mixture, pruned = prune(clustering.fitted(coordinates_ND), settings.cluster_frames / 2)
    unseen = held_out(clustering, coordinates_ND, generator)
    uncertainty = fit_uncertainty(model.uncertainty, clustering.start, mixture, unseen)
    return _Fitted(mixture, uncertainty, clustering, frames, tuple(merged), tuple(pruned))


@dataclass(frozen=True)
class _Observations:
    """How the window looks before the update: which frames are novel [W], and the words that count."""

    novel_W: Tensor
    words: Words | None


@dataclass(frozen=True)
class _Recent:
    """The recent frames, as the new encoder sees them; computed where a regrouping needs them."""

    encoder: DecodingEncoder
    projection: Projection
    inputs: UpdateInputs

    def frames(self) -> Frames:
        latents_VL = self.encoder.embed(self.inputs.recent_VCSS)
        return Frames(latents_VL, self.projection.forward(latents_VL))


def _look(model: ClusterValues, inputs: UpdateInputs) -> _Observations:
    """Say which frames are novel, if they are many or the world changed, and which words count."""
    if not model.traits.has_learned:
        return _Observations(torch.ones(len(inputs.window_WCSS), dtype=torch.bool), None)
    scores: Scores = model.score(model.encoder.embed(inputs.window_WCSS))
    novel_W = scores.excess_N > 1.0
    if not inputs.changed and float(novel_W.double().mean()) < model.settings.novel_rate:
        novel_W = torch.zeros_like(novel_W)
    return _Observations(novel_W, None if inputs.words is None else inputs.words.believed(scores.slots_N))


def _learn_encoder(
    model: ClusterValues,
    inputs: UpdateInputs,
    past: SyntheticImages,
    seen: _Observations,
    generator: torch.Generator,
) -> tuple[DecodingEncoder, TrainingReport, Tensor]:
    """Return the new encoder, what it cost, and how far each rehearsed image was moved [R, L]."""
    before_RL = model.encoder.embed(past.images_NCSS)
    words_N = _word_numbers(seen.words, past, len(inputs.window_WCSS))
    batch = TrainingBatch(inputs.window_WCSS, past.images_NCSS, before_RL, words_N)
    encoder, training = model.encoder.learn(batch, generator)
    return encoder, training, encoder.embed(past.images_NCSS) - before_RL


def _word_numbers(words: Words | None, past: SyntheticImages, window: int) -> Tensor:
    """Return the number of the word for each image of window and past, -1 where there is none."""
    if words is None or not words.spoken:
        return torch.full((window + len(past.slots_N),), -1)
    return torch.cat([words.said_N, words.called_K[past.slots_N]])


@dataclass(frozen=True)
class _Clusters:
    """What decides which clusters there are after the update."""

    model: ClusterValues
    carried: TiedMixture
    seen: _Observations
    recent: _Recent
    bounds: Bounds

    def found(self, frames: Frames, generator: torch.Generator) -> tuple[Clustering, Frames]:
        """Return the clusters to be fitted and the frames to fit them to: the window, or all recent if regrouped."""
        seed = int(torch.randint(2**31, (1,), generator=generator))
        words, carried, settings = self.seen.words, self.carried, self.model.settings
        calm = not self.recent.inputs.changed and not bool(self.seen.novel_W.any())
        silent = words is None or not words.spoken
        if calm and silent and carried.live_clusters and carried.is_young(settings.regroup_frames):
            recent = self.recent.frames()
            regrouped = regroup(carried, recent, settings, seed)
            if regrouped is not None:
                return regrouped if words is None else keep_apart(words, regrouped), recent
        clustering = add_clusters(carried, frames, self.seen.novel_W, self.bounds, seed)
        if words is not None:
            clustering = part_by_words(words, clustering, frames.coordinates_ND)
        return clustering, frames


def _votes(words: Words | None, fitted: _Fitted) -> tuple[tuple[int, str, float], ...]:
    called_K = fitted.clustering.called_K
    if words is None or called_K is None or not words.spoken:
        return ()
    assigned_N = fitted.clustering.assigned(fitted.mixture, fitted.frames.coordinates_ND)
    return word_votes(words, fitted.mixture, called_K, assigned_N)


def _shift(past: SyntheticImages, moved_RL: Tensor, slots: int) -> Tensor:
    """Return how far training moved each slot's rehearsed images on average [K, L]; 0 where it has none.

    Semantic drift compensation (Yu et al., CVPR 2020), on images of the past instead of the present.
    """
    shift_KL = torch.zeros(slots, moved_RL.shape[1], dtype=torch.float64)
    for slot in torch.unique(past.slots_N).tolist():
        shift_KL[slot] = moved_RL[past.slots_N == slot].double().mean(0)
    return shift_KL


def _remembered(model: ClusterValues, slots_R: Tensor, shift_KL: Tensor, generator: torch.Generator) -> Tensor:
    """Draw latents of the past as the new encoder would give them [R, L]."""
    if not model.traits.has_learned or not len(slots_R):
        return torch.zeros(0, shift_KL.shape[1], dtype=torch.float64)
    drawn_RD = model.mixture.sample(slots_R, generator)
    return model.latents_of(drawn_RD).double() + shift_KL[slots_R]


def _carry(model: ClusterValues, projection: Projection, shift_KL: Tensor) -> TiedMixture:
    """Return the old mixture in the new space: means by way of the latents, the covariance by the change of axes.

    Of axes that the old space did not have nothing is known: they get its smallest variance, as in probabilistic
    principal components (Tipping and Bishop, 1999). With none the covariance would wither from update to update.
    """
    old, space = model.mixture, model.projection
    if space is None:
        return old
    means_KD = projection.forward(old.means_KD @ space.components_DL + space.mean_L + shift_KL)
    turn_DD = projection.components_DL @ space.components_DL.T
    axes_DD = torch.eye(len(turn_DD), dtype=torch.float64)
    least = torch.linalg.eigvalsh(old.covariance_DD)[0]
    covariance_DD = turn_DD @ old.covariance_DD @ turn_DD.T + least * (axes_DD - turn_DD @ turn_DD.T)
    covariance_DD = (covariance_DD + covariance_DD.T) / 2 + 1e-6 * least * axes_DD
    return replace(old, means_KD=torch.where(old.live_K[:, None], means_KD, 0.0), covariance_DD=covariance_DD)
