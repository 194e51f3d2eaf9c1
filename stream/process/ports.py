"""Ports of this machine: one that is free, whether one is in use, and whether an address is one."""

import socket

THIS_MACHINE = "127.0.0.1"
LARGEST_PORT = 65_535


def free_port() -> int:
    """Return a port of `THIS_MACHINE` that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((THIS_MACHINE, 0))
        return int(probe.getsockname()[1])


def listens(host: str, port: int, timeout_seconds: float = 0.5) -> bool:
    """Return whether a program accepts connections there; waits at most ``timeout_seconds``."""
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except OSError:
        return False
    return True


def port_on_this_machine(address: str) -> int | None:
    """Return the port of a Kafka that `r2r up` starts where none answers; None where it is another machine's.

    Examples
    --------
    >>> port_on_this_machine("localhost:9092"), port_on_this_machine("kafka.example:9092")
    (9092, None)
    """
    host, _, port = address.rpartition(":")
    return int(port) if host in (THIS_MACHINE, "localhost") else None
