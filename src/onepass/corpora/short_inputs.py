"""Exercises of one to three words: in small letters, with a capital, all in capitals, with or without a mark.

A teacher of sentences is not sure of words alone. It sees each in three forms, and what two of them agree on
is the translation. Case and mark are then those of the form that a student learns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Literal, NamedTuple

import numpy as np

from onepass.corpora.capitals import capitals
from onepass.corpora.exercises import Exercise
from onepass.corpora.translations import most_repeats
from onepass.text.pair import Pair

SAID_ALONE = {
    "en": "hello, hi, hey, help, help me, thanks, thank you, please, sorry, excuse me, yes, no, okay, stop, "
    "wait, come on, welcome, good morning, good night, goodbye, bye, see you, congratulations, good luck, "
    "careful, hurry, attention, warning, error, open, close, save, cancel, send, search, back, next, home, "
    "settings, today, tomorrow, yesterday, never, always, maybe, really, exactly, of course, sure, done, "
    "ready, enough, why, where, when, who, how",
    "pt": "olá, oi, ajuda, ajude-me, socorro, obrigado, obrigada, por favor, desculpe, com licença, sim, "
    "não, pare, espera, bem-vindo, bom dia, boa tarde, boa noite, adeus, tchau, até logo, parabéns, "
    "boa sorte, cuidado, depressa, atenção, aviso, erro, abrir, fechar, guardar, salvar, cancelar, enviar, "
    "pesquisar, voltar, seguinte, início, definições, configurações, hoje, amanhã, ontem, nunca, sempre, "
    "talvez, exatamente, claro, pronto, basta, onde, quando, quem, como",
}
"""What people say alone: it comes first, in every form; of other languages, only what the corpus has."""
MOST_WORDS = 3
MORE_WORDS = 2
"""That a translation may have more than its source."""
MARKS = {".": ".。", "!": "!！"}
"""The marks of forms, and what may stand for each in the translation."""
_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_PHRASE = re.compile(rf"({_WORD}(?: {_WORD}){{0,{MOST_WORDS - 1}}})[.!]?")
_PARTS = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)


class Form(NamedTuple):
    """How a phrase is written: its letters, and the mark after it, or none."""

    case: Literal["small", "capital", "capitals"]
    mark: str

    def of(self, phrase: str, language: str) -> str:
        """The phrase in this form."""
        return self.cased(phrase, language) + self.mark

    def cased(self, phrase: str, language: str) -> str:
        """The phrase with such letters; what has capitals by itself keeps them, but in small letters."""
        if self.case == "capitals":
            return capitals(phrase, language)
        return phrase.lower() if self.case == "small" else capitals(phrase[:1], language) + phrase[1:]


FORMS = tuple(Form(case, mark) for case in ("small", "capital", "capitals") for mark in ("", *MARKS))


def short_inputs(
    sentences: Sequence[str], count: int, *, src: str, tgt: str, seed: Sequence[int]
) -> list[Exercise]:
    """Up to `count` exercises, each of another source.

    Up to a third are of what people say alone. The others are of sentences that are as short, and of single
    words of longer ones, in turn.

    Args:
        sentences: of a corpus.
        count: as above.
        src, tgt: language codes.
        seed: of what is drawn.
    """
    random = np.random.default_rng(seed)
    usual = [phrase for phrase in SAID_ALONE.get(src.split("-")[0], "").split(", ") if phrase]
    alone = [(phrase, form) for phrase in usual for form in FORMS]
    first = [alone[number] for number in random.permutation(len(alone))[: count // 3].tolist()]
    drawn = ((phrase, FORMS[random.integers(len(FORMS))]) for phrase in _drawn(sentences, random))
    sources = dict.fromkeys(chain(first, drawn))  # distinct
    return [_exercise(phrase, form, src, tgt) for phrase, form in islice(sources, count)]


def _drawn(sentences: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    """Short sentences without their marks and words of longer ones, in turn while there are both."""
    order = random.permutation(len(sentences)).tolist()
    phrases = [found for number in order if (found := _phrase(sentences[number])) is not None]
    words = _words([sentences[number] for number in order], random)
    for phrase in phrases:
        yield phrase
        yield from islice(words, 1)
    yield from words


def _words(sentences: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    """A word of each longer sentence, where what is drawn is one."""
    for sentence in sentences:
        words = sentence.split()
        if len(words) > MOST_WORDS:
            word = _phrase(words[random.integers(len(words))].strip(".,;:!?"))
            if word is not None:
                yield word


def _phrase(sentence: str) -> str | None:
    """Its words, where it is nothing but up to 3 of them and an end mark, none of them in capitals."""
    found = _PHRASE.fullmatch(sentence)
    if found is None or any(word.isupper() for word in found[1].split() if len(word) > 1):
        return None
    return found[1]


def _exercise(phrase: str, form: Form, src: str, tgt: str) -> Exercise:
    asked = Form("small", ""), Form("capital", ""), Form("capital", form.mark or ".")

    def learnt(written: Sequence[str]) -> Pair | None:
        small, capital, marked = (_parts(text) for text in written)
        agreed, times = Counter(each.words.casefold() for each in (small, capital, marked)).most_common(1)[0]
        if times < 2 or not is_translated(phrase, agreed):
            return None
        if form.case == "small":
            # A capital may be a name's, or of the teacher's making.
            translation = small.words if small.words.casefold() == agreed else ""
            if not translation[:1].islower():
                return None
        else:
            usual = next(each.words for each in (capital, marked) if each.words.casefold() == agreed)
            translation = form.cased(usual, tgt)
        if form.mark:
            if marked.after.strip() not in tuple(MARKS[form.mark]):
                return None
            translation = marked.before + translation + marked.after
        return Pair(form.of(phrase, src), translation)

    return Exercise(tuple(one.of(phrase, src) for one in asked), learnt)


class _Parts(NamedTuple):
    """A translation's words, and the marks around them."""

    before: str
    words: str
    after: str


def _parts(text: str) -> _Parts:
    found = _PARTS.fullmatch(text.strip())
    assert found is not None  # it has room for any text
    return _Parts(*found.groups())


def is_translated(phrase: str, translation: str) -> bool:
    """Whether it has words, other ones, not many more, and none twice in succession."""
    words = translation.split()
    return (
        0 < len(words) <= len(phrase.split()) + MORE_WORDS
        and translation.casefold() != phrase.casefold()
        and most_repeats(words) == 1
    )
