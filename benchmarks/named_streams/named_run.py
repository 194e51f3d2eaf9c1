"""A learner and a replay worker's models in one process: what it learns, and the names it gives to images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.learning.in_process import Run, as_it_is, log_of, prepare_all, run_stream
from learner.model.clusters.model import ClusterModel
from learner.settings import LearnerSettings
from learner.state import LearnerState
from learner.step import Effects
from replay.answer import batches
from replay.generate.generation import Models, generate_images
from replay.judge.sample_filter import Verdict
from replay.subject import Subject
from stream.image_codec import Pixels, decode_image
from stream.memory_log import MemoryLog
from stream.messages.replay import MOST_BATCH_BYTES, ReplayRequest
from stream.sources.datasets.packs import Pack

_ANY = 2**31


@dataclass(frozen=True)
class NamedRun:
    """What came of one stream: the learner, and the verdicts on all images that were generated."""

    run: Run
    verdicts: Sequence[Verdict]

    def names_of(self, images_NHWC: Pixels, settings: LearnerSettings) -> list[str]:
        """Return what the newest model calls images: the name whose clusters are likeliest together, or nothing."""
        model = self.run.state.model
        if not model.traits.has_learned:
            return [""] * len(images_NHWC)
        if not isinstance(model, ClusterModel):
            message = "names are looked up in the default model; run this with learner.method = r2r"
            raise TypeError(message)
        named = self.run.state.names.by_cluster()
        slots = [named.get(cluster, "") for cluster in model.ids_K.tolist()]
        words = sorted({*slots})
        belongs_KV = torch.tensor([[float(slot == word) for word in words] for slot in slots], dtype=torch.float64)
        coordinates_ND = model.coordinates(model.encoder.embed(prepare_all(images_NHWC, settings)))
        return [words[best] for best in (model.mixture.probabilities(coordinates_ND) @ belongs_KV).argmax(1).tolist()]


def named_run(
    pack: Pack,
    settings: LearnerSettings,
    models: Models | None,
    *,
    generates: bool = True,
    adjust: Callable[[LearnerState], LearnerState] = as_it_is,
) -> NamedRun:
    """Let a new learner see a pack's stream images in their order; its requests are served at once, or by nobody.

    Models that do not generate still label.
    """
    samples = MemoryLog(1)
    verdicts: list[Verdict] = []

    def serve(effects: Effects) -> None:
        if models is not None:
            for request in effects.requests:
                verdicts.extend(_served(request, models, samples, generates=generates))

    frames = len(pack.stream_images)
    run = run_stream(log_of(pack, range(frames), 1), frames, settings, adjust, samples, serve)
    return NamedRun(run, verdicts)


def _served(request: ReplayRequest, models: Models, samples: MemoryLog, *, generates: bool) -> Sequence[Verdict]:
    subject = Subject(request.name, _decoded(request.exemplars), _decoded(request.members))
    generated = generate_images(models, subject, request.images if generates else 0, request.seed, lambda: True)
    if generated is None:
        return []
    for batch in batches(request, generated, MOST_BATCH_BYTES):
        samples.append(0, request.id.encode(), batch.to_bytes())
    return generated.verdicts


def _decoded(files: Sequence[bytes]) -> list[Pixels]:
    return [decode_image(file, _ANY, _ANY) for file in files]


def accuracy(said: Sequence[str], pack: Pack) -> float:
    """Return the share of the pack's test images that are called by their class's name."""
    return float(np.mean([name == pack.names[label] for name, label in zip(said, pack.test_labels, strict=True)]))
