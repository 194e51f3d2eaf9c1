"""How a system on one machine fails to start or ends."""

from stream.process.errors import R2RError


class SystemRunning(R2RError):
    """Another `r2r up` runs in the same home."""

    def __init__(self, home: str, pid: str) -> None:
        super().__init__(
            f"`r2r up` is running in {home} already (process {pid}); stop it, or give another one a folder with --home "
            "and ports with --set"
        )


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
