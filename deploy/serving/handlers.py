"""What the server answers, without HTTP: liveness, readiness, metadata and inference."""

import importlib.metadata

import numpy as np

from deploy.serving import protocol
from deploy.serving.live_models import LiveModels, LoadedVersion
from deploy.serving.protocol import InferRequest, InferResponse
from deploy.settings import DeploySettings
from stream.image_codec import decode_image

SERVER_NAME = "r2r"
IMAGE_BODY = "image_body"
"""Our extension: a POST of `image/jpeg`, `image/png` or `image/webp` to `/infer` is a batch of one."""


class Handlers:
    """Answers in the protocol's bytes. `infer_image` and `infer_tensors` compute: call them in a thread."""

    def __init__(self, models: LiveModels, settings: DeploySettings) -> None:
        self._models = models
        self._settings = settings

    @property
    def ready(self) -> bool:
        """Whether the server can answer for every model it is expected to serve."""
        return self._models.ready

    def is_served(self, model: str) -> bool:
        """Whether ``model`` has a version that answers."""
        return self._models.is_served(model)

    def server_metadata(self) -> bytes:
        """Return name, version and extensions."""
        return protocol.to_json({"name": SERVER_NAME, "version": _version(), "extensions": [IMAGE_BODY]})

    def models(self) -> bytes:
        """List the models that can answer."""
        return protocol.to_json({"models": self._models.names()})

    def find(self, model: str, version: str | None) -> LoadedVersion | None:
        """Return the version to ask if it is in memory; see `LiveModels.find` for the errors."""
        return self._models.find(model, version)

    def load(self, model: str, version: str) -> LoadedVersion:
        """Load an older version; takes as long as that takes."""
        return self._models.load_older(model, version)

    def model_ready(self, loaded: LoadedVersion) -> bytes:
        """Return that a version can answer."""
        return protocol.to_json({"name": loaded.model, "ready": True})

    def model_metadata(self, loaded: LoadedVersion) -> bytes:
        """Return inputs, outputs and versions; reads the registry."""
        return protocol.model_metadata(loaded.model, self._models.versions(loaded.model), loaded.session.latent_size)

    def repository_index(self) -> bytes:
        """List every model with its versions: READY is the one that answers, the others are loaded when asked for."""
        index = []
        for model in self._models.names():
            newest = self._models.newest(model).version
            for version in self._models.versions(model):
                state, reason = ("READY", "") if version == newest else ("UNAVAILABLE", "loaded when asked for")
                index.append({"name": model, "version": str(version), "state": state, "reason": reason})
        return protocol.to_json(index)

    def infer_image(self, loaded: LoadedVersion, body: bytes, request_id: str | None) -> bytes:
        """Answer for the bytes of one image.

        Raises
        ------
        InvalidImage
            The bytes are not an image within the limits.
        """
        image_HWC = decode_image(body, self._settings.max_body_bytes, self._settings.max_image_pixels)
        return _answer(loaded, InferRequest(request_id, image_HWC[np.newaxis]))

    def infer_tensors(self, loaded: LoadedVersion, body: bytes) -> bytes:
        """Answer a JSON request.

        Raises
        ------
        InvalidRequest
            The body is not such a request, or a tensor in it is not as the model takes it.
        """
        return _answer(loaded, InferRequest.from_bytes(body, self._settings.max_batch_images))


def _answer(loaded: LoadedVersion, request: InferRequest) -> bytes:
    prediction = loaded.session.run(request.images)
    return InferResponse(loaded.model, loaded.version, request.id, prediction, request.outputs).to_bytes()


def _version() -> str:
    try:
        return importlib.metadata.version("r2r")
    except importlib.metadata.PackageNotFoundError:  # run from the repository without installation
        return "unknown"
