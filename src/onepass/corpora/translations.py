"""Filters on what a teacher made of source text: which translations no student learns from.

A pair counts under the first check that it fails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from onepass.corpora.filters import SHORT_WORDS, FilterCounts, is_lopsided
from onepass.settings import TranslationFilterSettings
from onepass.text.numbers import same_numbers
from onepass.text.pair import Pair
from onepass.text.spans import SpanKind, find_spans

UNSPACED = ("ja", "km", "lo", "my", "th", "zh")
"""Languages that put no spaces between words; their length is in characters."""
SHORT_CHARACTERS = 2 * SHORT_WORDS
LONGEST_REPEAT = 4
"""Words of a phrase that may be repeated."""
PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("“", "”"), ("«", "»"))
STRAIGHT = '"'
_OF_ADDRESSES = re.compile(r"[@/]|www\.")


def filter_translations(
    pairs: Iterable[Pair], settings: TranslationFilterSettings, counts: FilterCounts, *, src: str, tgt: str
) -> Iterator[Pair]:
    """Yields the pairs that pass, in their order, and counts the rest.

    Args:
        pairs: sources and what the teacher made of them.
        settings: what is checked.
        counts: is updated while the result is consumed.
        src, tgt: language codes.
    """
    in_characters = src.split("-")[0] in UNSPACED or tgt.split("-")[0] in UNSPACED
    for pair in pairs:
        counts.read += 1
        reason = _fails(pair, settings, in_characters=in_characters)
        if reason is None and settings.numbers and not same_numbers(pair, src, tgt):
            reason = "numbers"
        if reason is None and settings.addresses and _addresses(pair.src) != _addresses(pair.tgt):
            reason = "addresses"
        if reason is None:
            yield pair
        else:
            counts.drop(reason)


def _fails(pair: Pair, settings: TranslationFilterSettings, *, in_characters: bool) -> str | None:
    src, tgt = pair.src.split(), pair.tgt.split()
    if not src or not tgt:
        return "empty"
    if settings.copied and len(src) > 2 and [w.casefold() for w in src] == [w.casefold() for w in tgt]:
        return "copied"
    sizes = (len(pair.src), len(pair.tgt)) if in_characters else (len(src), len(tgt))
    short = SHORT_CHARACTERS if in_characters else SHORT_WORDS
    if is_lopsided(*sizes, settings.max_length_ratio, short=short):
        return "length ratio"
    if most_repeats(tgt) > max(settings.max_repeats, most_repeats(src)):
        return "repeated words"
    if settings.unpaired and _is_unpaired(pair.tgt) and not _is_unpaired(pair.src):
        return "unpaired mark"
    return None


def _addresses(text: str) -> Counter[str]:
    if not _OF_ADDRESSES.search(text):
        return Counter()
    return Counter(span.text for span in find_spans(text) if span.kind is SpanKind.ADDRESS)


def most_repeats(words: list[str]) -> int:
    """How often words stand behind themselves at most, the first time included: 3 for `no no no`.

    Phrases of up to 4 words count as well: `of the of the` is 2.
    """
    most = 1
    for size in range(1, LONGEST_REPEAT + 1):
        run = 0  # places at which the word is the one `size` before it, in succession
        for place in range(size, len(words)):
            run = run + 1 if words[place].casefold() == words[place - size].casefold() else 0
            most = max(most, run // size + 1)
    return most


def _is_unpaired(text: str) -> bool:
    """It has an opening mark without its closing one, or the other way round."""
    found = Counter(text)
    return found[STRAIGHT] % 2 == 1 or any(found[opening] != found[closing] for opening, closing in PAIRS)
