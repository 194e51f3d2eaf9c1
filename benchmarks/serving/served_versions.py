"""Versions to be served: one real classifier of the default size, and as many renames of it as are asked for."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits

from deploy.publish.gates import check_candidate
from deploy.publish.served_graph import export_template, run_module, served_graph
from deploy.registry.manifest import Manifest
from deploy.registry.versions import Registry
from learner.model.clusters.grouping import Bounds
from learner.model.clusters.model import ClusterModel
from learner.model.clusters.update import update
from learner.model.contract import UpdateInputs
from learner.model.preprocessing import Preprocessing
from learner.settings import AutoencoderSettings, LearnerSettings
from learner.state import LearnerState
from stream.image_codec import encode_jpeg

MODEL = "bench"
_CLASSES = 10
_FRAMES = 160
_JPEG_QUALITY = 90
_TOLERANCE = 1e-4
_CREATED_AT_MS = 1_700_000_000_000


class VersionMaker:
    """Fills one template: each version's names begin with ``v<version>-``, so that an answer tells who gave it.

    Parameters
    ----------
    seed
        Of the classifier's training on digits.
    """

    def __init__(self, seed: int) -> None:
        self._state = _trained(seed)
        self._served = served_graph(self._state)
        self._template = export_template(self._served)

    def version(self, number: int) -> tuple[Manifest, bytes]:
        """Return a version's manifest and file."""
        names = [f"v{number}-{cluster}" for cluster in self._served.table.ids_K]
        model_bytes = self._template.filled(self._served.values, names)
        manifest = Manifest(
            model=MODEL,
            version=number,
            sha256=hashlib.sha256(model_bytes).hexdigest(),
            size_bytes=len(model_bytes),
            checkpoint_sha256="0" * 64,
            task_seq=number,
            latent_size=self._served.latent_size,
            created_at_ms=_CREATED_AT_MS,
        )
        return manifest, model_bytes

    def publish(self, registry: Registry, number: int) -> None:
        """Add and promote a version."""
        manifest, model_bytes = self.version(number)
        registry.add_candidate(manifest, model_bytes)
        registry.promote(MODEL, number)

    def check(self) -> float:
        """Return the parity gate's difference: what is served is the classifier that was trained."""
        model_bytes = self._template.filled(self._served.values, self._served.table.names_K)
        return check_candidate(model_bytes, lambda images: run_module(self._served, images), _TOLERANCE).difference


def jpegs(count: int, seed: int) -> list[bytes]:
    """Return ``count`` digits as JPEG, 32×32."""
    draw = np.random.default_rng(seed)
    pixels = _pixels(draw.permutation(len(load_digits().images))[:count])
    large = (Preprocessing(32, "stretch")(torch.from_numpy(pixels)) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return [encode_jpeg(image, _JPEG_QUALITY) for image in large]


def _trained(seed: int) -> LearnerState:
    settings = LearnerSettings(seed=seed, autoencoder=AutoencoderSettings(epochs=2))
    sys.stderr.write("serving: training a classifier on digits, exporting it once\n")
    nothing = ClusterModel.new(settings)
    order = np.random.default_rng(seed).permutation(len(load_digits().images))[:_FRAMES]
    window = nothing.encoder.preprocessing(torch.from_numpy(_pixels(order)))
    generator = torch.Generator().manual_seed(seed)
    bounds = Bounds(_CLASSES, _CLASSES, settings.clusters.cluster_frames)
    model, report = update(nothing, UpdateInputs.alone(window), generator, bounds=bounds)
    state = LearnerState.new(settings)
    progress = replace(state.progress.after_update(report.images_backpropagated, 1), task_seq=1)
    return replace(state, model=model, progress=progress)


def _pixels(indices: Sequence[int] | np.ndarray) -> np.ndarray:
    grey = (load_digits().images[indices] * (255 / 16)).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=3)
