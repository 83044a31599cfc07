"""Probes: what a perfect translator gets right, and what each mistake costs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

import pytest

from onepass.errors import UsageError
from onepass.evaluation.probes import PACKAGE, Case, Languages, make_cases, score
from onepass.text.tables import packaged, read_sections

LANGUAGES = ("en", "de", "pt")
PAIRS = [Languages(src, tgt) for src, tgt in itertools.permutations(LANGUAGES, 2)]


def references(languages: Languages, count: int = 12, seed: int = 3) -> dict[str, str]:
    """Every source with its translation: the tables of two languages say the same, line by line."""
    cases = zip(
        make_cases(languages, count, seed),
        make_cases(Languages(languages.tgt, languages.tgt), count, seed),
        strict=True,
    )
    found = {}
    for src, tgt in cases:
        found[src.src] = tgt.src
        if src.kind == "sentences a line":
            found.update(zip(src.kept, tgt.kept, strict=True))
    return found


def test_the_tables_say_the_same_in_every_language() -> None:
    sizes = []
    for language in LANGUAGES:
        table = read_sections(packaged(PACKAGE, f"probes.{language}"), lambda row: row.cells[0], columns=1)
        sizes.append({section: len(lines) for section, lines in table.items()})
        for section, lines in table.items():
            filled = section not in (
                "negation",
                "capital words",
                "quotes",
                "short",
                "sentence",
                "negative words",
            )
            assert all(line.count("{}") == filled for line in lines), section
    assert sizes[0] == sizes[1] == sizes[2]


@pytest.mark.parametrize("languages", PAIRS, ids="-".join)
def test_a_perfect_translator_is_right_everywhere(languages: Languages) -> None:
    known = references(languages)
    found = score(lambda lines: [known[line] for line in lines], make_cases(languages, 12, 3), languages)
    assert {kind: result.wrong for kind, result in found.items()} == dict.fromkeys(found, ())
    assert all(result.right == result.of > 3 for result in found.values())
    assert len(found) == 17


def changed_digit(text: str) -> str:
    return re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), text)


MISTAKES: dict[str, tuple[Callable[[str], str], set[str]]] = {
    "another digit": (
        changed_digit,
        {"number", "doubled", "thousands", "decimal", "currency", "date", "time", "address", "placeholder"},
    ),
    "another currency": (lambda text: text.replace("$", "£").replace("€", "£"), {"currency", "placeholder"}),
    "no emoji": (lambda text: text.encode("iso-8859-15", "ignore").decode("iso-8859-15"), {"emoji"}),
    "an address without its end": (lambda text: re.sub(r"\.org|\.html|\.com", "", text), {"address"}),
    "no negation": (
        lambda text: re.sub(r"(?i)\b(não|nunca|ninguém|nada|nenhum\w?)\b", "sim", text),
        {"negation"},
    ),
    "no capitals": (lambda text: text.lower(), {"capitals", "name", "order", "address"}),
    "a mark lost": (lambda text: text.replace('"', "", 1), {"quotes"}),
    "a full stop too many": (lambda text: text if text[-1] in ".?!" else text + ".", {"short", "emoji"}),
    "a name twice": (
        lambda text: re.sub(r"^([A-Z][a-z]+)(?= (?:comprou|e eu))", r"\1 \1", text),
        {"name", "order"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_counted_where_it_belongs(mistake: str) -> None:
    languages = Languages("en", "pt")
    known = references(languages)
    spoil, kinds = MISTAKES[mistake]
    cases = make_cases(languages, 12, 3)
    found = score(lambda lines: [spoil(known[line]) for line in lines], cases, languages)
    wrong = {kind for kind, result in found.items() if result.right < result.of}
    assert wrong <= kinds
    assert wrong
    assert all(pair.src in known for kind in wrong for pair in found[kind].wrong)


def test_a_line_of_several_sentences_counts_only_if_it_is_the_sentences() -> None:
    languages = Languages("en", "pt")
    known = references(languages)

    def first_alone(lines: Sequence[str]) -> list[str]:
        return [re.sub(r"(?<=[.?!]) \S+", "", known[line], count=1) for line in lines]

    found = score(first_alone, make_cases(languages, 12, 3), languages)
    assert found["sentences a line"].right == 0


def test_names_out_of_order_are_wrong() -> None:
    case = Case("order", "Anna came. Tom left.", ("Anna", "Tom"))
    found = score(lambda lines: ["Tom saiu. Anna veio." for _ in lines], [case], Languages("en", "pt"))
    assert found["order"].right == 0


def test_cases_depend_on_the_seed_alone() -> None:
    languages = Languages("en", "pt")
    assert make_cases(languages, 5, 1) == make_cases(languages, 5, 1) != make_cases(languages, 5, 2)


def test_a_language_without_a_table_is_an_error() -> None:
    with pytest.raises(UsageError, match="no probes"):
        make_cases(Languages("fi", "en"), 5, 1)
