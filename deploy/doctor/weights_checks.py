"""Whether the pretrained models are there that replay workers are to use, and room for them in memory."""

from collections.abc import Iterator, Sequence

from deploy.doctor.finding import Finding, error, ok, warning
from deploy.status.disk_usage import readable_bytes
from replay.models import check_settings
from replay.settings import ReplaySettings
from replay.weights import Weights


def check_replay(settings: ReplaySettings) -> Finding:
    """Check that a worker's settings belong together.

    Raises
    ------
    R2RError
        As `replay.models.check_settings`.
    """
    check_settings(settings)
    return ok("replay", f"generator {settings.generator}, labeller {settings.labeller or 'none'}")


def check_weights(found: Sequence[Weights], available_bytes: int | None) -> Iterator[Finding]:
    """Check the weights of each model, and room for it beside those before it.

    Parameters
    ----------
    available_bytes
        Memory that is left where the models run; None where it is not known.
    """
    left = available_bytes
    for weights in found:
        if weights.missing:
            message, _, remedy = weights.missing.partition("; ")
            yield error(weights.setting, message, remedy)
            continue
        message = (
            f"{weights.source}: {readable_bytes(weights.file_bytes)} on disk, about "
            f"{readable_bytes(weights.memory_bytes)} of memory in use"
        )
        if left is not None and weights.memory_bytes > left:
            remedy = "choose a smaller one: docs/models.md has settings by memory"
            yield warning(weights.setting, f"{message}, and {readable_bytes(left)} are left", remedy)
        else:
            yield ok(weights.setting, message)
        left = None if left is None else max(0, left - weights.memory_bytes)
