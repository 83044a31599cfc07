"""The characters of a vocabulary, and the capitals that it lacks though it has their small letters.

Vocabularies are learnt from text, where Í and Ú are rare. Of "Ótimo" a model reads "ótimo" then, and
"India" of "Índia": what has fewer subwords. What it writes in small letters gets the capitals of the
source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from onepass.text.validity import has_letters

WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_NAME = 4


class Letters:
    """The characters that the subwords of a vocabulary have, as they are or by their normal form.

    Args:
        vocabulary: all subwords; asked once, when the first character is.
        encode: a text to its ids.
    """

    def __init__(
        self, vocabulary: Callable[[], Iterable[str]], encode: Callable[[str], Sequence[int]]
    ) -> None:
        self._vocabulary, self._encode = vocabulary, encode
        self._known: set[str] = set()
        self._small: dict[int, str] = {}
        self._plain: dict[int, str] = {}
        self._lacking: frozenset[str] = frozenset()

    def has_all(self, text: str) -> bool:
        """Whether all characters of a text are known already; else they are to be asked one by one."""
        return self._known.issuperset(text)

    def has(self, character: str) -> bool:
        """Whether a character is known; marks are, as their letters are, and so is ASCII.

        A capital is where its small letter is: see `readable`. A sign that a normal form spells, as TM for ™,
        would come out spelt.
        """
        self._learn()
        known = character in self._known or (
            unicodedata.category(character)[0] == "M"
            or all(part in self._known for part in _spelt(character))
        )
        if known:
            self._known.add(character)
        return known

    def readable(self, text: str) -> str:
        """The text with other letters for capitals that the vocabulary lacks: small, or without marks."""
        if text.isascii():
            return text
        self._learn()
        text = unicodedata.normalize("NFC", text)
        if self._small.keys().isdisjoint(map(ord, text)):
            return text
        return WORD.sub(lambda word: self._as_usual(word[0]), text)

    def lack_capital(self, letter: str) -> bool:
        """Whether a small letter is known and its capital is not."""
        if letter.isascii():
            return False
        self._learn()
        return letter in self._lacking

    def _as_usual(self, word: str) -> str:
        ways = dict.fromkeys((word.translate(self._small), word.translate(self._plain)))
        return min(ways, key=lambda way: len(self._encode(way))) if len(ways) > 1 else word

    def _learn(self) -> None:
        if self._known:
            return
        pieces = (piece for piece in self._vocabulary() if not piece.startswith("<"))
        known = set(map(chr, range(128))).union(*pieces)
        small, plain = {}, {}
        for letter in known:
            capital = letter.upper()
            if len(capital) == 1 and capital not in known and capital.lower() == letter:
                bare = unicodedata.normalize("NFD", capital)[0]
                small[ord(capital)], plain[ord(capital)] = letter, bare if bare in known else letter
        self._small, self._plain, self._lacking = small, plain, frozenset(small.values())
        self._known = known.union(map(chr, small))  # the last: other threads may ask meanwhile


def with_lacking_capitals(source: str, translation: str, src: Letters, tgt: Letters) -> str:
    """A translation with capitals that a vocabulary lacks: of its first word, and of names.

    A name is a word that is like one with a capital in the source, but for its last letter: "índia".

    Args:
        source: what was read.
        translation: what was written of it.
        src: the characters of the source's vocabulary.
        tgt: those of the target's.
    """
    if source.isascii() and translation.isascii():
        return translation
    words = list(WORD.finditer(source))
    capitals = [word[0] for word in words if word[0][0].isupper()]
    if not capitals:
        return translation
    found = WORD.search(translation)
    if found and words[0][0] == capitals[0]:
        lacking = src.lack_capital(words[0][0][0].lower()) or tgt.lack_capital(found[0][0])
        if lacking and found[0].islower():
            translation = _capital_at(translation, found.start())
    names = {_stem(word) for word in capitals if word != words[0][0]} - {""}
    for word in WORD.finditer(translation):
        if tgt.lack_capital(word[0][0]) and _stem(word[0]) in names:
            translation = _capital_at(translation, word.start())
    return translation


def _capital_at(text: str, place: int) -> str:
    capital = text[place].upper()
    return text[:place] + capital + text[place + 1 :] if len(capital) == 1 else text


def _stem(word: str) -> str:
    """A word but for its last letter, small and without marks; "" of one that is too short for a name."""
    plain = unicodedata.normalize("NFD", word.lower())
    letters = [letter for letter in plain if unicodedata.category(letter)[0] != "M"]
    return "".join(letters[:-1]) if len(letters) >= _SHORTEST_NAME else ""


def _spelt(character: str) -> str:
    """The normal form of a character; a sign's own, if that has letters."""
    normal = unicodedata.normalize("NFKC", character)
    return character if unicodedata.category(character) == "So" and has_letters(normal) else normal
