"""Ports of this machine: one that is free, and whether one is in use."""

import socket


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(host: str, port: int, timeout_seconds: float = 0.5) -> bool:
    """Return whether a program accepts connections there; waits at most ``timeout_seconds``."""
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except OSError:
        return False
    return True
