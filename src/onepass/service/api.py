"""The endpoints: what a client asks for, in the words of LibreTranslate's API, and what it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from onepass.runtime.text_translator import Translation
from onepass.service.admission import Admission
from onepass.service.detection import Detected
from onepass.service.documents import FILE_FORMATS, TEXT_FORMATS, file_format, open_file, open_text
from onepass.service.downloads import Downloads
from onepass.service.fields import Fields, read_fields
from onepass.service.health import Health
from onepass.service.keys import Key
from onepass.service.languages import language_name
from onepass.service.metrics import Metrics
from onepass.service.record import record_of
from onepass.service.refusal import RequestError, missing
from onepass.service.spec import specification
from onepass.service.translating import AUTO, Pair, Translated, Translating, Waiter
from onepass.text.spans import find_spans

DETAILS: dict[str, Callable[[str, Translation], Any]] = {
    "score": lambda text, found: round(found.score, 6),
    "model": lambda text, found: found.model,
    "spans": lambda text, found: {"source": _spans(text), "target": _spans(found.text)},
}
"""What an answer says of each text on request, beside the milliseconds of the whole.

This is the seam for more, such as where each word comes from: the page draws "alignment" where it is here.
"""
MILLISECONDS = "milliseconds"


class Json(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class Wanted(NamedTuple):
    """What a client wants of its texts; `alternatives`: how many."""

    pair: Pair
    text_format: str
    alternatives: int
    details: tuple[str, ...]


class Api:
    """The endpoints of a worker.

    Args:
        translating: its models.
        admission: its door.
        metrics: its counters.
        health: of all workers.
        downloads: translated files of all workers.
    """

    def __init__(
        self,
        translating: Translating,
        admission: Admission,
        metrics: Metrics,
        health: Health,
        downloads: Downloads,
    ) -> None:
        self.translating, self.admission, self.metrics = translating, admission, metrics
        self._health, self._downloads = health, downloads
        self._directions = translating.directions
        for direction in self._directions:
            fingerprint = direction.about.get("fingerprint", "")
            metrics.model.labels(direction.name, direction.label, fingerprint).set(1)

    async def translate(self, request: Request) -> Response:
        """`POST /translate`: a text or a list of texts."""
        record = record_of(request)
        self.admission.check_room(self.translating.waiting)
        fields = await self._fields(request)
        who = self._who(request, fields)
        texts = fields.texts()
        wanted = _wanted(fields)
        if len(texts) > self.admission.limits.texts:
            raise RequestError(
                400,
                f"Invalid request: request ({len(texts)}) exceeds text limit ({self.admission.limits.texts})",
                reason="texts",
            )
        documents = [open_text(text, wanted.text_format) for text in texts]
        parts = [part for document in documents for part in document.texts]
        record.texts = list(texts)
        translated = await self._translated(request, who, parts, wanted.pair)
        found = iter(translated.translations)
        of_documents = [[next(found) for _ in document.texts] for document in documents]
        whole = [
            document.rebuilt(of_document)
            for document, of_document in zip(documents, of_documents, strict=True)
        ]
        answer: dict[str, Any] = {"translatedText": whole}
        if wanted.alternatives:
            answer["alternatives"] = [[] for _ in whole]
        if translated.detected is not None:
            firsts = _firsts(translated.detected, [len(document.texts) for document in documents])
            answer["detectedLanguage"] = [_said(detected) for detected in firsts]
        details = _details(wanted.details, parts, translated.translations)
        if not fields.is_list():
            answer, details = _only(answer), _only(details)
        if MILLISECONDS in wanted.details:
            details[MILLISECONDS] = round(1_000 * record.seconds, 3)
        return Json({**answer, "details": details} if wanted.details else answer)

    async def translate_file(self, request: Request) -> Response:
        """`POST /translate_file`: a file of a form; the answer says where the translation can be fetched."""
        self.admission.check_room(self.translating.waiting)
        fields = await self._fields(request)
        who = self._who(request, fields)
        if fields.upload is None or not fields.upload.name:
            raise missing("file")
        pair = Pair(fields.text("source"), fields.text("target"))
        suffix = file_format(fields.upload.name)
        document = open_file(fields.upload.data, suffix)
        translated = await self._translated(request, who, list(document.texts), pair)
        data = document.rebuilt(translated.translations).encode("utf-8")
        target = self._directions.language(pair.target)
        name = await asyncio.to_thread(self._downloads.put, data, target, suffix)
        return Json({"translatedFileUrl": f"{request.base_url}download_file/{quote(name)}"})

    async def download_file(self, request: Request) -> Response:
        """`GET /download_file/NAME`."""
        name = request.path_params["name"]
        data = await asyncio.to_thread(self._downloads.get, name)
        kept_as = f"translated.{name.partition('.')[2]}"
        headers = {"content-disposition": f'attachment; filename="{kept_as}"'}
        return Response(data, media_type="application/octet-stream", headers=headers)

    async def detect(self, request: Request) -> Response:
        """`POST /detect`: the language of a text, or of a list's texts together."""
        fields = await self._fields(request)
        who = self._who(request, fields)
        text = "\n".join(fields.texts())
        self.admission.charge(who, len(text))
        ranked = await self.translating.detect(text)
        return Json([_said(detected) for detected in ranked])

    async def languages(self, request: Request) -> Response:
        """`GET /languages`."""
        return Json(self._directions.languages())

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return Json(
            [
                {"name": model.name, "source": model.source, "target": model.target, **model.about}
                for model in self._directions
            ]
        )

    async def health(self, request: Request) -> Response:
        """`GET /health`: whether all workers answer and take more."""
        if self.admission.is_stopping:
            return Json({"status": "stopping"}, status_code=503)
        if failing := self._health.failing():
            return Json({"status": "failing", "workers": failing}, status_code=503)
        return Json({"status": "ok"})

    async def settings(self, request: Request) -> Response:
        """`GET /frontend/settings`."""
        first = next(iter(self._directions))
        limits = self.admission.limits
        return Json(
            {
                "apiKeys": bool(self.admission.keys),
                "charLimit": limits.characters,
                "details": [*DETAILS, MILLISECONDS],
                "filesTranslation": True,
                "frontendTimeout": 30,
                "keyRequired": bool(self.admission.keys),
                "language": {
                    "source": {"code": AUTO, "name": "Auto Detect"},
                    "target": {"code": first.target, "name": language_name(first.target)},
                },
                "suggestions": False,
                "supportedFilesFormat": sorted(FILE_FORMATS),
            }
        )

    async def spec(self, request: Request) -> Response:
        """`GET /spec`: the OpenAPI document."""
        return Json(specification(self._directions.codes, sorted(TEXT_FORMATS), [*DETAILS, MILLISECONDS]))

    async def metrics_text(self, request: Request) -> Response:
        """`GET /metrics`."""
        self.measure()
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def measure(self) -> None:
        """Writes down what waits."""
        self.metrics.waiting.set(self.translating.waiting)
        self.metrics.in_flight.set(self.admission.in_flight)

    async def _fields(self, request: Request) -> Fields:
        limits = self.admission.limits
        try:
            async with asyncio.timeout(limits.seconds):
                return await read_fields(request, limits.body_bytes)
        except TimeoutError:
            raise RequestError(408, "The request took too long to arrive", reason="time") from None

    def _who(self, request: Request, fields: Fields) -> Key:
        address = request.client.host if request.client is not None else ""
        given = fields.optional("api_key") or _bearer(request)
        who = self.admission.who(given, address)
        if self.admission.keys:
            record_of(request).key = who.name
        return who

    async def _translated(self, request: Request, who: Key, texts: Sequence[str], pair: Pair) -> Translated:
        record = record_of(request)
        record.characters = sum(map(len, texts))
        self.translating.check(pair)
        with self.admission.admitted(self.translating.waiting):
            # Last of all checks: what is refused costs no characters.
            self.admission.charge(who, record.characters)
            self.metrics.characters.inc(record.characters)
            waiter = Waiter(lambda: _leaves(request), lambda: self.admission.deadline(record.started))
            translated = await self.translating.translate(texts, pair, waiter)
        record.sentences = translated.sentences
        return translated


async def _leaves(request: Request) -> None:
    """Returns when the client of a request that was read leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _wanted(fields: Fields) -> Wanted:
    pair = Pair(fields.text("source"), fields.text("target"))
    text_format = fields.optional("format") or "text"
    details = fields.names("details")
    allowed = [*DETAILS, MILLISECONDS]
    if unknown := [name for name in details if name not in allowed]:
        raise RequestError(400, f"{unknown[0][:40]} is no detail; there are {', '.join(allowed)}")
    return Wanted(pair, text_format, fields.alternatives(), details)


def _details(
    names: Sequence[str], texts: Sequence[str], translations: Sequence[Translation]
) -> dict[str, Any]:
    """What was asked for of each text of the request."""
    pairs = list(zip(texts, translations, strict=True))
    return {name: [DETAILS[name](*pair) for pair in pairs] for name in names if name in DETAILS}


def _spans(text: str) -> list[list[Any]]:
    """Numbers, addresses and mark-up of a text: where each begins and ends, in code points, and its kind."""
    return [[span.start, span.end, span.kind.value] for span in find_spans(text)]


def _only(lists: dict[str, Any]) -> dict[str, Any]:
    """The values of the only text of a request, which was no list."""
    return {name: values[0] for name, values in lists.items()}


def _firsts(detected: Sequence[Detected], counts: Sequence[int]) -> list[Detected]:
    """The language of each document: that of its first text."""
    firsts, place = [], 0
    for count in counts:
        firsts.append(detected[place])
        place += count
    return firsts


def _said(detected: Detected) -> dict[str, Any]:
    return {"confidence": detected.confidence, "language": detected.language}


def _bearer(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
