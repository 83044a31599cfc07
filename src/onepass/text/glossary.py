"""A glossary: terms of the source and what they must become.

A term is matched as whole words, whatever their capitals and the white space between them; of two that
overlap the longer one counts. It keeps the casing of the source: capitals, or a capital at the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from onepass.errors import DataError
from onepass.text.lines import numbered_lines
from onepass.text.spans import Span, SpanKind, with_longer

_SPACE = re.compile(r"\s+")


class Glossary:
    """Terms and their translations.

    Args:
        terms: translations by term; an empty one: the term stays as it is.
        name: what to call the glossary in an error.

    Raises:
        DataError: a term is empty, or has a line end.
    """

    def __init__(self, terms: Mapping[str, str], name: object = "glossary") -> None:
        for term, translation in terms.items():
            if not term.strip() or "\n" in term + translation:
                raise DataError("A term is no text of one line", where=name, value=term)
        self._terms = {_key(term): (term.strip(), to.strip()) for term, to in terms.items()}
        longest_first = sorted(self._terms, key=len, reverse=True)
        either = "|".join(r"\s+".join(map(re.escape, term.split(" "))) for term in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE) if either else None

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """Reads a file of a term per line: the source, a tab, the target.

        Without a tab the term stays as it is. Empty lines and those that begin with `#` are skipped.

        Raises:
            DataError: the file cannot be read, a line has several tabs, or a term has two translations.
        """
        terms: dict[str, str] = {}
        for line in numbered_lines(path):
            if not line.text.strip() or line.text.startswith("#"):
                continue
            term, *rest = line.text.split("\t")
            if len(rest) > 1 or not term.strip():
                raise DataError(
                    "A line of a glossary is a term, a tab and its translation",
                    where=f"{path}, line {line.number}",
                    value=line.text,
                )
            if terms.setdefault(term, rest[0] if rest else "") != (rest[0] if rest else ""):
                raise DataError(
                    "A term has two translations", where=f"{path}, line {line.number}", value=term
                )
        return cls(terms, path)

    def translation(self, text: str) -> str | None:
        """What a term becomes, in the casing that it has here; None: it is no term."""
        found = self._terms.get(_key(text))
        if found is None:
            return None
        term, translation = found
        if not translation:
            return text
        if text.isupper() and not term.isupper() and len(text) > 1:
            return translation.upper()
        if text[:1].isupper() and not term[:1].isupper():
            return translation[:1].upper() + translation[1:]
        return translation

    def with_terms(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """The spans of a text and its terms, in order, disjoint; a term within a span does not count."""
        if self._pattern is None:
            return list(spans)
        found = self._pattern.finditer(text)
        return with_longer(spans, [Span(*match.span(), match[0], SpanKind.ADDRESS) for match in found])


def _key(term: str) -> str:
    return _SPACE.sub(" ", term.strip()).casefold()
