"""Around every endpoint: the headers of a safe answer, errors as JSON, the log, the counters.

Plain ASGI, since each further layer costs a share of the milliseconds that a sentence takes.
"""

from __future__ import annotations

import json
import sys
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onepass.service.metrics import Metrics
from onepass.service.record import NAME, AccessLog, Record
from onepass.service.refusal import ClientGoneError

CLIENT_GONE = 499
METHODS = ("GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH")
HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"86400"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""Of answers that are no page; an endpoint that is one sets its own."""


class Observed:
    """The outermost layer of the service.

    Args:
        app: the endpoints.
        routes: their paths; a path with a name in it ends at the brace.
        metrics: counts requests.
        log: gets a line for each.
    """

    def __init__(self, app: ASGIApp, routes: list[str], metrics: Metrics, log: AccessLog | None) -> None:
        self._app, self._metrics, self._log = app, metrics, log
        self._whole = {route for route in routes if "{" not in route}
        self._beginnings = [route.partition("{")[0] for route in routes if "{" in route]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        record = scope[NAME] = Record(self._route(scope["path"]), method, time.monotonic())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                has_policy = any(name == POLICY[0] for name, _ in message["headers"])
                message["headers"] = [*message["headers"], *HEADERS, *([] if has_policy else [POLICY])]
            await send(message)

        try:
            if method == "OPTIONS":  # what browsers ask before they ask
                await answer({"type": "http.response.start", "status": 204, "headers": []})
                await answer({"type": "http.response.body", "body": b""})
            else:
                await self._app(scope, receive, answer)
        except (ClientGoneError, ClientDisconnect):
            record.status = CLIENT_GONE
        except Exception as error:
            # The client has its answer: Starlette raises what nobody foresaw again after it.
            _log_place(error)
        finally:
            self._close(record)

    def _route(self, path: str) -> str:
        if path in self._whole:
            return path
        return next((known for known in self._beginnings if path.startswith(known)), "other")

    def _close(self, record: Record) -> None:
        self._metrics.requests.labels(record.route, str(record.status)).inc()
        self._metrics.request_seconds.labels(record.route).observe(record.seconds)
        if record.reason is not None:
            self._metrics.refused.labels(record.reason).inc()
        if self._log is not None:
            self._log.write(record)


def _log_place(error: Exception) -> None:
    """Says where an error came from, without its message, which may have a text."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    said = {"error": type(error).__name__, "at": places[-6:]}
    print(json.dumps(said), file=sys.stderr, flush=True)
