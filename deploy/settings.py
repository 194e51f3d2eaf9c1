"""How versions are published and served. Sizes are bytes, times are seconds."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from deploy.roles import RoleProcess, role_processes
from stream.process.ports import LARGEST_PORT
from stream.process.settings import Settings

ProviderChoice = Literal["auto", "cpu", "cuda"]


class DeploySettings(Settings):
    """Settings of the publisher, the server and the supervisor (``[deploy]``, ``R2R_DEPLOY__…``)."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=LARGEST_PORT)
    """The server's; 0 takes a free one, which is written to ``--address-file``."""

    replay_workers: int = Field(1, ge=0, le=64)
    """Of ``r2r up``: processes that generate images of the clusters for the learner's updates."""
    first_metrics_port: int = Field(9101, ge=1, validate_default=True)
    """Of ``r2r up``: the learner's ``/metrics``; those of the roles after it are the next ones."""

    max_body_bytes: int = Field(8 * 1024**2, gt=0)
    max_image_pixels: int = Field(16_000_000, gt=0)
    """Refused above, from the image's header alone."""
    max_batch_images: int = Field(256, gt=0)
    max_in_flight_requests: int = Field(256, gt=0)
    """Above it a request is refused at once with 503: the server's memory is bounded by it."""
    body_timeout_seconds: float = Field(30.0, gt=0)
    drain_seconds: int = Field(20, gt=0)
    """How long requests in flight may take after SIGTERM."""

    inference_threads: int = Field(2, gt=0)
    """Requests that are decoded and run at the same time."""
    intra_op_threads: int = Field(1, gt=0)
    """ONNX Runtime's own threads for one request."""
    provider: ProviderChoice = "auto"
    """``auto`` takes CUDA where a driver is present and says so; ``cuda`` fails without one."""

    poll_seconds: float = Field(0.5, gt=0)
    """How often the registry is read for new versions."""
    keep_loaded: int = Field(3, gt=0)
    """Older versions that stay in memory for ``/versions/{v}``, of all models together."""

    keep_versions: int = Field(100, gt=0)
    """Versions of a model that stay in the registry."""
    keep_candidates: int = Field(5, ge=0)
    """Refused candidates of a model that stay for inspection."""
    parity_tolerance: float = Field(1e-4, gt=0)
    """Largest difference between ONNX Runtime's probabilities and PyTorch's."""

    @field_validator("first_metrics_port")
    @classmethod
    def _leave_room_for_the_next_ones(cls, port: int, info: ValidationInfo) -> int:
        processes = role_processes("", 0, port, info.data.get("replay_workers", 0))
        if max(process.port for process in processes) > LARGEST_PORT:
            message = f"it and the ports after it must not exceed {LARGEST_PORT}"
            raise ValueError(message)
        return port

    @property
    def processes(self) -> list[RoleProcess]:
        """The processes that `r2r up` starts, in order, and where they answer."""
        return role_processes(self.host, self.port, self.first_metrics_port, self.replay_workers)
