"""Translation memories in TMX, read one unit at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from onepass.errors import DataError
from onepass.text.lines import compressed, one_line
from onepass.text.pair import Pair

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = ("bpt", "ept", "it", "ph", "ut")
"""Elements that hold mark-up of the document, not text."""


def read_tmx(path: Path, *, src: str, tgt: str) -> Iterator[Pair]:
    """Streams the pairs of a translation memory; a unit without one of the languages is left out.

    `pt` finds `pt-BR`, too. Of several texts in a language the first is taken.

    Raises:
        DataError: the file is no XML, or no unit has both languages.
    """
    found, languages = 0, set[str]()
    try:
        with compressed(path) as file:
            for _, unit in ElementTree.iterparse(file):
                if _name(unit) != "tu":
                    continue
                texts = _texts(unit)
                languages.update(texts)
                sides = [_of_language(texts, language) for language in (src, tgt)]
                if sides[0] is not None and sides[1] is not None:
                    found += 1
                    yield Pair(sides[0], sides[1])
                unit.clear()
    except ElementTree.ParseError as error:
        raise DataError(
            f"The translation memory is damaged: {error}", where=path, fix="copy or download the file again"
        ) from None
    if not found:
        raise DataError(
            "The translation memory has no unit with both languages",
            where=path,
            value=f"{src}, {tgt}",
            allowed=", ".join(sorted(languages)) or "none",
        )


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _texts(unit: ElementTree.Element) -> dict[str, str]:
    texts: dict[str, str] = {}
    for variant in unit:
        language = variant.get(_LANGUAGE) or variant.get("lang") or ""
        for segment in variant:
            if _name(segment) == "seg":
                texts.setdefault(language.lower().replace("_", "-"), one_line("".join(_spoken(segment))))
    return texts


def _spoken(element: ElementTree.Element) -> Iterator[str]:
    """The text of a segment without the mark-up of the document."""
    yield element.text or ""
    for child in element:
        if _name(child) not in _CODES:
            yield from _spoken(child)
        yield child.tail or ""


def _of_language(texts: dict[str, str], language: str) -> str | None:
    code = language.lower().replace("_", "-")
    if code in texts:
        return texts[code]
    return next((text for of, text in texts.items() if of.split("-")[0] == code), None)
