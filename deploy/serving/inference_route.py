"""The way of one inference request: admitted, read, computed in one thread hop, counted."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from deploy.metrics import ServingMetrics
from deploy.serving.errors import BodyTooLarge, BodyTooSlow, Overloaded, UnsupportedMedia
from deploy.serving.handlers import Handlers
from deploy.serving.live_models import LoadedVersion
from deploy.settings import DeploySettings

P = ParamSpec("P")
T = TypeVar("T")

_JSON = "application/json"
_IMAGES = ("image/jpeg", "image/png", "image/webp")


class InferenceRoute:
    """Belongs to one event loop. What waits is bounded: by the requests admitted times the body's cap.

    Decoding and running together are one hop to a thread: two hops, or a decode on the loop, cost more than they share.
    Slow things that are no inference (loading an older version, reading the registry) wait in a thread of their own.
    """

    def __init__(self, handlers: Handlers, metrics: ServingMetrics, settings: DeploySettings) -> None:
        self._handlers = handlers
        self._metrics = metrics
        self._settings = settings
        self._in_flight = 0
        self._compute = ThreadPoolExecutor(settings.inference_threads, thread_name_prefix="inference")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="registry")

    async def infer(self, request: Request, model: str, version: str | None) -> bytes:
        """Answer a request whose body is a JSON request or an image.

        1. find the model, 2. read the body, 3. decode and run.

        Raises
        ------
        R2RError
            As one sentence; `deploy.serving.http_api.status_of` returns its status.
        """
        media = _media(request)
        loaded = await self.loaded(model, version)
        body = await read_body(request, self._settings.max_body_bytes, self._settings.body_timeout_seconds)
        loop = asyncio.get_running_loop()
        if media == _JSON:
            return await loop.run_in_executor(self._compute, self._handlers.infer_tensors, loaded, body)
        request_id = request.query_params.get("id")
        return await loop.run_in_executor(self._compute, self._handlers.infer_image, loaded, body, request_id)

    async def loaded(self, model: str, version: str | None) -> LoadedVersion:
        """Return the version to ask, loading an older one aside if it must be."""
        found = self._handlers.find(model, version)
        if found is None:
            found = await self.aside(self._handlers.load, model, str(version))
        return found

    async def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do slow work where it holds up no inference."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, lambda: work(*args, **kwargs))

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Admit one request of whatever kind, or raise `Overloaded`."""
        if self._in_flight >= self._settings.max_in_flight_requests:
            raise Overloaded(self._in_flight)
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)

    @contextmanager
    def counted(self, model: str, status_of: Callable[[Exception], int]) -> Iterator[None]:
        """Admit one inference request, or raise `Overloaded`; count it with the status it ends in."""
        started = time.perf_counter()
        code = 200
        try:
            with self.admitted():
                yield
        except Exception as error:
            code = status_of(error)
            raise
        finally:
            label = model if self._handlers.is_served(model) else "unknown"  # anybody can make up names
            self._metrics.requests.labels(label, str(code)).inc()
            self._metrics.request_duration.labels(label).observe(time.perf_counter() - started)

    def close(self) -> None:
        """Let the threads end; harmless when repeated."""
        self._compute.shutdown(wait=True)
        self._aside.shutdown(wait=True)


async def read_body(request: Request, limit_bytes: int, limit_seconds: float) -> bytes:
    """Return the whole body.

    Raises
    ------
    BodyTooLarge
        It has, or announces, more than ``limit_bytes``; what comes beyond is not kept.
    BodyTooSlow
        It is not complete within ``limit_seconds``.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    try:
        async with asyncio.timeout(limit_seconds):
            return await _read_chunks(request, limit_bytes)
    except TimeoutError as error:
        raise BodyTooSlow(limit_seconds) from error


async def _read_chunks(request: Request, limit_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _media(request: Request) -> str:
    content_type = request.headers.get("content-type", "")
    media = content_type.partition(";")[0].strip().lower()
    if media != _JSON and media not in _IMAGES:
        raise UnsupportedMedia(content_type, (_JSON, *_IMAGES))
    return media
