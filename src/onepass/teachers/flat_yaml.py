"""The YAML that Marian writes: one mapping of names to text or to lists of text.

PyYAML finds the words (its C parser reads a vocabulary of 60,000 lines in a second); its events are taken one
by one, since its loaders call themselves for every level, and deep nesting ends the process. All values stay
text, as Marian's own reader has it: `no` is a subword and not False.
"""

from __future__ import annotations

from typing import Any

import yaml

from onepass.errors import ModelError

Value = str | list[str]
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_flat_yaml(text: bytes, where: object) -> dict[str, Value]:
    """Names and values of a YAML text.

    Raises:
        ModelError: it is not YAML, or not such a mapping.
    """
    try:
        return _mapping(yaml.parse(text.decode("utf-8"), Loader=_LOADER))
    except (yaml.YAMLError, UnicodeDecodeError, _NotFlatError) as error:
        raise ModelError(
            f"The settings cannot be read: {' '.join(str(error).split())}",
            where=where,
            allowed="lines `name: value` and lists of values",
            fix="get the file again",
        ) from None


class _NotFlatError(Exception):
    """The text holds something else."""


def _mapping(events: Any) -> dict[str, Value]:
    for expected in (yaml.StreamStartEvent, yaml.DocumentStartEvent, yaml.MappingStartEvent):
        _expect(next(events), expected)
    found: dict[str, Value] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name = _text(event)
        if name in found:
            raise _NotFlatError(f"{name[:40]!r} stands there twice")
        value = next(events)
        found[name] = _list(events) if isinstance(value, yaml.SequenceStartEvent) else _text(value)
    for expected in (yaml.DocumentEndEvent, yaml.StreamEndEvent):
        _expect(next(events), expected)
    return found


def _list(events: Any) -> list[str]:
    values = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        values.append(_text(event))
    return values


def _text(event: Any) -> str:
    _expect(event, yaml.ScalarEvent)
    return str(event.value)


def _expect(event: Any, kind: Any) -> None:
    if not isinstance(event, kind):
        line = event.start_mark.line + 1
        raise _NotFlatError(f"line {line} is not what belongs there")
