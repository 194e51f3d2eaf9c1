"""Whether the pretrained models are there that replay workers are to use, and room for them in memory."""

from collections.abc import Iterator, Sequence

from deploy.inspection.disk_usage import readable_bytes
from deploy.inspection.finding import Finding, error, ok, warning
from replay.weights import Weights


def check_weights(found: Sequence[Weights], available_bytes: int | None) -> Iterator[Finding]:
    """Check the weights of each model.

    Parameters
    ----------
    available_bytes
        Memory that is left where the models run; None where nobody tells.
    """
    for weights in found:
        if weights.missing:
            told, _, remedy = weights.missing.partition("; ")
            yield error(weights.setting, told, remedy)
            continue
        told = (
            f"{weights.source}: {readable_bytes(weights.file_bytes)} on disk, about "
            f"{readable_bytes(weights.memory_bytes)} of memory in use"
        )
        if available_bytes is not None and weights.memory_bytes > available_bytes:
            remedy = "choose a smaller one: docs/models.md has settings by memory"
            yield warning(weights.setting, f"{told}, and {readable_bytes(available_bytes)} are left", remedy)
        else:
            yield ok(weights.setting, told)
