"""The verbs `serve` and `web` of the command line: their options. What they do is imported only then."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from onepass.cli.options import Corrections


def serve(
    models: Annotated[
        list[str] | None,
        Argument(help="Shipped models or bundles' directories, one per direction [all shipped directions]."),
    ] = None,
    host: Annotated[str, Option(help="Address to listen at; 0.0.0.0 is all of this machine.")] = "127.0.0.1",
    port: Annotated[int, Option(help="Port to listen at; 0 is any that is free.", min=0, max=65535)] = 5000,
    workers: Annotated[int, Option(help="Processes that share the port.", min=1)] = 1,
    threads: Annotated[int, Option(help="Batches that a worker decodes side by side.", min=1)] = 1,
    precision: Annotated[
        str | None, Option(help="Precision, int8 or float32 [int8, if it is there].")
    ] = None,
    corrections: Corrections = 0,
    keys: Annotated[
        Path | None, Option(help="File of keys, as NAME SHA256 per line [everybody may ask].")
    ] = None,
    characters: Annotated[int, Option(help="Limit of characters per request.", min=1)] = 100_000,
    per_minute: Annotated[
        int, Option(help="Limit of characters per minute of a key or an address; 0 is none.", min=0)
    ] = 0,
    requests: Annotated[int, Option(help="Limit of requests that a worker answers at once.", min=1)] = 64,
    seconds: Annotated[float, Option(help="Limit of seconds per request.", min=0.1)] = 30.0,
    grace: Annotated[int, Option(help="Seconds to finish requests when stopped.", min=0)] = 10,
    log: Annotated[bool, Option("--log/--no-log", help="Line of JSON per request on stdout.")] = True,
    page: Annotated[bool, Option("--page/--no-page", help="Page that translates while one types.")] = True,
    log_text: Annotated[bool, Option("--log-text", help="Texts of the requests in that line.")] = False,
) -> None:
    """Serves models over HTTP, with the API of LibreTranslate."""
    from onepass.runtime.shipped import usual_models
    from onepass.service.serve import serve as serve_until_stopped
    from onepass.service.settings import Limits, ServiceSettings

    serve_until_stopped(
        ServiceSettings(
            tuple(models or usual_models()),
            host=host,
            port=port,
            workers=workers,
            threads=threads,
            precision=precision,
            corrections=corrections,
            keys=keys,
            limits=Limits(
                characters=characters, characters_per_minute=per_minute, requests=requests, seconds=seconds
            ),
            grace_seconds=grace,
            access_log=log,
            log_text=log_text,
            page=page,
        )
    )


def web(
    model: Annotated[str, Argument(help="Shipped model or a bundle's directory, in int8 with placeholders.")],
    to: Annotated[Path, Option(help="Directory to write the page to.")],
    cache: Annotated[
        Path | None, Option(help="Directory of the runtime for browsers, fetched by npm [~/.cache/onepass].")
    ] = None,
) -> None:
    """Writes a page that translates in the browser alone, without a server and without a network."""
    from onepass.web.build import write_page

    written = write_page(model, to, cache=cache)
    megabytes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in written._asdict().items())
    print(f"{to}: {megabytes}")
