"""What the registry does not have, or cannot do."""

from stream.process.errors import R2RError


class RegistryError(R2RError):
    """The registry cannot do what was asked."""


class VersionBroken(RegistryError):
    """A version's file is not what its manifest or the served contract says."""

    def __init__(self, model: str, version: int, cause: str) -> None:
        super().__init__(f"version {version} of {model!r} is broken ({cause}); delete it or publish a newer one")


class ModelNotFound(R2RError):
    """There is no model of this name, or no such version of it."""

    def __init__(self, model: str, version: str | None = None) -> None:
        what = f"model {model!r}" if version is None else f"version {version!r} of model {model!r}"
        remedy = "GET /v2/models lists the models" if version is None else f"GET /v2/models/{model} lists its versions"
        super().__init__(f"there is no {what}; {remedy}")
