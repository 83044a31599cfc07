"""The OpenAPI document of the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onepass.version import __version__

_TEXT = {"type": "string"}
_TEXTS = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_ERRORS = {
    "400": "The request cannot be understood.",
    "403": "The key is missing or wrong.",
    "413": "The request is too large.",
    "429": "Too many characters in a minute.",
    "503": "The service is busy or stopping.",
}
_DETECTED = {
    "type": "object",
    "properties": {"language": _TEXT, "confidence": {"type": "number", "minimum": 0, "maximum": 100}},
}


def specification(
    codes: Sequence[str], text_formats: Sequence[str], details: Sequence[str]
) -> dict[str, Any]:
    """The document.

    Args:
        codes: of the served languages.
        text_formats: of the parameter `format`.
        details: that an answer can have.
    """
    language = {"type": "string", "enum": list(codes)}
    asked = {
        "q": {**_TEXTS, "description": "What to translate."},
        "source": {"type": "string", "enum": ["auto", *codes], "description": "Its language."},
        "target": {**language, "description": "The language to translate into."},
        "format": {"type": "string", "enum": list(text_formats), "default": "text"},
        "alternatives": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0},
        "details": {"type": "array", "items": {"type": "string", "enum": list(details)}},
        "api_key": _TEXT,
    }
    answered = {
        "translatedText": {**_TEXTS, "description": "A text for a text, a list for a list."},
        "alternatives": {"type": "array", "items": {}},
        "detectedLanguage": {"oneOf": [_DETECTED, {"type": "array", "items": _DETECTED}]},
        "details": {"type": "object"},
    }
    shown = {
        "source": {"type": "array", "items": _TEXT},
        "slots": {"type": "array", "items": {"type": "array", "items": {}}},
        "complete": {"type": "boolean"},
        "fertilities": {"type": "array", "items": {"type": "integer"}, "nullable": True},
        "student": {"type": "object", "nullable": True},
        "teacher": {"type": "object", "nullable": True},
    }
    of_file = {"file": {"type": "string", "format": "binary"}, "source": _TEXT, "target": _TEXT}
    languages = _list_of({"code": _TEXT, "name": _TEXT, "targets": {"type": "array", "items": _TEXT}})
    model = {"name": _TEXT, "source": _TEXT, "target": _TEXT, "fingerprint": _TEXT}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Onepass", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": {
            "/translate": _post("Translates texts.", asked, ["q", "source", "target"], _object(answered)),
            "/translate_file": _post(
                "Translates a file.",
                {**of_file, "api_key": _TEXT},
                ["file", "source", "target"],
                _object({"translatedFileUrl": _TEXT}),
                kinds=["multipart/form-data"],
            ),
            "/detect": _post(
                "Says which language a text is in.",
                {"q": _TEXTS, "api_key": _TEXT},
                ["q"],
                {"type": "array", "items": _DETECTED},
            ),
            "/languages": _get("Languages and their targets.", languages),
            "/frontend/settings": _get("What a page needs to know of the service.", {"type": "object"}),
            "/health": _get("Whether all workers answer.", _object({"status": _TEXT})),
            "/v1/inside": _post(
                "Says what a model does with the first sentence of a text.",
                {name: asked[name] for name in ("q", "source", "target", "api_key")},
                ["q", "source", "target"],
                _object(shown),
            ),
            "/v1/models": _get("The models that are served.", _list_of(model)),
        },
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(properties)}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": _answer(summary, schema)}}}


def _post(
    summary: str,
    properties: dict[str, Any],
    required: list[str],
    schema: dict[str, Any],
    *,
    kinds: Sequence[str] = ("application/json", "application/x-www-form-urlencoded"),
) -> dict[str, Any]:
    asked = {**_object(properties), "required": required}
    error = _object({"error": _TEXT})
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {kind: {"schema": asked} for kind in kinds}},
            "responses": {
                "200": _answer(summary, schema),
                **{status: _answer(said, error) for status, said in _ERRORS.items()},
            },
        }
    }
