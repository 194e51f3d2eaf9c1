"""``python -m deploy.serving.server``: answers with the registry's newest version, and goes on while it changes."""

import contextlib
import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvicorn
from prometheus_client import REGISTRY

from deploy.metrics import ServingMetrics
from deploy.registry.versions import Registry
from deploy.roles import SERVER
from deploy.serving.handlers import Handlers
from deploy.serving.http_api import create_app
from deploy.serving.inference_route import InferenceRoute
from deploy.serving.inference_session import InferenceSession, check_provider
from deploy.serving.live_models import LiveModels
from deploy.settings import DeploySettings
from stream.process.errors import PortTaken
from stream.process.home import write_atomically
from stream.process.role import Role, parser, run_role

_BACKLOG = 1024


def main(argv: Sequence[str]) -> int:
    """Run the role; return its exit code."""
    flags = parser(SERVER.name, "Serves the registry's newest versions over the Open Inference Protocol.")
    flags.add_argument("--port", type=int, default=None, help="port on deploy.host; 0 takes a free one")
    flags.add_argument("--registry", default=None, help="folder or address of the registry (default: in the home)")
    flags.add_argument("--model", action="append", default=[], help="a model that is to be served; may be repeated")
    flags.add_argument("--address-file", type=Path, default=None, help='where {"address": …, "pid": …} is written')
    return run_role(SERVER.name, flags, serve, argv)


def serve(role: Role) -> None:
    """Serve until SIGTERM or SIGINT.

    1. take the address, 2. load what the registry has, so that a restarted server never says "no version yet",
    3. listen and announce the address, 4. watch the registry beside, 5. answer, 6. drain.
    """
    settings = role.settings("deploy", DeploySettings)
    check_provider(settings.provider)
    metrics = ServingMetrics(REGISTRY)
    load = partial(InferenceSession.load, provider=settings.provider, threads=settings.intra_op_threads)
    registry = Registry(role.flags.registry or str(role.home.registry))
    models = LiveModels(registry, load, metrics, keep_loaded=settings.keep_loaded, expected=role.flags.model)
    handlers = Handlers(models, settings)
    app = create_app(handlers, InferenceRoute(handlers, metrics, settings), metrics)
    with contextlib.closing(bind(settings.host, _port(role, settings))) as listener:
        models.load_first()
        listen(listener)
        _announce_address(listener, role.flags.address_file)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, timeout_graceful_shutdown=settings.drain_seconds
        )
        _answer(uvicorn.Server(config), listener, models, role.stopping, settings.poll_seconds)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that holds the address and takes no connections yet.

    Raises
    ------
    PortTaken
        Another process listens there, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a killed server's connections may linger
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _taken(host, port, error) from error
    return listener


def listen(listener: socket.socket) -> None:
    """Take connections from now on.

    Raises
    ------
    PortTaken
        Another process that held the address at the same time was quicker.
    """
    try:
        listener.listen(_BACKLOG)
    except OSError as error:
        host, port = listener.getsockname()[:2]
        raise _taken(host, port, error) from error


def _taken(host: str, port: int, error: OSError) -> PortTaken:
    cause = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
    return PortTaken(f"the address {host}:{port} {cause}; free it or choose another with --port or --set deploy.port=N")


def _port(role: Role, settings: DeploySettings) -> int:
    return settings.port if role.flags.port is None else int(role.flags.port)


def _announce_address(listener: socket.socket, address_file: Path | None) -> None:
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if address_file is not None:
        write_atomically(address_file, json.dumps({"address": address, "pid": os.getpid()}).encode())
    sys.stdout.write(f"serving on {address}\n")
    sys.stdout.flush()


def _answer(
    server: uvicorn.Server,
    listener: socket.socket,
    models: LiveModels,
    stopping: threading.Event,
    poll_seconds: float,
) -> None:
    """Answer until a signal comes or the watcher fails; then finish what is in flight and raise the watcher's error."""
    failures: list[Exception] = []

    def watch() -> None:
        try:
            models.watch(stopping, poll_seconds)
        except Exception as error:  # whatever ends the watcher ends the server: it would grow stale unnoticed
            failures.append(error)
        finally:
            server.should_exit = True

    watcher = threading.Thread(target=watch, name="watcher")
    watcher.start()
    try:
        server.run(sockets=[listener])
    finally:
        stopping.set()
        watcher.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
