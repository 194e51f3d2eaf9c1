"""Members: which frames of the window a labeller is to look at, cluster by cluster, beside the exemplars.

Exemplars are typical, and frames for which a cluster is wrong are not; so members are spread evenly from the most
typical frame to the least.

Axes: N frames, C = 3 channels, S = input size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from learner.intake.window import Place
from learner.memory.exemplars import to_bytes_image
from learner.model.contract import score_images
from learner.state import LearnerState


@dataclass(frozen=True)
class Members:
    """Frames of one cluster, uint8 [N, 3, S, S], and where they stand."""

    places: Sequence[Place] = ()
    images_NCSS: Tensor = field(default_factory=lambda: torch.zeros(0, 3, 0, 0, dtype=torch.uint8))


def members_of(state: LearnerState) -> Mapping[int, Members]:
    """Return by cluster id the frames to be labelled; none where no labeller has spoken, or the model uses no words."""
    traits = state.model.traits
    wanted = traits.uses_words and state.settings.members > 0
    if not (wanted and state.names.votes and len(state.window) and traits.has_learned):
        return {}
    images_NCSS, places = state.window.images(), state.window.places()
    scores = score_images(state.model, images_NCSS)
    chosen = {}
    for slot in torch.unique(scores.slots_N).tolist():
        own = torch.nonzero(scores.slots_N == slot).flatten()
        ranked = own[torch.argsort(scores.dispersion_N[own], stable=True)]
        spread = ranked[torch.linspace(0, len(own) - 1, min(len(own), state.settings.members)).round().long()]
        cluster = int(state.model.ids_K[slot])
        chosen[cluster] = Members([places[place] for place in spread.tolist()], to_bytes_image(images_NCSS[spread]))
    return chosen
