"""What must not change in a translation, and what is easily wrong in one, counted on generated cases.

The cases of `cases.en-pt.tsv` say what must match their translations. 500 sentences have a placeholder or an
address, which must stand between the right words. 2,000 have digits or marks, equal neighbours among them.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from measurement import write_result
from onepass import Translator
from onepass.text.lines import read_lines
from onepass.text.numbers import same_numbers
from onepass.text.pair import Pair

TABLE = Path(__file__).with_name("cases.en-pt.tsv")
SHOWN = 3
"""Wrong translations of each kind that the result names."""
TEMPLATES = {
    "The file {} is empty.": (r"(ficheiro|arquivo)\s+", r"\s+(está|é|fica|encontra)"),
    "Open {} and read it.": (r"\bAb[er]\w+\s+(o\s+|a\s+)?", r"\s+e\s+l"),
    "Send {} to your sister.": (r"^(Envi|Mand)\w+\s+(o\s+|a\s+)?", r"\s+(para|à|a)\s"),
    "We found {} in the garden.": (r"(ncontr|ch)\w+\s+(o\s+|a\s+)?", r"\s+n[oa]\s"),
    "Please write {} on the box.": (r"screv\w+\s+(o\s+|a\s+)?", r"\s+na\s"),
    "My brother likes {} very much.": (r"(gosta|adora)\s*\w*\s+(d[eoa]\s+)?", r"\s+muito|\.$"),
    "She said that {} is new.": (r"que\s+(o\s+|a\s+)?", r"\s+é\s"),
    "Yesterday {} was on the table.": (r"^Ontem,?\s+(o\s+|a\s+)?", r"\s+est"),
    "The word {} has four letters.": (r"palavra\s+", r"\s+tem\s"),
    "Do you know {}?": (r"(conhece|sabe)\w*\s+(o\s+|a\s+)?", r"\s*\?"),
    "Replace {} with your own name.": (r"^Substitu\w+\s+(o\s+|a\s+)?", r"\s+(por|pel[oa]|com)\s"),
    "The door of {} is red.": (r"porta\s+d[eoa]\s*", r"\s+é\s"),
    "They call it {} because it is old.": (r"cham\w+\S*\s+(de\s+|o\s+|a\s+|isso\s+|-lhe\s+)*", r"\s+porque"),
    "Click {} to go on.": (r"^Cli[cq]\w+\s+(em\s+|n[oa]\s+)?", r"\s+para\s"),
    "Nobody wants {} today.": (r"^Ninguém\s+quer\s+(o\s+|a\s+)?", r"\s+hoje"),
    "I read about {} in a book.": (r"sobre\s+(o\s+|a\s+)?", r"\s+(em|num|no)\s"),
    "Between {} and the river there is a road.": (r"^Entre\s+(o\s+|a\s+)?", r"\s+e\s"),
    "Use {} if you are tired.": (r"^(Us|Utiliz)\w+\s+(o\s+|a\s+)?", r"\s+se\s"),
    "The teacher wrote {} on the wall.": (r"screv\w+\s+(o\s+|a\s+)?", r"\s+na\s"),
    "After {} comes the night.": (r"(Depois|Após)\s+(d[eoa]\s+)?", r",?\s+(vem|chega)"),
}
"""Sentences with a place for a span, and what must be before it and behind it in Portuguese."""
SPANS = (
    "{{name{0}}}",
    "%s",
    "%({0}n)d",
    "${{total{0}}}",
    "https://example.org/{0}/a.html",
    "user{0}@example.org",
    "photo_{0}.png",
    "<item{0}/>",
    "www.example.com/{0}",
)
NUMBERED = (
    "We sold {} tickets.",
    "There are {} people in the square.",
    "The code is {}.",
    "He lived {} days in that house.",
    "Take bus {} to the lake.",
    "The road is {} metres long.",
)
ENDED = (
    "What did you see{}",
    "This is not true{}",
    "We were so tired{}",
    "Look at the sky{}",
    "He came back{}",
)
MARKS = ("...", "??", "!!", "?!", "!!!", "…", "?", "!", ".")


class Case(NamedTuple):
    """A source, what must match its translation, and what must not; "": nothing."""

    kind: str
    src: str
    must: str
    must_not: str = ""


def table() -> Iterator[Case]:
    """The cases of `cases.en-pt.tsv`."""
    for line in read_lines(TABLE):
        if not line.startswith("#"):
            kind, *texts = line.split("\t")
            yield Case(kind, *map(json.loads, texts))


def spans(count: int, random: Random) -> Iterator[Case]:
    """Sentences with a span between known neighbours."""
    templates = list(TEMPLATES.items())
    for number in range(count):
        template, (before, behind) = templates[number % len(templates)]
        span = random.choice(SPANS).format(random.randint(2, 99))
        yield Case("spans", template.format(span), f"{before}{re.escape(span)}{behind}")


def digits_and_marks(count: int, random: Random) -> Iterator[Case]:
    """Numbers, checked by their values, and final marks."""
    for number in range(count):
        if number % 4 == 3:
            mark = random.choice(MARKS)
            src = random.choice(ENDED).format(mark)
            yield Case("marks", src, rf"(?<![.!?…\s]){re.escape(mark)}$" if mark != "…" else r"(…|\.\.\.)$")
            continue
        kind = ("plain", "equal", "time")[number % 4]
        digit = str(random.randint(1, 9))
        value = {
            "plain": str(random.randint(10, 9999)),
            "equal": random.choice((digit * 2, digit * 3, digit + "00", digit + "000", "1" + digit * 2)),
            "time": f"{random.randint(1, 23)}:{random.choice(('00', '11', '22', '33', '44', '55', '05'))}",
        }[kind]
        template = "The train leaves at {}." if kind == "time" else random.choice(NUMBERED)
        yield Case("digits", template.format(value), "")


def is_right(case: Case, text: str) -> bool:
    """Whether the translation is as it must be."""
    if case.kind == "digits":
        return same_numbers(Pair(case.src, text), "en", "pt")
    if case.must and not re.search(case.must, text):
        return False
    return not (case.must_not and re.search(case.must_not, text))


def counted(cases: Sequence[Case], texts: Sequence[str]) -> dict[str, dict[str, object]]:
    """Right ones by kind, and some wrong ones."""
    found = defaultdict[str, list[tuple[bool, Case, str]]](list)
    for case, text in zip(cases, texts, strict=True):
        found[case.kind].append((is_right(case, text), case, text))
    return {
        kind: {
            "right": sum(right for right, _, _ in results),
            "of": len(results),
            "wrong": [f"{case.src} -> {text}" for right, case, text in results if not right][:SHOWN],
        }
        for kind, results in found.items()
    }


def main() -> None:
    """Counts with a model of English to Portuguese."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="en-pt")
    parser.add_argument("--candidates", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cases = [*table(), *spans(500, Random(1)), *digits_and_marks(2000, Random(2))]
    translator = Translator.load(arguments.model, num_candidates=arguments.candidates, num_threads=1)
    found = counted(cases, [each.text for each in translator.translate(case.src for case in cases)])
    write_result(
        {"model": arguments.model, "candidates": arguments.candidates, "cases": found}, arguments.json
    )


if __name__ == "__main__":
    main()
