"""Every error a user can cause, as one sentence with the remedy.

::

    R2RError
    ├── InvalidSetting        a setting is unknown or has a value that is not allowed
    ├── InvalidMessage        bad data on a topic: dead-lettered, the stream goes on
    │   ├── InvalidImage      the body is not an image we parse
    │   └── UnknownFormat     written by a release with another major version
    ├── BrokerUnavailable     Kafka does not answer
    ├── TopicMissing          a topic the role needs is not there
    ├── LogUnreadable         a record in the log cannot be read by any client of ours
    ├── PositionLost          the saved position is no longer in the log
    ├── LearnerFenced         another learner of the same model has taken over, or is running
    ├── WorkerFenced          another worker of the same slot has taken over
    ├── WorkLost              a worker took so long that its records were given to another one
    ├── PortTaken             the address to listen on is in use
    ├── BrokerNotStarted      the embedded Kafka could not be started
    ├── StorageFull           no space left for a checkpoint or a version
    ├── CheckpointCorrupt     a checkpoint fails its checksum
    └── SourceUnavailable     a dataset, folder or camera cannot be read

A caller that wants to treat them all alike writes ``except R2RError as error: print(error)``.
"""


class R2RError(Exception):
    """The root: its message is one sentence that says what came, what was expected and what to do."""


class InvalidSetting(R2RError):
    """A setting is unknown, or its value is not allowed."""


class InvalidMessage(R2RError):
    """Bad data on a topic; ``reason`` is a short, stable word for metrics and dead-letter headers."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidImage(InvalidMessage):
    """The bytes are not a JPEG, PNG or WebP image within the caps."""


class UnknownFormat(InvalidMessage):
    """The message's major version is not one this release reads."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="unknown_format")


class BrokerUnavailable(R2RError):
    """Kafka does not answer at the configured address."""


class TopicMissing(R2RError):
    """A topic that the role reads or writes does not exist."""


class LogUnreadable(R2RError):
    """A batch in the log is corrupt, or compressed in a way that is not supported; polling on would not end."""


class PositionLost(R2RError):
    """The saved position has expired, or the topic was made anew."""


class LearnerFenced(R2RError):
    """Another learner of the same model is running or has taken over."""


class WorkerFenced(R2RError):
    """Another worker of the same slot has taken over."""


class WorkLost(R2RError):
    """The group has given a worker's records to another one; nothing was written."""


class PortTaken(R2RError):
    """The address to listen on is in use."""


class BrokerNotStarted(R2RError):
    """The embedded Kafka could not be installed or started."""


class StorageFull(R2RError):
    """No space is left on the device that holds checkpoints or versions."""


class CheckpointCorrupt(R2RError):
    """A checkpoint's content does not have the checksum its manifest states."""


class SourceUnavailable(R2RError):
    """A dataset, folder or camera cannot be opened or read."""
