"""The ASGI application of a worker, put together."""

from __future__ import annotations

import asyncio
import contextlib
import http
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from onepass.service.admission import Admission
from onepass.service.api import Api, Json
from onepass.service.detection import Detector, load_detector
from onepass.service.directions import Directions
from onepass.service.downloads import Downloads
from onepass.service.health import BEAT_SECONDS, STUCK_SECONDS, Health
from onepass.service.keys import Key
from onepass.service.metrics import Metrics
from onepass.service.observed import Observed
from onepass.service.page import page_routes
from onepass.service.quotas import Quotas
from onepass.service.record import AccessLog, record_of
from onepass.service.refusal import RequestError
from onepass.service.settings import ServiceSettings
from onepass.service.translating import Translating


@dataclass(frozen=True)
class Shared:
    """What the workers of a service have in common; may be handed to processes that are started."""

    health: Health
    quotas: Quotas
    downloads: Path
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Worker:
    """The application of a worker, and what its process needs to know of it.

    Attributes:
        app: to serve.
        admission: to stop.
    """

    app: ASGIApp
    admission: Admission


def build_worker(
    settings: ServiceSettings,
    directions: Directions,
    shared: Shared,
    *,
    number: int = 0,
    detector: Detector | None = None,
) -> Worker:
    """Puts the application of a worker together.

    Args:
        settings: of the operator.
        directions: the models, loaded.
        shared: by all workers.
        number: of this one.
        detector: of languages [the best that is installed].
    """
    metrics = Metrics()
    admission = Admission(settings.limits, shared.keys, shared.quotas)
    detector = detector or load_detector(directions.codes, directions.sources)
    translating = Translating(directions, detector, metrics)
    api = Api(translating, admission, metrics, shared.health, Downloads(shared.downloads))
    routes = [*_routes(api), *(page_routes() if settings.page else [])]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        translating.start()
        beating = asyncio.create_task(_beat(translating, api, lambda: shared.health.beat(number)))
        yield
        beating.cancel()
        translating.stop()

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={RequestError: _refused, HTTPException: _http_error, Exception: _unforeseen},
    )
    log = AccessLog(sys.stdout, log_text=settings.log_text) if settings.access_log else None
    return Worker(Observed(app, [route.path for route in routes], metrics, log), admission)


def _routes(api: Api) -> list[Route]:
    """The endpoints, the ones that are asked for most first."""
    return [
        Route("/translate", api.translate, methods=["POST"]),
        Route("/detect", api.detect, methods=["POST"]),
        Route("/translate_file", api.translate_file, methods=["POST"]),
        Route("/download_file/{name}", api.download_file),
        Route("/languages", api.languages),
        Route("/health", api.health),
        Route("/metrics", api.metrics_text),
        Route("/frontend/settings", api.settings),
        Route("/spec", api.spec),
        Route("/v1/models", api.models),
        Route("/v1/inside", api.inside, methods=["POST"]),
    ]


async def _beat(translating: Translating, api: Api, beat: Callable[[], None]) -> None:
    """Gives signs of life as long as no model is stuck."""
    while True:
        if translating.stuck_seconds() < STUCK_SECONDS:
            beat()
        api.measure()
        await asyncio.sleep(BEAT_SECONDS)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    record_of(request).reason = error.reason
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return Json({"error": error.message}, status_code=error.status, headers=headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    record_of(request).reason = "request"
    phrase = http.HTTPStatus(error.status_code).phrase
    return Json({"error": phrase}, status_code=error.status_code, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return Json({"error": "Internal error"}, status_code=500)
