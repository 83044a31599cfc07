"""The page at `/`: files of the package, and the headers that let them run and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    **{f"/{name}": (name, "text/javascript") for name in ("page.js", "panes.js", "inside.js", "service.js")},
}


def page_routes() -> list[Route]:
    """The page's files, read now."""
    folder = files("onepass.service") / "static"
    return [Route(path, _answer((folder / name).read_bytes(), kind)) for path, (name, kind) in FILES.items()]


def _answer(data: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return Response(data, media_type=kind, headers={"content-security-policy": POLICY})

    return answer
