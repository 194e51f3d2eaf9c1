"""The contracts of what is learned: a model of clusters over the latents of an encoder.

Nothing outside of `learner.model` knows which encoder and which clustering there is; `learner.methods` chooses.

Axes: N images or frames (W of the window, V recent ones, R rehearsed, B of a batch), C = 3 channels, S = input size,
L latent width, K slots: places for clusters. Slot k holds the cluster ``ids_K[k]``, or none where that is -1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import Tensor, nn

from learner.model.preprocessing import Preprocessing
from learner.model.words import Words
from learner.part import Part


@dataclass(frozen=True)
class Scores:
    """How each of N frames looks to the model.

    Parameters
    ----------
    coordinates_ND
        Where it lies in the space of the clusters.
    slots_N
        The slot of its likeliest cluster.
    dispersion_N
        d_i, how far it lies from the cluster's mode.
    excess_N
        (d_i − μ_k) / σ_k, the dispersion in standard deviations of its cluster.
    uncertain_N
        d_i > τ_k.
    """

    coordinates_ND: Tensor
    slots_N: Tensor
    dispersion_N: Tensor
    excess_N: Tensor
    uncertain_N: Tensor


@dataclass(frozen=True)
class SyntheticImages:
    """Images in [0, 1], recalled or generated, and the slot of the cluster that each shows: labels without a person."""

    images_NCSS: Tensor
    slots_N: Tensor

    @classmethod
    def none(cls, preprocessing: Preprocessing) -> Self:
        """Return no images."""
        return cls(preprocessing.empty(), torch.zeros(0, dtype=torch.int64))

    def with_generated(self, generated: "SyntheticImages") -> "SyntheticImages":
        """Return the images with generated ones in place of as many of the same slot; further ones are left out."""
        images_NCSS = self.images_NCSS.clone()
        for slot in torch.unique(generated.slots_N).tolist():
            places = torch.nonzero(self.slots_N == slot).flatten()
            own = generated.images_NCSS[generated.slots_N == slot][: len(places)]
            images_NCSS[places[: len(own)]] = own
        return SyntheticImages(images_NCSS, self.slots_N)


@dataclass(frozen=True)
class UpdateInputs:
    """What an update learns from: float images in [0, 1].

    Parameters
    ----------
    window_WCSS
        Frames not yet trained on.
    recent_VCSS
        The newest frames, the window among them. Clusters are looked for in all of them; training takes the window.
    rehearsed_images
        How many images of the past are learned from beside the window; 0 forgets.
    generated
        Images from the replay workers.
    changed
        Whether a change of the world caused the update; otherwise the longest interval did.
    words
        What the labeller says of the window's frames, and what clusters are called; None where it never spoke.
    """

    window_WCSS: Tensor
    recent_VCSS: Tensor
    rehearsed_images: int
    generated: SyntheticImages
    changed: bool
    words: Words | None = None

    @classmethod
    def alone(cls, window_WCSS: Tensor) -> Self:
        """Return a window with nothing beside it, after a change."""
        none = SyntheticImages(window_WCSS[:0], torch.zeros(0, dtype=torch.int64))
        return cls(window_WCSS, window_WCSS, 0, none, changed=True)


@dataclass(frozen=True)
class UpdateReport:
    """What an update did: evidence for its event, and cost."""

    window_frames: int
    recalled_images: int
    images_backpropagated: int
    loss: float
    added: Sequence[int]
    """Ids of the clusters that are new."""
    births_without_slot: int
    live_clusters: int
    cause: str = "change"
    novel_frames: int = 0
    merged: tuple[tuple[int, int], ...] = ()
    """Ids ``(kept, gone)`` of each merge, in order."""
    pruned: tuple[int, ...] = ()
    votes: tuple[tuple[int, str, float], ...] = ()
    """``(cluster, word, frames)`` of every word that the labeller said of the window's frames."""


@dataclass(frozen=True)
class TrainingBatch:
    """What an encoder learns from in one update.

    Parameters
    ----------
    window_WCSS, past_RCSS
        Float images in [0, 1]: new ones, and rehearsed ones.
    before_RL
        The latents that the rehearsed images had before; they should stay there.
    words_N
        The number of the word for each image, the window's before the past's, -1 where there is none.

    A method whose encoder uses neither ``before_RL`` nor ``words_N`` may leave them empty.
    """

    window_WCSS: Tensor
    past_RCSS: Tensor
    before_RL: Tensor
    words_N: Tensor


@dataclass(frozen=True)
class TrainingReport:
    """The last batch's loss, and how many images were back-propagated."""

    loss: float
    images: int


class Encoder(Part, Protocol):
    """From images to latents. A value: learning returns another one.

    Nothing blocks, and the same images give the same latents, bit for bit.
    """

    @property
    def preprocessing(self) -> Preprocessing:
        """How images must be prepared."""
        ...

    @property
    def least_latent(self) -> float:
        """The smallest number that a latent can hold: 0 behind a ReLU, minus infinity where there is no bound."""
        ...

    def embed(self, images_NCSS: Tensor) -> Tensor:
        """Return the latents of prepared images, float32 [N, L], without gradients and in bounded memory."""
        ...

    def learn(self, batch: TrainingBatch, generator: torch.Generator) -> tuple[Self, TrainingReport]:
        """Return the encoder after one update; itself where nothing is learned."""
        ...

    def served(self) -> nn.Module:
        """Return the module that answers queries: uint8 images [B, H, W, 3] to latents [B, L]."""
        ...


class DecodingEncoder(Encoder, Protocol):
    """An encoder that also gives images for latents, so that a model can recall what it has seen."""

    def decode(self, latents_NL: Tensor) -> Tensor:
        """Return images [N, 3, S, S] in [0, 1], without gradients and in bounded memory."""
        ...


class Head(nn.Module):
    """The served part of a model that stands behind its encoder.

    Called with latents [B, L] it returns each slot's probability [B, K], d_i / τ_k of the likeliest slot [B], and what
    is served as ``latent`` [B, D].
    """

    latent_size: int
    """D."""
    cluster_ids: Sequence[int]
    """The cluster of each slot, -1 where there is none."""


class Model(Part, Protocol):
    """Clusters over an encoder's latents. A value: each method returns a new one or an answer, none changes it.

    Nothing blocks and nothing is drawn but from the generator that is given.
    """

    @property
    def encoder(self) -> Encoder:
        """What makes latents of images."""
        ...

    @property
    def ids_K(self) -> Tensor:
        """int64; the stable id of each slot's cluster, -1 where the slot is free. Ids are never given twice."""
        ...

    @property
    def traits(self) -> "Traits":
        """What the learner's loop must know of it."""
        ...

    def score(self, latents_NL: Tensor) -> Scores:
        """Score frames with the model as it is. Call only after the first update."""
        ...

    def follow(self, scores: Scores, *, moves: bool) -> Self:
        """Return the model after a micro-task: thresholds follow the frames and, where ``moves``, clusters do."""
        ...

    def learn(self, inputs: UpdateInputs, generator: torch.Generator) -> tuple[Self, UpdateReport]:
        """Return the model after an update, and what the update did."""
        ...

    def served(self) -> Head:
        """Return the module that answers queries behind ``encoder.served()``. Call only after the first update."""
        ...


@dataclass(frozen=True)
class Traits:
    """What the learner's loop must know of a model.

    Parameters
    ----------
    has_learned
        Whether there has been an update, so that frames can be scored.
    looks_back
        Whether a later update may look again at frames that were trained on.
    uses_words
        Whether updates use what a labeller says of single frames.
    moves
        Whether clusters follow the frames between updates: ``named`` while a labeller has named some.
    fewest_frames
        An update needs so many frames at least.
    """

    has_learned: bool
    looks_back: bool
    uses_words: bool
    moves: Literal["named", "always", "never"]
    fewest_frames: int


def live_ids(model: Model) -> list[int]:
    """Return the ids of the clusters that there are, in the order of their slots."""
    return [cluster for cluster in model.ids_K.tolist() if cluster >= 0]


def score_images(model: Model, images_NCSS: Tensor) -> Scores:
    """Score prepared images."""
    return model.score(model.encoder.embed(images_NCSS))
