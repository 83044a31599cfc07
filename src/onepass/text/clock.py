"""Clock times in words: half past three, três e meia.

Teachers of sentences read such times word by word, and few of them rightly. So they are spans, which a
sentence carries as it carries figures, and stand in its translation as the other language says them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from onepass.text.spans import Span, SpanKind, with_longer

HOURS = {
    "en": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "pt": ("uma", "duas", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez", "onze", "doze"),
}
MINUTES = {
    "en": {5: "five", 10: "ten", 15: "quarter", 20: "twenty", 25: "twenty-five"},
    "pt": {
        5: "cinco",
        10: "dez",
        15: "quinze",
        20: "vinte",
        25: "vinte e cinco",
        30: "meia",
        35: "trinta e cinco",
        40: "quarenta",
        45: "quarenta e cinco",
        50: "cinquenta",
        55: "cinquenta e cinco",
    },
}
_AT = {
    "en": r"(?:at|by|until|till|before|since|it['’]s|it\s+is|it\s+was)\s+",
    "pt": r"(?:às|as|à|das|da|pelas|pela)\s+",
}
"""Before times that may be something else: from five to ten; the score was two to one; três e dez."""
_IS = r"(?:são|é|eram|era)\s+"
_ENDS = (
    r"(?=\s*(?:[.,;!?)\"”]|\Z)"
    r"|\s+(?:when|and|but|in|on|this|today|tomorrow|yesterday|sharp|because|so|I|we|you|he|she|they|the|a)(?!\w))"
)
"""Behind those of English: it is five to ten times as large."""
_NOT_BEHIND = (
    r"(?!\s+(?:d[úu]zias?|mil|milh[õã]\w*|por\s+cento|euros?|reais|d[óo]lares|quilos?|metros?|vezes)(?!\w)"
    r"|\s*%|\s+e\s+(?:um|dois|três|quatro|seis|sete|oito|nove)(?!\w))"
)
"""Of Portuguese: três e meia dúzias, dez e vinte e seis."""
_SPACE = re.compile(r"\s+")


class ClockTime(NamedTuple):
    """On a dial of twelve hours."""

    hour: int
    minute: int

    def __str__(self) -> str:
        return f"{self.hour}:{self.minute:02}"


def ways(time: ClockTime, language: str) -> list[str]:
    """How a time is said; the first is understood everywhere. Of a minute that is a multiple of 5, not 0."""
    hours, minutes = HOURS[language], MINUTES[language]
    here, coming, left = hours[time.hour - 1], hours[time.hour % 12], 60 - time.minute
    if language == "pt":
        usual = f"{here} e {minutes[time.minute]}"
        article = "a" if coming == hours[0] else "as"
        return [usual, f"{minutes[left]} para {article} {coming}"] if left in (5, 10, 15, 20) else [usual]
    if time.minute == 30:
        return [f"half past {here}"]
    said = f"{minutes[time.minute]} past {here}" if time.minute < 30 else f"{minutes[left]} to {coming}"
    return [said, f"a {said}"] if said.startswith("quarter") else [said]


class ClockTerms(NamedTuple):
    """The times of a language, and what another one says.

    Attributes:
        terms: what each becomes, in small letters with single spaces.
        pattern: finds them in a text, each in one of its groups.
    """

    terms: dict[str, str]
    pattern: re.Pattern[str]

    def translation(self, text: str) -> str | None:
        """What a time becomes, with the capitals that it has here; None: it is no time."""
        found = self.terms.get(_SPACE.sub(" ", text).lower())
        if found is None or not text[:1].isupper():
            return found
        return found.upper() if text.isupper() else found[0].upper() + found[1:]

    def with_times(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """The spans of a text and its times, in order; a time takes the place of the figures in it."""
        places = (match.span(match.lastgroup or 0) for match in self.pattern.finditer(text))
        times = [Span(start, end, text[start:end], SpanKind.NUMBER) for start, end in places]
        return with_longer(spans, [time for time in times if self.translation(time.text) is not None])


@cache
def clock_terms(src: str, tgt: str) -> ClockTerms | None:
    """The times of two languages, codes such as `en` and `pt-BR`; None where one has no words here."""
    ours, theirs = (code.lower().replace("_", "-").split("-")[0] for code in (src, tgt))
    if ours == theirs or not {ours, theirs} <= HOURS.keys():
        return None
    terms = dict[str, str]()
    for time in (ClockTime(hour, minute) for hour in range(1, 13) for minute in range(5, 60, 5)):
        terms |= {said: ways(time, theirs)[0] for said in _said(time, ours)}
    for hour in range(1, 13):  # half past 3
        half = ClockTime(hour, 30)
        said, to = (ways(half, code)[0].replace(HOURS[code][hour - 1], str(hour)) for code in (ours, theirs))
        terms[said] = to
    an_hour, minutes = _any_of(HOURS[ours]), _any_of(MINUTES[ours].values())
    either_hour = rf"(?:{an_hour}|1[0-2]|[1-9])"
    end = r"(?!\w|[-–:.,]\w)"
    if ours == "en":
        sure = (
            rf"half\s+past\s+{either_hour}|(?:a\s+)?quarter\s+(?:past|to)\s+{an_hour}"
            rf"|{minutes}\s+(?:minutes\s+)?past\s+{an_hour}|{minutes}\s+minutes\s+to\s+{an_hour}"
        )
        either = rf"(?P<sure>{sure}){end}|{_AT['en']}(?P<unsure>{minutes}\s+to\s+{an_hour}){end}{_ENDS}"
    else:
        sure = rf"{either_hour}\s+e\s+meia|{minutes}\s+para\s+as?\s+{an_hour}"
        either = (
            rf"{_AT['pt']}(?P<at>{sure}|{an_hour}\s+e\s+{minutes}){end}{_NOT_BEHIND}"
            rf"|{_IS}(?P<is>{sure}){end}{_NOT_BEHIND}"
        )
    return ClockTerms(terms, re.compile(rf"(?<!\w)(?:{either})", re.IGNORECASE))


def _said(time: ClockTime, language: str) -> Iterator[str]:
    for said in ways(time, language):
        yield said
        minute, between, hour = said.rsplit(" ", 2) if language == "en" else ("", "", "")
        if minute in MINUTES["en"].values() and "quarter" not in minute:
            yield f"{minute} minutes {between} {hour}"


def _any_of(words: Iterable[str]) -> str:
    return rf"(?:{'|'.join(sorted(words, key=len, reverse=True))})".replace(" ", r"\s+")
