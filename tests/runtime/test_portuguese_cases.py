"""What the shipped English-Portuguese model must get right by its mechanisms, whatever it has learnt."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from onepass.loading import Translator
from onepass.text.lines import read_lines

TABLE = Path(__file__).parents[2] / "benchmarks" / "cases.en-pt.tsv"
SURE = (
    "equal digits",
    "lone numbers and list marks",
    "characters outside the vocabulary",
    "invisible characters",
    "sentence ends of other scripts",
    "protected spans",
)


@cache
def cases() -> dict[str, list[list[str]]]:
    """Source, what must match, what must not, by kind."""
    found: dict[str, list[list[str]]] = {}
    for line in read_lines(TABLE):
        if not line.startswith("#"):
            kind, *texts = line.split("\t")
            found.setdefault(kind, []).append([json.loads(text) for text in texts])
    return found


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("en-pt", num_threads=1)


@pytest.mark.parametrize("kind", SURE)
def test_every_case_of_a_kind_is_right(translator: Translator, kind: str) -> None:
    chosen = cases()[kind]
    texts = [found.text for found in translator.translate(src for src, _, _ in chosen)]
    wrong = [
        (src, text)
        for (src, must, must_not), text in zip(chosen, texts, strict=True)
        if (must and not re.search(must, text)) or (must_not and re.search(must_not, text))
    ]
    assert wrong == []


def test_the_table_has_every_kind_with_cases() -> None:
    assert len(cases()) > 10
    assert all(cases().values())
    assert sum(map(len, cases().values())) > 150
