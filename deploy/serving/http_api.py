"""The Open Inference Protocol's routes: parse, call a handler, render. Errors become a status and ``{"error": …}``."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import fastapi
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from deploy.metrics import ServingMetrics
from deploy.registry.errors import ModelNotFound
from deploy.serving import errors, protocol
from deploy.serving.handlers import Handlers
from deploy.serving.inference_route import InferenceRoute
from stream.process.errors import InvalidImage, R2RError

_log = logging.getLogger(__name__)
_JSON = "application/json"
_TOO_SLOW = 408
_OUR_FAULT = 500
_UNAVAILABLE = 503
_HEADERS = {_UNAVAILABLE: {"Retry-After": "1"}, _TOO_SLOW: {"Connection": "close"}}
_STATUS: tuple[tuple[type[R2RError], int], ...] = (
    (errors.BodyTooLarge, 413),
    (errors.BodyTooSlow, _TOO_SLOW),
    (errors.UnsupportedMedia, 415),
    (errors.InvalidRequest, 400),
    (InvalidImage, 400),
    (ModelNotFound, 404),
    (errors.ModelNotReady, _UNAVAILABLE),
    (errors.Overloaded, _UNAVAILABLE),
)


def create_app(handlers: Handlers, route: InferenceRoute, metrics: ServingMetrics) -> FastAPI:
    """Return the application; its shutdown closes ``route``."""
    app = FastAPI(title="R2R", docs_url=None, redoc_url=None, lifespan=_closing(route))
    app.include_router(_health_routes(handlers))
    app.include_router(_metadata_routes(handlers, route))
    app.include_router(_inference_routes(route))
    app.add_api_route("/metrics", _metrics_page(metrics), methods=["GET"], include_in_schema=False)
    app.add_exception_handler(R2RError, _r2r_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _unexpected)
    return app


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error.

    Examples
    --------
    >>> status_of(errors.BodyTooLarge(100)), status_of(ModelNotFound("digits")), status_of(KeyError())
    (413, 404, 500)
    """
    return next((status for kind, status in _STATUS if isinstance(error, kind)), _OUR_FAULT)


def _health_routes(handlers: Handlers) -> fastapi.APIRouter:
    router = fastapi.APIRouter(tags=["health"])

    @router.get("/v2/health/live")
    async def live() -> Response:
        return _json(protocol.to_json({"live": True}))

    @router.get("/v2/health/ready")
    async def ready() -> Response:
        status = 200 if handlers.ready else _UNAVAILABLE
        return _json(protocol.to_json({"ready": handlers.ready}), status)

    return router


def _metadata_routes(handlers: Handlers, route: InferenceRoute) -> fastapi.APIRouter:
    router = fastapi.APIRouter(tags=["metadata"])

    @router.get("/v2")
    @router.get("/v2/", include_in_schema=False)
    async def server_metadata() -> Response:
        return _json(handlers.server_metadata())

    @router.get("/v2/models")
    async def models() -> Response:
        return _json(handlers.models())

    @router.post("/v2/repository/index")
    async def repository_index() -> Response:
        with route.admitted():
            return _json(await route.aside(handlers.repository_index))

    @router.get("/v2/models/{model}")
    @router.get("/v2/models/{model}/versions/{version}")
    async def model_metadata(model: str, version: str | None = None) -> Response:
        with route.admitted():
            loaded = await route.loaded(model, version)
            return _json(await route.aside(handlers.model_metadata, loaded))

    @router.get("/v2/models/{model}/ready")
    @router.get("/v2/models/{model}/versions/{version}/ready")
    async def model_ready(model: str, version: str | None = None) -> Response:
        with route.admitted():
            return _json(handlers.model_ready(await route.loaded(model, version)))

    return router


def _inference_routes(route: InferenceRoute) -> fastapi.APIRouter:
    router = fastapi.APIRouter(tags=["inference"])

    @router.post("/v2/models/{model}/infer")
    @router.post("/v2/models/{model}/versions/{version}/infer")
    async def infer(request: Request, model: str, version: str | None = None) -> Response:
        with route.counted(model, status_of):
            return _json(await route.infer(request, model, version))

    return router


def _metrics_page(metrics: ServingMetrics) -> Callable[[], Response]:
    def page() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return page


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, _HEADERS.get(status), media_type=_JSON)


async def _r2r_error(_request: Request, error: Exception) -> Response:
    status = status_of(error)
    if status == _OUR_FAULT:
        _log.warning("%s: %s", type(error).__name__, error)
    return _json(protocol.error_body(str(error)), status)


async def _http_error(request: Request, error: Exception) -> Response:
    status, cause = (error.status_code, error.detail) if isinstance(error, HTTPException) else (_OUR_FAULT, "failed")
    message = f"{request.method} {request.url.path}: {cause.lower()}; GET /openapi.json lists the routes"
    return _json(protocol.error_body(message), status)


async def _client_gone(_request: Request, _error: Exception) -> Response:
    return _json(protocol.error_body("the connection closed before the body was complete; send it again"), 400)


async def _unexpected(_request: Request, error: Exception) -> Response:
    message = f"the server failed ({type(error).__name__}); its log has the cause, report it with the request"
    return _json(protocol.error_body(message), _OUR_FAULT)


def _closing(route: InferenceRoute) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        route.close()

    return lifespan
