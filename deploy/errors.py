"""What can go wrong between a checkpoint and an answer; `deploy.serving.http_api` says what it means over HTTP.

::

    R2RError
    ├── InvalidRequest         the request cannot be read
    │   ├── InvalidTensor      a tensor's name, datatype, shape or data is not what the model takes
    │   ├── UnsupportedMedia   the content type is neither JSON nor an image we parse
    │   ├── BodyTooLarge       the body is above the cap
    │   └── BodyTooSlow        the body did not come in time
    ├── Overloaded             more requests are being answered than the server admits
    ├── ModelNotFound          no such model, or no such version of it
    ├── ModelNotReady          the model has no version yet
    ├── ProviderMissing        the execution provider that was asked for does not run here
    ├── InvalidGraph           the bytes are no ONNX graph with the served contract
    ├── RegistryError          the registry cannot do what was asked
    │   └── VersionBroken      a version's file is not what its manifest or the contract says
    ├── RoleEnded              a role that is supervised has ended and is not started again
    ├── RolesSilent            roles run and do not answer in time
    ├── DemoRunning            another demo runs in the same home
    ├── SystemRunning          another `r2r up` runs in the same home
    ├── SystemMissing          what a tool asks about does not run, or is not there
    ├── FileThere              a file that is to be written is there already, or cannot be written
    ├── DeadLetterMissing          a dead-letter topic has no record at a place
    ├── StoppedEarly           a run was stopped before it had its result
    ├── CommandRefused         what a person asked of a running model has no effect
    ├── CommandUnanswered      nobody has said in time what became of a command
    ├── ServerAnswer           a server answered a client with an error
    │   ├── ImageRefused       the image is at fault; it may answer the next one
    │   └── ServerAway         it did not answer at all
    └── CandidateRefused       a gate did not let a candidate through; carries its evidence
        ├── ParityFailed       ONNX Runtime and PyTorch disagree
        ├── OutputsNotFinite   an output is NaN or infinite
        └── NoLiveCluster      there is nothing to answer with
"""

from collections.abc import Mapping

from stream.messages.control import Evidence
from stream.process.errors import R2RError


class InvalidRequest(R2RError):
    """The request cannot be read: not JSON, empty, or without what the protocol asks for."""


class InvalidTensor(InvalidRequest):
    """An input or output is not what the model takes or gives."""

    def __init__(self, tensor: str, came: str, expected: str) -> None:
        super().__init__(f"tensor {tensor!r}: {came} came; send {expected}")


class UnsupportedMedia(InvalidRequest):
    """The content type is not one the server reads."""

    def __init__(self, content_type: str, readable: tuple[str, ...]) -> None:
        super().__init__(f"content type {content_type!r} is not read here; send one of {', '.join(readable)}")


class BodyTooLarge(InvalidRequest):
    """The body has more bytes than the server takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"the body has more than {limit_bytes} bytes; send a smaller image or batch, or raise deploy.max_body_bytes"
        )


class BodyTooSlow(InvalidRequest):
    """The body did not arrive within the deadline."""

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(f"the body did not arrive within {limit_seconds:g} s; send it again over a faster connection")


class Overloaded(R2RError):
    """As many requests as the server admits are being answered."""

    def __init__(self, in_flight: int) -> None:
        super().__init__(f"{in_flight} requests are being answered, the most admitted; try again in a second")


class ModelNotFound(R2RError):
    """There is no model of this name, or no such version of it."""

    def __init__(self, model: str, version: str | None = None) -> None:
        what = f"model {model!r}" if version is None else f"version {version!r} of model {model!r}"
        remedy = "GET /v2/models lists the models" if version is None else f"GET /v2/models/{model} lists its versions"
        super().__init__(f"there is no {what}; {remedy}")


class ModelNotReady(R2RError):
    """The model has no version that could answer yet."""

    def __init__(self, model: str) -> None:
        super().__init__(f"model {model!r} has no version yet; try again when its learner has published one")


class ProviderMissing(R2RError):
    """ONNX Runtime does not run on the provider that was asked for."""

    def __init__(self, asked: str, got: str) -> None:
        super().__init__(
            f"deploy.provider = {asked!r} was asked for but ONNX Runtime gave {got}; "
            "install a GPU driver and onnxruntime-gpu[cuda,cudnn], or set deploy.provider to 'cpu'"
        )


class InvalidGraph(R2RError):
    """The bytes are no ONNX graph that ONNX Runtime loads and that has the served contract."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the graph cannot be served: {cause}; publish the checkpoint again")
        self.fault = cause


class RegistryError(R2RError):
    """The registry cannot do what was asked."""


class VersionBroken(RegistryError):
    """A version's file is not what its manifest or the served contract says."""

    def __init__(self, model: str, version: int, cause: str) -> None:
        super().__init__(f"version {version} of {model!r} is broken ({cause}); delete it or publish a newer one")


class CandidateRefused(R2RError):
    """A gate did not let a candidate through; ``reason`` is a short word, ``evidence`` what it saw."""

    def __init__(self, message: str, *, reason: str, evidence: Evidence) -> None:
        super().__init__(message)
        self.reason = reason
        self.evidence = evidence


class ParityFailed(CandidateRefused):
    """ONNX Runtime's answer differs from PyTorch's by more than the tolerance; ``differ`` counts images by what."""

    def __init__(self, difference: float, differ: Mapping[str, int], tolerance: float) -> None:
        counts = ", ".join(f"{count} {what}" for what, count in differ.items())
        message = (
            f"ONNX Runtime differs from PyTorch by {difference:.2e} and in {counts}, "
            f"{tolerance:.0e} and 0 are allowed; keep the checkpoint for inspection and publish the next one"
        )
        evidence: dict[str, float | int] = {"difference": difference, "tolerance": tolerance}
        evidence |= {f"{what}_differ": count for what, count in differ.items()}
        super().__init__(message, reason="parity", evidence=evidence)


class OutputsNotFinite(CandidateRefused):
    """An output of the candidate is NaN or infinite."""

    def __init__(self, outputs: list[str]) -> None:
        message = f"the outputs {', '.join(outputs)} are not finite; restart the learner from an earlier checkpoint"
        super().__init__(message, reason="not_finite", evidence={"outputs": outputs})


class NoLiveCluster(CandidateRefused):
    """The candidate has no live cluster."""

    def __init__(self) -> None:
        message = "the candidate has no live cluster to answer with; let the learner make its first update"
        super().__init__(message, reason="no_live_cluster", evidence={"live_clusters": 0})


class RoleEnded(R2RError):
    """A supervised role has ended and is not started again; the last line of its output is repeated."""

    def __init__(self, name: str, code: int, last_line: str, output: str) -> None:
        where = "" if "(log: " in last_line else f" (log: {output})"
        super().__init__(f"the role {name} ended with code {code}: {last_line}{where}")


class RolesSilent(R2RError):
    """Supervised roles run and do not answer in time."""

    def __init__(self, names: list[str], seconds: float, logs: str) -> None:
        super().__init__(
            f"{', '.join(names)} did not answer within {seconds:g} s; see what they wait for (log: {logs})"
        )


class DemoRunning(R2RError):
    """Another demo runs in the same home."""

    def __init__(self, home: str) -> None:
        super().__init__(f"another demo is running in {home}; wait for it or choose another --home")


class SystemRunning(R2RError):
    """Another `r2r up` runs in the same home."""

    def __init__(self, home: str, pid: str) -> None:
        super().__init__(
            f"`r2r up` is running in {home} already (process {pid}); stop it, or give another one a folder with --home "
            "and ports with --set"
        )


class SystemMissing(R2RError):
    """What a tool asks about does not run, or is not there."""


class CommandRefused(R2RError):
    """What a person asked of a running model has no effect; ``reason`` is a short, stable word."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class CommandUnanswered(R2RError):
    """Nobody has said in time what became of a command; it stands on its topic."""


class FileThere(R2RError):
    """A file that is to be written is there already, or cannot be written."""

    def __init__(self, file: str, cause: OSError) -> None:
        super().__init__(f"{file} is not written ({cause.strerror}); name another file, or move that one away")


class DeadLetterMissing(R2RError):
    """A dead-letter topic has no record at a place."""


class StoppedEarly(R2RError):
    """A run was stopped before it had its result."""


class ServerAnswer(R2RError):
    """A server answered with an error, or with what nobody asked for."""


class ImageRefused(ServerAnswer):
    """A server does not answer for this image, and may for the next one."""


class ServerAway(ServerAnswer):
    """A server did not answer at all."""

    def __init__(self, address: str, cause: object) -> None:
        super().__init__(
            f"the server at {address} does not answer ({cause}); start it with `r2r serve` or `r2r up`, "
            "or name another with --server"
        )
