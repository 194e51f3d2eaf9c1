"""Why a candidate or a command is refused."""

from collections.abc import Mapping

from stream.messages.event import Evidence
from stream.process.errors import R2RError


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


class CommandRefused(R2RError):
    """What a person asked of a running model has no effect; ``reason`` is a short, stable word."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
