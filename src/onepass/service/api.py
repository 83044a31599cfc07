"""The endpoints: what a client asks for, in the words of LibreTranslate's API, and what it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from onepass.runtime.text_translator import Translation
from onepass.service.admission import Admission
from onepass.service.batcher import TEXT_ALONE, Want
from onepass.service.detection import Detected
from onepass.service.documents import (
    FILE_FORMATS,
    TEXT,
    TEXT_FORMATS,
    check_format,
    file_ending,
    is_packed,
    text_of,
    translated_document,
)
from onepass.service.downloads import Downloads
from onepass.service.fields import Fields, read_fields
from onepass.service.health import Health
from onepass.service.inside import said_inside
from onepass.service.keys import Key
from onepass.service.languages import language_name
from onepass.service.metrics import Metrics
from onepass.service.record import record_of
from onepass.service.refusal import RequestError, missing
from onepass.service.spec import specification
from onepass.service.translating import AUTO, Pair, Translated, Translating, Waiter, same
from onepass.text.spans import find_spans

DETAILS: dict[str, Callable[[str, Translation], Any]] = {
    "score": lambda text, found: round(found.score, 6),
    "model": lambda text, found: found.model,
    "spans": lambda text, found: {"source": _spans(text), "target": _spans(found.text)},
    "alignment": lambda text, found: [
        [word.start, word.end, [[*place] for place in word.sources]] for word in found.alignment or ()
    ],
}
"""What an answer says of each text on request, beside the milliseconds of the whole."""
DOUBTS, MILLISECONDS = "doubts", "milliseconds"
MOST_ALTERNATIVES = 10
"""Of a text, however many are asked for."""


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

    def want(self) -> Want:
        """Of the model."""
        n_best = 1 + min(self.alternatives, MOST_ALTERNATIVES)
        return Want("alignment" in self.details, n_best, DOUBTS in self.details)


class Marked(NamedTuple):
    """Translated documents, and the language of each where "auto" was asked for."""

    documents: list[bytes]
    detected: list[Detected] | None


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
        record.texts = list(texts)
        details: dict[str, Any] = {}
        if wanted.text_format == TEXT:
            translated = await self._translated(request, who, texts, wanted.pair, wanted.want())
            whole, detected = [found.text for found in translated.translations], translated.detected
            details = _details(wanted.details, texts, translated)
            others = [[other.text for other in found.alternatives or ()] for found in translated.translations]
        else:
            data = [text.encode("utf-8", "surrogatepass") for text in texts]
            marked = await self._marked(request, who, data, wanted.text_format, wanted.pair)
            others = [[] for _ in data]
            whole, detected = (
                [found.decode("utf-8", "replace") for found in marked.documents],
                marked.detected,
            )
        answer: dict[str, Any] = {"translatedText": whole}
        if wanted.alternatives:
            answer["alternatives"] = others
        if detected is not None:
            answer["detectedLanguage"] = [_said(one) for one in detected]
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
        suffix = file_ending(fields.upload.name)
        if FILE_FORMATS[suffix] == TEXT:
            translated = await self._translated(request, who, [text_of(fields.upload.data)], pair)
            data = translated.translations[0].text.encode("utf-8")
        else:
            marked = await self._marked(request, who, [fields.upload.data], FILE_FORMATS[suffix], pair)
            [data] = marked.documents
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

    async def inside(self, request: Request) -> Response:
        """`POST /v1/inside`: what a model does with the first sentence of a text."""
        self.admission.check_room(self.translating.waiting)
        fields = await self._fields(request)
        who = self._who(request, fields)
        text = fields.text("q")
        pair = Pair(fields.text("source"), fields.text("target"))
        with self._admitted(request, who, len(text), pair):
            if pair.source == AUTO:
                pair = pair._replace(source=(await self.translating.detect(text))[0].language)
            source, target = map(self._directions.language, pair)
            model = self._directions.find(source, target)
            if model is None:
                raise RequestError(400, "The text is in the target language")
            return Json(await asyncio.to_thread(said_inside, model, text))

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
                "details": [*DETAILS, DOUBTS, MILLISECONDS],
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
        return Json(
            specification(self._directions.codes, sorted(TEXT_FORMATS), [*DETAILS, DOUBTS, MILLISECONDS])
        )

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

    async def _translated(
        self, request: Request, who: Key, texts: Sequence[str], pair: Pair, want: Want = TEXT_ALONE
    ) -> Translated:
        with self._admitted(request, who, sum(map(len, texts)), pair) as waiter:
            translated = await self.translating.translate(texts, pair, waiter, want)
        record_of(request).sentences = translated.sentences
        return translated

    async def _marked(
        self, request: Request, who: Key, documents: Sequence[bytes], name: str, pair: Pair
    ) -> Marked:
        """Documents of a format, one after the other."""
        detected: list[Detected] = []
        packed = is_packed(name)

        def charge(lines: Sequence[str]) -> None:
            if packed:
                characters = sum(map(len, lines))
                record_of(request).characters += characters
                self._charge(who, characters)

        with self._admitted(request, who, 0 if packed else sum(map(len, documents)), pair) as waiter:
            found = []
            for document in documents:
                of_document = _Marked(self.translating, pair, waiter, charge)
                found.append(await translated_document(document, name, of_document.translate))
                record_of(request).sentences += of_document.sentences
                detected += [] if of_document.detected is None else [of_document.detected]
        return Marked(found, detected if pair.source == AUTO else None)

    def _charge(self, who: Key, characters: int) -> None:
        self.admission.charge(who, characters)
        self.metrics.characters.inc(characters)

    @contextmanager
    def _admitted(self, request: Request, who: Key, characters: int, pair: Pair) -> Iterator[Waiter]:
        record = record_of(request)
        record.characters = characters
        self.translating.check(pair)
        with self.admission.admitted(self.translating.waiting):
            # Last of all checks: what is refused costs no characters.
            self._charge(who, characters)
            yield Waiter(lambda: _leaves(request), lambda: self.admission.deadline(record.started))


class _Marked:
    """The lines of a document with mark-up, all in the language of the first that were asked for.

    Args:
        translating: those lines.
        pair: of languages.
        waiter: for them.
        charge: is told the lines before they are translated.

    Attributes:
        detected: that language, where it is to be found out; None as long as nothing was translated.
        sentences: that were read.
    """

    def __init__(
        self,
        translating: Translating,
        pair: Pair,
        waiter: Waiter,
        charge: Callable[[Sequence[str]], None],
    ) -> None:
        self._translating, self._pair, self._waiter, self._charge = translating, pair, waiter, charge
        self.detected: Detected | None = None
        self.sentences = 0

    async def translate(self, lines: Sequence[str], alignment: bool) -> list[Translation]:
        self._charge(lines)
        pair = self._pair
        if pair.source == AUTO:
            self.detected = self.detected or (await self._translating.detect("\n".join(lines)))[0]
            pair = pair._replace(source=self.detected.language)
            if pair.source == pair.target:
                return [same(line) for line in lines]
        translated = await self._translating.translate(lines, pair, self._waiter, Want(alignment))
        self.sentences += translated.sentences
        return translated.translations


async def _leaves(request: Request) -> None:
    """Returns when the client of a request that was read leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _wanted(fields: Fields) -> Wanted:
    pair = Pair(fields.text("source"), fields.text("target"))
    text_format = fields.optional("format") or "text"
    check_format(text_format)
    details = fields.names("details")
    allowed = [*DETAILS, DOUBTS, MILLISECONDS]
    if unknown := [name for name in details if name not in allowed]:
        raise RequestError(400, f"{unknown[0][:40]} is no detail; there are {', '.join(allowed)}")
    if text_format != TEXT and (of_text := [name for name in details if name in (*DETAILS, DOUBTS)]):
        raise RequestError(400, f"{of_text[0]} is a detail of texts without mark-up")
    return Wanted(pair, text_format, fields.alternatives(), details)


def _details(names: Sequence[str], texts: Sequence[str], translated: Translated) -> dict[str, Any]:
    """What was asked for of each text of the request."""
    pairs = list(zip(texts, translated.translations, strict=True))
    found = {name: [DETAILS[name](*pair) for pair in pairs] for name in names if name in DETAILS}
    return {**found, DOUBTS: translated.doubts} if DOUBTS in names else found


def _spans(text: str) -> list[list[Any]]:
    """Numbers, addresses and mark-up of a text: where each begins and ends, in code points, and its kind."""
    return [[span.start, span.end, span.kind.value] for span in find_spans(text)]


def _only(lists: dict[str, Any]) -> dict[str, Any]:
    """The values of the only text of a request, which was no list."""
    return {name: values[0] for name, values in lists.items()}


def _said(detected: Detected) -> dict[str, Any]:
    return {"confidence": detected.confidence, "language": detected.language}


def _bearer(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
