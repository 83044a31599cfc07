"""Probes: generated sentences with something in them that a translation must keep, counted right or wrong.

They see what BLEU does not: one lost digit, one name, one missing "not". The sentences are in
`tables/probes.LANG.txt`; what is filled into them is drawn here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from onepass.errors import UsageError
from onepass.text.numbers import localised, number_values, same_numbers
from onepass.text.pair import Pair
from onepass.text.tables import packaged, read_lists, read_sections

PACKAGE = "onepass.evaluation"
NEGATIVE, CAPITALS = "negative words", "capital words"
"""Sections that are no sentences."""
SENTENCES_A_LINE = 4
_QUOTES = re.compile('["“”„«»‟″]')
_ADDRESSES = (
    "https://example.org/a/{}.html?x=1",
    "www.example.com/page-{}",
    "support{}@example.org",
    "https://example.com/~anna/notes_{}",
)
_PLACEHOLDERS = ("{{name{}}}", "%s", "%(n{})d", "${{total{}}}", "%{}$s", "<item{}/>")
_EMOJI = ("😀", "🎉", "❤️", "👍🏽", "🇧🇷", "👩‍🚀", "☕", "🐕")


class Case(NamedTuple):
    """A source line and what its translation must keep.

    Attributes:
        kind: of the probe.
        src: one line.
        kept: what must be in the translation as it is; of several sentences, the sentences.
    """

    kind: str
    src: str
    kept: tuple[str, ...] = ()


class Languages(NamedTuple):
    """Codes of the languages of a translator."""

    src: str
    tgt: str


class Score(NamedTuple):
    """How many cases of a kind are right, and the first wrong ones with their translations."""

    right: int
    of: int
    wrong: tuple[Pair, ...]


Translate = Callable[[Sequence[str]], Sequence[str]]
"""Lines to their translations."""


def make_cases(languages: Languages, count: int, seed: int) -> list[Case]:
    """Cases of every kind.

    Args:
        languages: both must have a table.
        count: of each kind that is filled in; others have as many as their table has sentences.
        seed: of what is drawn.

    Raises:
        UsageError: there is no table for a language.
    """
    sentences, names = _sentences(languages.src), _names()
    random = Random(seed)
    cases: list[Case] = []
    for kind, fill in _fillings(languages.src, sentences, names).items():
        templates = sentences["number" if kind in ("doubled", "thousands") else kind]
        for i in range(count):
            value = fill(random)
            cases.append(Case(kind, templates[i % len(templates)].format(value), (value,)))
    for kind in ("negation", "quotes", "short"):
        cases += [Case(kind, sentence) for sentence in sentences[kind]]
    for _ in range(count):
        chosen = random.sample(sentences["sentence"], SENTENCES_A_LINE)
        cases.append(Case("sentences a line", " ".join(chosen), tuple(chosen)))
    for _ in range(count):
        drawn = random.sample(names, SENTENCES_A_LINE)
        template = random.choice(sentences["name"])
        cases.append(Case("order", " ".join(template.format(name) for name in drawn), tuple(drawn)))
    return cases


def _sentences(language: str) -> Mapping[str, Sequence[str]]:
    path = packaged(PACKAGE, f"probes.{_table(language)}")
    if not path.is_file():
        allowed = sorted(other.suffixes[0][1:] for other in path.parent.glob("probes.*.txt"))
        raise UsageError(
            "There are no probes in this language",
            where=path.name,
            value=language,
            allowed=", ".join(allowed),
            fix="write a table like those of the other languages",
        )
    return read_sections(path, lambda row: row.cells[0], columns=1)


def _table(language: str) -> str:
    return re.split("[-_]", language.lower())[0]


def _names() -> list[str]:
    sections = read_lists(packaged("onepass.corpora", "names"), str)
    return [name for section in ("women", "men") for name in sections[section]]


def _fillings(
    language: str, sentences: Mapping[str, Sequence[str]], names: Sequence[str]
) -> Mapping[str, Callable[[Random], str]]:
    """What is drawn for each kind that is filled in; numbers as the language writes them."""

    def written(number: str) -> str:
        return localised(number, "en", language)

    def doubled(random: Random) -> str:
        digit = str(random.randint(1, 9))
        other = str(random.randint(1, 9))
        return random.choice((2 * digit, 2 * digit + other, other + 2 * digit, other + "00", other + "000"))

    return {
        "number": lambda random: str(random.choice((random.randint(2, 98), random.randint(102, 980)))),
        "doubled": doubled,
        "thousands": lambda random: written(f"{random.randint(1100, 98765):,}"),
        "decimal": lambda random: written(f"{random.randint(11, 999) / 10:.1f}"),
        "currency": lambda random: written(
            random.choice(("$", "€")) + f"{random.randint(1100, 999999) / 100:,.2f}"
        ),
        "date": lambda random: (
            f"{random.randint(1980, 2030)}-{random.randint(1, 12):02}-{random.randint(10, 28)}"
        ),
        "time": lambda random: f"{random.randint(13, 23)}:{random.randint(10, 59)}",
        "name": lambda random: random.choice(names),
        "address": lambda random: random.choice(_ADDRESSES).format(random.randint(2, 99)),
        "placeholder": lambda random: random.choice(_PLACEHOLDERS).format(random.randint(1, 9)),
        "emoji": lambda random: random.choice(_EMOJI),
        "capitals": lambda random: random.choice(sentences[CAPITALS]),
    }


def score(
    translate: Translate, cases: Sequence[Case], languages: Languages, *, shown: int = 3
) -> dict[str, Score]:
    """How many cases a translator gets right, by kind in the order of the cases.

    Args:
        translate: the translator.
        cases: of `make_cases`.
        languages: of the translator.
        shown: wrong ones that are kept of each kind.
    """
    hyps = translate([case.src for case in cases])
    of_sentences = sorted({part for case in cases if case.kind == "sentences a line" for part in case.kept})
    alone = dict(zip(of_sentences, translate(of_sentences), strict=True)) if of_sentences else {}
    is_right = _checks(languages, alone)
    found: dict[str, list[tuple[bool, Pair]]] = {}
    for case, hyp in zip(cases, hyps, strict=True):
        found.setdefault(case.kind, []).append((is_right[case.kind](case, hyp), Pair(case.src, hyp)))
    return {
        kind: Score(
            sum(right for right, _ in results),
            len(results),
            tuple(pair for right, pair in results if not right)[:shown],
        )
        for kind, results in found.items()
    }


Check = Callable[[Case, str], bool]


def _checks(languages: Languages, alone: Mapping[str, str]) -> Mapping[str, Check]:
    """Whether a translation of a case is right, by kind; `alone`: translations of single sentences."""
    negative = {word for line in _sentences(languages.tgt)[NEGATIVE] for word in line.split(", ")}

    def has_numbers(case: Case, hyp: str) -> bool:
        return same_numbers(Pair(case.src, hyp), *languages)

    def has_amount(case: Case, hyp: str) -> bool:
        wanted: list[Decimal] = number_values(case.src, languages.src)
        return number_values(hyp, languages.tgt) == wanted and _currency(case.src) == _currency(hyp)

    def is_negative(case: Case, hyp: str) -> bool:
        return "n't" in hyp.replace("’", "'") or not negative.isdisjoint(re.findall(r"\w+", hyp.lower()))

    def is_apart(case: Case, hyp: str) -> bool:
        return hyp.split() == " ".join(alone[part] for part in case.kept).split()

    numbers = dict.fromkeys(("number", "doubled", "thousands", "decimal", "date", "time"), has_numbers)
    kept = dict.fromkeys(("address", "placeholder", "emoji"), _is_kept)
    return {
        **numbers,
        **kept,
        "currency": has_amount,
        "name": _is_named,
        "negation": is_negative,
        "capitals": lambda case, hyp: _capitals(hyp) == 1,
        "quotes": lambda case, hyp: len(_QUOTES.findall(hyp)) == len(_QUOTES.findall(case.src)),
        "short": _is_short,
        "sentences a line": is_apart,
        "order": _is_in_order,
    }


def _is_kept(case: Case, hyp: str) -> bool:
    return all(hyp.count(part) == case.src.count(part) for part in case.kept)


def _is_named(case: Case, hyp: str) -> bool:
    return all(len(re.findall(rf"\b{re.escape(name)}\b", hyp)) == 1 for name in case.kept)


def _is_in_order(case: Case, hyp: str) -> bool:
    places = [hyp.find(name) for name in case.kept]
    return _is_named(case, hyp) and places == sorted(places)


def _is_short(case: Case, hyp: str) -> bool:
    """Some words, no mark at the end that the source has not, and no more than a short text can become."""
    words = hyp.split()
    ends = unicodedata.category(hyp[-1]).startswith("P") if hyp else True
    return 0 < len(words) <= len(case.src.split()) + 2 and not ends


def _capitals(text: str) -> int:
    """Runs of words in capitals, of two letters or more."""
    return len(re.findall(r"\b[^\W\d_a-zà-ÿ]{2,}(?:\s+[^\W\d_a-zà-ÿ]{2,})*\b", text))


def _currency(text: str) -> list[str]:
    named = {"dollar": "$", "dólar": "$", "dólare": "$", "euro": "€"}
    for name, sign in named.items():
        text = re.sub(rf"\b{name}e?s?\b", sign, text, flags=re.IGNORECASE)
    return sorted(re.findall("[$€]", text))
