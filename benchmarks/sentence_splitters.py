"""Sentence splitters side by side: ends missed and ends too many on sentences of our own, in four languages.

    python benchmarks/sentence_splitters.py [--json PATH]

Each text is sentences joined by a space (Japanese: by nothing), so the right ends are known. Onepass is what
`onepass.text.segmentation` makes of sentencex; its rules were written with such cases in view. A splitter
that is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from measurement import write_result
from onepass.text.segmentation import segments
from onepass.text.spans import find_spans

Split = Callable[[str, str], Sequence[str]]

TEXTS: dict[str, list[list[str]]] = {
    "en": [
        ["Dr. Reed met Mrs. Hall at 5 p.m. in the garden.", "It rained.", "They laughed."],
        ["She likes fruit, e.g. plums.", "He paid $3.50 for it.", "See p. 5 for more."],
        ["J. R. Stone wrote it.", "John F. Moss was young.", "We moved to the U.S. last year."],
        ["Really?!", "Yes...", "No way!", "Why?"],
        ['"Where are you?" he asked.', '"I am here."', "She left."],
        ["She said: “Go now.”", "Then he left.", "(It was late.)", "We slept."],
        ["1. First comes the tea.", "2. Then comes the milk."],
        ["He said \"we won.", "They lost.\"", "That was all."],
        ["They waited for me.", "Tom was late.", "No.", "I will not go.", "No. 5 is red."],
        ["Read https://a.example/x?y=1.", "Then write to me@x.example.", "Version 1.2.3 is out."],
    ],
    "de": [
        ["Am 3. Oktober kam Dr. Kern z. B. aus Bonn.", "Das kostet 3,50 Euro.", "Die 2. Reihe ist leer."],
        ["„Wo bist du?“, fragte er.", "Er ist 42.", "Sie ist 12."],
        ["Es regnet seit ca. zehn Tagen.", "Ich mag das.", "Er mag mich.", "Wirklich?"],
        ["Die Sitzung beginnt um 9.30 Uhr.", "Bitte seien Sie pünktlich!"],
    ],
    "pt": [
        ["O Sr. Prado mora na R. das Flores, n.º 5.", "Ele pagou R$ 3,50.", "A Dra. Lima saiu."],
        ["Custa aprox. 5 euros.", "Não sei.", "Quem sabe?"],
        ["“Onde está?”, perguntou ela.", "Ninguém respondeu...", "Era tarde."],
        ["Veja a pág. 7 do livro.", "Depois leia o art. 3 da lei.", "É tudo!"],
    ],
    "ja": [
        ["私はお茶が好きです。", "犬は大きい。", "本当ですか？", "はい！"],
        ["「どこにいるの？」と彼は聞いた。", "彼女は黙っていた。"],
    ],
}  # fmt: skip


def _onepass(text: str, language: str) -> list[str]:
    return [part.text for part in segments(text, language, find_spans(text))]


def _sentencex(text: str, language: str) -> Sequence[str]:
    found: Sequence[str] = importlib.import_module("sentencex").segment(language, text)
    return found


def _pysbd(text: str, language: str) -> Sequence[str]:
    known = language if language != "pt" else "es"  # it has no Portuguese
    found: Sequence[str] = (
        importlib.import_module("pysbd").Segmenter(language=known, clean=False).segment(text)
    )
    return found


def _blingfire(text: str, language: str) -> Sequence[str]:
    found: str = importlib.import_module("blingfire").text_to_sentences(text)
    return found.split("\n")


SPLITTERS: dict[str, Split] = {
    "onepass": _onepass,
    "sentencex": _sentencex,
    "pysbd": _pysbd,
    "blingfire": _blingfire,
}


def ends(sentences: Sequence[str]) -> set[int]:
    """Where sentences end, counted in visible characters."""
    return set(accumulate(len("".join(sentence.split())) for sentence in sentences))


def measured(split: Split) -> dict[str, object]:
    """Ends missed and too many of each language, and the time."""
    result: dict[str, object] = {}
    began = time.perf_counter()
    for language, texts in TEXTS.items():
        missed = extra = right = 0
        for sentences in texts:
            found = ends(split(("" if language == "ja" else " ").join(sentences), language))
            expected = ends(sentences)
            missed, extra = missed + len(expected - found), extra + len(found - expected)
            right += len(expected & found)
        result[language] = {"right": right, "missed": missed, "extra": extra}
    result["ms"] = round(1000 * (time.perf_counter() - began), 2)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    arguments = parser.parse_args()
    result: dict[str, object] = {}
    for name, split in SPLITTERS.items():
        try:
            split("One. Two.", "en")  # loads it
        except (ImportError, LookupError):
            result[name] = "not installed"
            continue
        result[name] = measured(split)
    write_result(result, arguments.json)


if __name__ == "__main__":
    main()
