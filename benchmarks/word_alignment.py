"""Word alignment of models against links made by hand, and FastAlign's on the same pairs.

    python benchmarks/word_alignment.py MODEL [MODEL ...] [--pairs N] [--json PATH]

MODEL is a bundle of English and German that `onepass export` wrote, in either direction, such as one of
`recipes/tatoeba-en-de-students.toml`. `alignment.tsv` has 100 sentences of `en-de` and `de-en`, what the
models of version 0.1 wrote for them, and the words that belong together, `i-j` for word i of the source and
word j of the translation. Pairs that a model translates otherwise are left out. FastAlign learns from N pairs
of Tatoeba and these.
`tags` marks each source word whose words by hand stand together, one at a time, in sentences whose
order changes: right is a tag around exactly these words.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from measurement import CORPORA, is_missing, write_result
from onepass import Translation, Translator
from onepass.alignment.aligner import align
from onepass.text.lines import read_lines

Links = set[tuple[int, int]]


class Pair(NamedTuple):
    """A sentence, its translation, and the words that belong together."""

    src: str
    tgt: str
    links: Links


def read_pairs(direction: str) -> list[Pair]:
    """The pairs of a direction, such as "en-de"."""
    rows = (line.split("\t") for line in read_lines(Path(__file__).with_name("alignment.tsv")))
    return [Pair(src, tgt, parsed(links)) for name, src, tgt, links in rows if name == direction]


def parsed(links: str) -> Links:
    """Pharaoh's form."""
    pairs = (link.split("-") for link in links.split())
    return {(int(i), int(j)) for i, j in pairs}


def links_of(source: str, translation: Translation) -> Links:
    """The links of words that a translator found."""
    number = {match.start(): i for i, match in enumerate(re.finditer(r"\S+", source))}
    assert translation.alignment is not None
    return {
        (number[place.start], j) for j, word in enumerate(translation.alignment) for place in word.sources
    }


def scores(found: Iterable[Links], wanted: Iterable[Links]) -> dict[str, float]:
    """Precision, recall and F1 in percent, over all links."""
    pairs = list(zip(found, wanted, strict=True))
    right = sum(len(one & other) for one, other in pairs)
    precision = right / max(1, sum(len(one) for one, _ in pairs))
    recall = right / sum(len(other) for _, other in pairs)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {
        name: round(100 * value, 1)
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1))
    }


def fast_align_scores(direction: str, pairs: Sequence[Pair], number: int) -> dict[str, float]:
    """Those of FastAlign, which learns from the words of a corpus and of the pairs."""
    src, tgt = direction.split("-")
    corpus = [read_lines(CORPORA / "tatoeba.en-de" / f"train.{side}") for side in (src, tgt)]
    rows = random.Random(1).sample(range(len(corpus[0])), number)
    texts = [[lines[row].split() for row in rows] for lines in corpus]
    texts[0] += [pair.src.split() for pair in pairs]
    texts[1] += [pair.tgt.split() for pair in pairs]
    found = align(*texts).pharaoh[-len(pairs) :]
    return scores(map(parsed, found), (pair.links for pair in pairs))


def is_reordered(links: Links) -> bool:
    """Whether two words have changed places."""
    return any(i < k and j > m for i, j in links for k, m in links)


def tags(translator: Translator, pairs: Iterable[Pair]) -> dict[str, int]:
    """Tags around one word each: how many stand around the right words."""
    right = count = 0
    for pair in pairs:
        words = pair.src.split()
        for i, word in enumerate(words):
            own = sorted(j for k, j in pair.links if k == i)
            if not own or own != list(range(own[0], own[-1] + 1)):
                continue
            page = " ".join([*words[:i], f"<b>{word}</b>", *words[i + 1 :]])
            inside = re.search(r"<b>(.*?)</b>", translator.translate_html(page))
            assert inside is not None
            wanted = " ".join(pair.tgt.split()[own[0] : own[-1] + 1])
            right += inside[1].strip(".,?!") == wanted.strip(".,?!")
            count += 1
    return {"right": right, "of": count}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--pairs", type=int, default=30_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if is_missing(CORPORA / "tatoeba.en-de"):
        return
    result: dict[str, Any] = {}
    for model in arguments.models:
        translator = Translator.load(model, num_threads=1)
        direction = f"{translator.bundle.src}-{translator.bundle.tgt}"
        pairs = read_pairs(direction)
        translated = translator.translate([pair.src for pair in pairs], alignment=True)
        same = [pair for pair, found in zip(pairs, translated, strict=True) if found.text == pair.tgt]
        own = [
            links_of(pair.src, found) for pair, found in zip(pairs, translated, strict=True) if pair in same
        ]
        reordered = [pair for pair in same if is_reordered(pair.links)]
        result[direction] = {
            "pairs": len(same),
            "alignment": scores(own, [pair.links for pair in same]),
            "fast_align": fast_align_scores(direction, same, arguments.pairs),
            "reordered": len(reordered),
            "tags": tags(translator, reordered),
        }
        print(direction, result[direction])
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
