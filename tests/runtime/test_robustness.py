"""Whatever a line holds, there is one translation of it, in bounded time."""

import random
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from onepass import Translation, Translator
from onepass.text.validity import cleaned, is_valid_output
from tiny_run import corpus_pairs

SENTENCES = [src for src, _ in corpus_pairs(60)]
ALPHABETS = {
    "control characters": "\x00\x01\x07\x08\x0b\x0c\x1b\x1c\x1f\x7f\x80\x85\x9f\r\n\t",
    "unpaired surrogates": "\ud800\udbff\udc00\udfff",
    "emoji": "😀👩🏽‍🚀🇩🇪❤️👨‍👩‍👧‍👦",
    "spaces": " \t\xa0\u2003\u2009\u3000\u1680\u2028\u2029",
    "numbers": "0123456789.,-+%€½²٣४",
    "mixed scripts": "aäßĐжЖωあ漢字한ไทยअ𝔄ﬁ",
    "combining marks": "e\u0301\u0300\u0316\u20dd\u0e49\u093f",
    "right to left": "שלוםمرحبا\u200f\u202e\u2067\u2069",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f",
    "of sentencepiece": "▁<0x0A></s><unk>⁇",
    "not characters": "\ufffd\uffff\ufffe\U0010ffff\ue000",
}


def any_line(chance: random.Random) -> str:
    """Of one alphabet, of several, or a sentence with something in it."""
    letters = "".join(chance.sample(list(ALPHABETS.values()), chance.choice((1, 1, 3))))
    line = "".join(chance.choices(letters, k=chance.choice((0, 1, 3, 12, 40))))
    if chance.random() < 0.4:
        sentence = chance.choice(SENTENCES)
        place = chance.randrange(len(sentence))
        return sentence[:place] + line + sentence[place:]
    return line


def assert_clean(line: str, found: Translation) -> None:
    """What breaks lines is the line's; nothing else steers a display."""
    clean = cleaned(line)
    odd = {
        character for character in found.text if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    }
    assert odd <= set(clean)
    assert is_valid_output(line, found.text)
    assert bool(found.src_pieces) or found.text == clean
    assert -1e3 < found.score <= 1e-3


@pytest.mark.parametrize("family", ["fertility", "ctc", "dag"])
def test_any_line_is_translated_to_one_clean_line(bundles: Path, family: str) -> None:
    chance = random.Random(family)
    lines = [any_line(chance) for _ in range(5000 if family == "fertility" else 500)]
    translator = Translator.load(bundles / f"{family}.exported", num_threads=1)
    found = list(translator.translate_stream(lines))
    assert len(found) == len(lines)
    for line, translation in zip(lines, found, strict=True):
        assert_clean(line, translation)
    assert len({translation.text for translation in found}) > 20


LONG: dict[str, Callable[[random.Random], str]] = {
    "one word": lambda _: "x" * 100_000,
    "sentences": lambda chance: " ".join(chance.choices(SENTENCES, k=4000))[:100_000],
    "sentence ends": lambda _: "! ? . " * 17_000,
    "spaces": lambda _: " \u3000" * 50_000,
    "spaces after a full stop": lambda _: "." + " " * 100_000 + "x",
    "emoji": lambda chance: "".join(chance.choices(ALPHABETS["emoji"], k=100_000)),
    "combining marks": lambda _: "e" + "\u0301" * 100_000,
    "nothing to see": lambda chance: "".join(chance.choices(ALPHABETS["zero width"], k=100_000)),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_line_of_100000_characters_takes_seconds(bundles: Path, kind: str) -> None:
    line = LONG[kind](random.Random(kind))
    translator = Translator.load(bundles / "fertility.exported", num_threads=1)
    begin = time.process_time()
    found = translator.translate(["Where is it?", line])
    assert time.process_time() - begin < 10
    assert len(found) == 2
    for text, translation in zip(["Where is it?", line], found, strict=True):
        assert_clean(text, translation)
