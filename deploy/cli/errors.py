"""What a tool cannot do for a person."""

from stream.process.errors import R2RError


class SystemMissing(R2RError):
    """What a tool asks about does not run, or is not there."""


class FileThere(R2RError):
    """A file that is to be written is there already, or cannot be written."""

    def __init__(self, file: str, cause: OSError) -> None:
        super().__init__(f"{file} is not written ({cause.strerror}); name another file, or move that one away")


class CommandUnanswered(R2RError):
    """Nobody has said in time what became of a command; it stands on its topic."""


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
