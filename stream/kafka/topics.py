"""The topics' names. ``frames`` and ``truth`` are shared by all models; the rest carry the model's name."""

from dataclasses import dataclass

from stream.process.errors import InvalidSetting
from stream.process.model_name import is_model_name, no_model_name


@dataclass(frozen=True)
class Topics:
    """Where each kind of message of ``model`` travels.

    Examples
    --------
    >>> Topics("digits").tasks
    'r2r.digits.tasks'
    >>> Topics("digits").frames_dlq
    'r2r.frames.dlq'
    """

    model: str
    prefix: str = "r2r"

    def __post_init__(self) -> None:
        if not is_model_name(self.model):
            raise InvalidSetting(no_model_name(self.model))

    @property
    def frames(self) -> str:
        """Images, keyed by source."""
        return f"{self.prefix}.frames"

    @property
    def frames_dlq(self) -> str:
        """Frames that could not be read, with the reason in their headers."""
        return f"{self.frames}.dlq"

    @property
    def truth(self) -> str:
        """True labels, keyed by frame identity."""
        return f"{self.prefix}.truth"

    @property
    def tasks(self) -> str:
        """Task plans; one partition."""
        return f"{self.prefix}.{self.model}.tasks"

    @property
    def checkpoints(self) -> str:
        """Announcements of complete checkpoints."""
        return f"{self.prefix}.{self.model}.checkpoints"

    @property
    def events(self) -> str:
        """Decisions with their evidence."""
        return f"{self.prefix}.{self.model}.events"

    @property
    def models(self) -> str:
        """Announcements of published versions; compacted."""
        return f"{self.prefix}.{self.model}.models"

    @property
    def commands(self) -> str:
        """What persons ask of the model; one partition."""
        return f"{self.prefix}.{self.model}.commands"

    @property
    def replay_requests(self) -> str:
        """Clusters of which images are asked for, one record for each.

        As many partitions as `frames`, for several workers.
        """
        return f"{self.prefix}.{self.model}.replay.requests"

    @property
    def replay_requests_dlq(self) -> str:
        """Requests that no worker could serve, with the reason in their headers."""
        return f"{self.replay_requests}.dlq"

    @property
    def replay_samples(self) -> str:
        """Synthetic images; one partition."""
        return f"{self.prefix}.{self.model}.replay.samples"

    @property
    def shared(self) -> tuple[str, ...]:
        """Topics with as many partitions as the user asks for."""
        return self.frames, self.frames_dlq, self.truth

    @property
    def control(self) -> tuple[str, ...]:
        """Topics of one partition."""
        return self.tasks, self.checkpoints, self.events, self.models, self.commands

    @property
    def replay(self) -> tuple[str, ...]:
        """Topics between the learner and the replay workers."""
        return self.replay_requests, self.replay_requests_dlq, self.replay_samples
