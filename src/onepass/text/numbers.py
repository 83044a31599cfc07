"""Numbers as languages write them: their exact values, and the same value with another language's separators.

What a separator means is read off the number where that is certain (1,234.5 or 0.25), and else off the
language: 1,234 is one thousand in English and one and a bit in German. Dates, times, versions and addresses
of machines keep their marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import cache

from onepass.text.pair import Pair
from onepass.text.patterns import DOTTED_DATE, FRACTIONS, NUMERAL, TIMESTAMP, VERSION


@dataclass(frozen=True)
class Separators:
    """What a language writes between the digits of a number."""

    decimal: str
    group: str


_POINT = Separators(".", ",")
_COMMA = Separators(",", ".")
_SPACE = Separators(",", "\u202f")
_APOSTROPHE = Separators(".", "’")
_LANGUAGES = (
    (_COMMA, "bs ca da de el es eu gl hr id is it mk nl pt ro sl sq sr tr vi"),
    (_SPACE, "be bg cs et fi fr hu hy ka kk lt lv nb nn no pl ru sk sv uk pt-pt de-at"),
    (_APOSTROPHE, "de-ch it-ch de-li"),
    (_POINT, "es-mx es-us es-pr es-gt es-do"),
)
_SEPARATORS = {code: marks for marks, codes in _LANGUAGES for code in codes.split()}
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Python's own context would round after 28 digits."""
_SPACES = " \u00a0\u202f\u2009"
_GROUPS_ONLY = "'’" + _SPACES
_MARKS = re.compile(f"[.,'’{_SPACES}]")
_EXPONENT = re.compile(r"[eE]([-+]?\d{1,4})(?!\d)")
_SIGN = re.compile(r"(?<![\w)\]}%])[-−](?:(?:[A-Z]{0,3}\$|[€£¥₹])\s?)?\Z|[€£¥$]-\Z")
_DIGIT = re.compile(r"\d")
_AFTERNOON = re.compile(r"\bp\.? ?m\b", re.IGNORECASE)
_ROMAN = re.compile(r"\b[IVXLC]+\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_CLOCK_OR_DATE = re.compile(
    r"\d[:/]\d|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{4}|\dh\d|\d\s?(?:[ap]\.?m\.?|[AP]\.?M\.?)(?!\w)"
)


@cache
def _numeral() -> re.Pattern[str]:
    return re.compile(rf"(?<!\d)(?:(?<![\d.,])[.,]\d++(?![.,]\d)|{NUMERAL})")


@cache
def _literal() -> re.Pattern[str]:
    """What is made of numbers, but is none."""
    return re.compile(f"{TIMESTAMP}|{DOTTED_DATE}|{VERSION}")


def separators(language: str) -> Separators:
    """Those of a language code, such as `pt` or `de-CH`; of an unknown language, those of English."""
    code = language.lower().replace("_", "-")
    return _SEPARATORS.get(code) or _SEPARATORS.get(code.split("-")[0], _POINT)


def number_values(text: str, language: str) -> list[Decimal]:
    """The values of the numbers in a text, in its order, exact whatever separators it has.

    Parts of dates, times, versions and ranges count one by one: 10:30 is ten and thirty.
    """
    places = separators(language)
    values: list[Decimal] = []
    at = 0
    for literal in _literal().finditer(text):
        values += _values(text, at, literal.start(), places)
        values += [Decimal(_ascii(part)) for part in re.findall(r"\d+", literal[0])]
        at = literal.end()
    return values + _values(text, at, len(text), places)


def localised(number: str, src: str, tgt: str) -> str:
    """A number of one language with the separators of another; its value stays.

    Args:
        number: a number with whatever belongs to it, such as `$1,234.50` or `5.5%`. Dates, times, versions
            and addresses come back as they are, and so does what has no separators, such as years.
        src, tgt: codes of the languages.
    """
    if _literal().search(number) or _CLOCK_OR_DATE.search(number):
        return number
    reads, writes = separators(src), separators(tgt)
    if reads == writes:
        return number
    written = _numeral().sub(lambda numeral: _written(numeral[0], reads, writes), number)
    return written if number_values(written, tgt) == number_values(number, src) else number


def _values(text: str, start: int, end: int, places: Separators) -> list[Decimal]:
    values = []
    place = start
    while numeral := _numeral().search(text, place, end):
        written, place = numeral[0], numeral.end()
        if " " in written and places.group not in _SPACES:  # two numbers side by side
            place = numeral.start() + written.index(" ")
            written = written[: written.index(" ")]
        value = _value(written, places)
        if exponent := _EXPONENT.match(text, place, end):
            value, place = value.scaleb(int(exponent[1]), _EXACT), exponent.end()
        negative = _SIGN.search(text, max(0, numeral.start() - 6), numeral.start())
        values.append(value.copy_negate() if negative else value)
    return values


def _value(numeral: str, places: Separators) -> Decimal:
    last = numeral[-1]
    if re.match(f"[{FRACTIONS}]", last):
        return Decimal(_ascii(numeral[:-1]) or "0") + Decimal(str(unicodedata.numeric(last)))
    at = _decimal_place(numeral, places)
    if at is None:
        return Decimal(_ascii(_MARKS.sub("", numeral)))
    whole, rest = _MARKS.sub("", numeral[:at]), numeral[at + 1 :]
    return Decimal(f"{_ascii(whole) or '0'}.{_ascii(rest)}")


def _decimal_place(numeral: str, places: Separators) -> int | None:
    """Where the decimal mark is; None: the number is whole."""
    marks = [mark.start() for mark in _MARKS.finditer(numeral)]
    if not marks or numeral[marks[-1]] in _GROUPS_ONLY:
        return None
    last = marks[-1]
    if len(marks) > 1:
        return None if numeral[marks[0]] == numeral[last] else last
    before, behind = numeral[:last], numeral[last + 1 :]
    if len(behind) != 3 or not 1 <= len(before) <= 3 or _ascii(before).startswith("0"):
        return last
    return last if numeral[last] == places.decimal else None


def _written(numeral: str, reads: Separators, writes: Separators) -> str:
    """The same digits between other marks; groups are of three where there were any."""
    if " " in numeral and reads.group not in _SPACES:
        return numeral
    at = _decimal_place(numeral, reads)
    whole = numeral if at is None else numeral[:at]
    if _MARKS.search(whole):
        digits = _MARKS.sub("", whole)
        first = len(digits) % 3 or 3
        whole = writes.group.join(
            [digits[:first], *(digits[i : i + 3] for i in range(first, len(digits), 3))]
        )
    return whole if at is None else f"{whole or '0'}{writes.decimal}{numeral[at + 1 :]}"


def _ascii(digits: str) -> str:
    return "".join(str(unicodedata.decimal(digit)) for digit in digits)


def same_numbers(pair: Pair, src: str, tgt: str) -> bool:
    """Whether both sides have the same numbers, by value.

    Nothing is wrong with a Roman numeral for another one (the 19th century, século XIX), with a clock of 24
    hours for one of 12, or with a word for thousands (400,000 troops, 400 mil tropas).
    """
    if not _DIGIT.search(pair.src) and not _DIGIT.search(pair.tgt):
        return True
    ours, theirs = (
        Counter(number_values(text, language)) for text, language in zip(pair, (src, tgt), strict=True)
    )
    missing, extra = ours - theirs, theirs - ours
    missing -= _roman_values(pair.tgt)
    extra -= _roman_values(pair.src)
    for value in list(missing.elements()):
        others = [value / 1000, value / 10**6, value / 10**9]
        others += [value + 12] if _AFTERNOON.search(pair.src) and value < 12 else []
        other = next((other for other in others if extra[other]), None)
        if other is not None:
            missing[value] -= 1
            extra[other] -= 1
    return not +missing and not +extra


def _roman_values(text: str) -> Counter[Decimal]:
    values = []
    for match in _ROMAN.finditer(text):
        digits = [_ROMAN_DIGITS[digit] for digit in match[0]]
        later = [*digits[1:], 0]
        values.append(Decimal(sum(-d if d < after else d for d, after in zip(digits, later, strict=True))))
    return Counter(values)
