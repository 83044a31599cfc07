"""Python's regular expressions for JavaScript, so that a page finds the same spans and sentences.

Python parses an expression, and the tree is written anew for the flag `v`: what is in a class by its code,
what is possessive as a look ahead and a reference to it, which never go back either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # the only door to the tree
_WORD = r"\p{L}\p{N}_"
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\p{Nd}",
    "CATEGORY_NOT_DIGIT": r"[^\p{Nd}]",
    "CATEGORY_SPACE": r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": f"[^{_WORD}]",
}
_CATEGORIES["CATEGORY_NOT_SPACE"] = f"[^{_CATEGORIES['CATEGORY_SPACE']}]"
_PLACES = {
    "AT_BEGINNING_STRING": r"(?<![\s\S])",
    "AT_END_STRING": r"(?![\s\S])",
    "AT_END": r"(?=\n?(?![\s\S]))",
}


def javascript(expression: str, flags: int = 0) -> str:
    """The same expression for JavaScript's flag `v`.

    Args:
        expression: of Python's `re`; of its flags MULTILINE alone is known.
        flags: of Python's `re`.

    Raises:
        ValueError: it has something that is not known here.
    """
    return _Writer().sequence(_parser.parse(expression, flags), bool(flags & re.MULTILINE))


class _Writer:
    """Writes trees; possessive parts are numbered."""

    def __init__(self) -> None:
        self._atoms = 0
        self._names: dict[int, str] = {}

    def sequence(self, tree: Any, multiline: bool) -> str:
        if hasattr(tree, "state"):
            self._names |= {number: name for name, number in tree.state.groupdict.items()}
        return "".join(self._node(str(op), value, multiline) for op, value in tree)

    def _node(self, op: str, value: Any, multiline: bool) -> str:
        def inner(tree: Any) -> str:
            return self.sequence(tree, multiline)

        simple: dict[str, Callable[[], str]] = {
            "LITERAL": lambda: _code(value),
            "NOT_LITERAL": lambda: f"[^{_code(value)}]",
            "ANY": lambda: r"[^\n]",
            "IN": lambda: _class(value),
            "BRANCH": lambda: "(?:" + "|".join(map(inner, value[1])) + ")",
            "ASSERT": lambda: f"(?{'<=' if value[0] < 0 else '='}{inner(value[1])})",
            "ASSERT_NOT": lambda: f"(?{'<!' if value[0] < 0 else '!'}{inner(value[1])})",
            "ATOMIC_GROUP": lambda: self._atomic(inner(value)),
            "MAX_REPEAT": lambda: _repeated(value, inner),
            "MIN_REPEAT": lambda: _repeated(value, inner) + "?",
            "POSSESSIVE_REPEAT": lambda: self._atomic(_repeated(value, inner)),
            "AT": lambda: _place(str(value), multiline),
        }
        if op == "SUBPATTERN":
            group, added, _, tree = value
            text = self.sequence(tree, multiline or bool(added & re.MULTILINE))
            name = self._names.get(group)
            return f"(?<{name}>{text})" if name else f"(?:{text})" if group is None else f"({text})"
        if op not in simple:
            raise ValueError(f"JavaScript has no {op}, or this module does not know it")
        return simple[op]()

    def _atomic(self, text: str) -> str:
        self._atoms += 1
        name = f"_{self._atoms}"
        return rf"(?:(?=(?<{name}>{text}))\k<{name}>)"


def _repeated(value: Any, inner: Callable[[Any], str]) -> str:
    least, most, tree = value
    end = "" if str(most) == "MAXREPEAT" else most
    return f"(?:{inner(tree)}){{{least},{end}}}"


def _place(name: str, multiline: bool) -> str:
    if name == "AT_BEGINNING":
        return r"(?<![^\n])" if multiline else _PLACES["AT_BEGINNING_STRING"]
    if name == "AT_END" and multiline:
        return r"(?![^\n])"
    return _PLACES[name]


def _class(members: Iterable[Any]) -> str:
    return "[" + "".join(_member(str(op), value) for op, value in members) + "]"


def _member(op: str, value: Any) -> str:
    if op == "NEGATE":
        return "^"
    if op == "LITERAL":
        return _code(value)
    if op == "RANGE":
        return f"{_code(value[0])}-{_code(value[1])}"
    if op == "CATEGORY":
        return _CATEGORIES[str(value)]
    raise ValueError(f"JavaScript has no {op} in a class, or this module does not know it")


def _code(number: int) -> str:
    character = chr(number)
    return character if character.isascii() and character.isalnum() else f"\\u{{{number:x}}}"
