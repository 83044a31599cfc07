"""Exercises of clock times in words: half past three, três e meia.

Teachers of sentences read such times word by word, and few of them rightly; in figures they carry them. So a
teacher sees a sentence with figures, and a student learns it with words on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from onepass.corpora.exercises import MOST_WORDS, Exercise
from onepass.corpora.translations import most_repeats
from onepass.text.clock import HOURS, ClockTime, ways
from onepass.text.pair import Pair

FRAMES = {
    "en": (
        "It is {}.",
        "It's {} already.",
        "It is {}, and nobody is here.",
        "It was {} when they came home.",
        "The bus leaves at {} in the morning.",
        "Let's meet at {}.",
        "I woke up at {} today.",
        "We will be there by {}.",
        "Can you wait until {}?",
        "They have been working since {}.",
        "The film begins at {} and ends late.",
        "Please call me after {}.",
    ),
    "pt": (
        "São {}.",
        "Já são {}.",
        "São {} e ninguém chegou.",
        "Eram {} quando voltaram para casa.",
        "O ônibus sai às {} da manhã.",
        "O autocarro chega às {}.",
        "Vamos nos encontrar às {}.",
        "Acordei às {} hoje.",
        "Estaremos lá até às {}.",
        "Trabalham desde as {}.",
        "O filme começa às {} e acaba tarde.",
        "Ligue-me depois das {}, por favor.",
    ),
}
"""Half of the exercises; the others are made of a corpus's sentences with a time."""
PREPOSITIONS = {
    "en": ("at", "by", "until", "till", "from", "after", "before", "around", "about", "since"),
    "pt": ("às", "as", "à", "a", "das", "da", "pelas", "pela", "até", "desde"),
}
VERBS = {"en": ("is", "was", "it's", "already"), "pt": ("é", "são", "era", "eram")}
"""What may stand before a time: after a verb of a corpus, figures may be a score or a ratio."""
_TIME = re.compile(r"(?<![\w:.,/-])(\d{1,2}):([0-5]\d)(?![\w:/-]|[.,]\d|\s*[AaPp]\.?[Mm]\b|\s*h)")
_ONE_OF_MANY = {"às": "à", "as": "a", "das": "da", "pelas": "pela", "são": "é", "eram": "era"}
_MANY_OF_ONE = {one: many for many, one in _ONE_OF_MANY.items()}
_ARTICLE_AFTER_VERB = re.compile(r"\b([Éé]|[Ss]ão|[Ee]ram?) (?:o|os|a|as|à|às) $")


def clock_times(
    sentences: Sequence[str], count: int, *, src: str, tgt: str, seed: Sequence[int]
) -> list[Exercise]:
    """Up to `count` exercises, each of another source; none where either language has no words here.

    Args:
        sentences: of a corpus.
        count: as above.
        src, tgt: language codes.
        seed: of what is drawn.
    """
    ours, theirs = (code.split("-")[0] for code in (src, tgt))
    if not {ours, theirs} <= HOURS.keys():
        return []
    random = np.random.default_rng(seed)
    sources: dict[str, Exercise] = {}
    for frame in islice(_frames(sentences, ours, random), 4 * count):  # some come twice
        minute = random.choice([15, 30, 30, 45, 5 * int(random.integers(1, 12))])
        time = ClockTime(int(random.integers(1, 13)), int(minute))
        found = ways(time, ours)
        source = _with_words(frame, found[random.integers(len(found))], time, ours)
        if source is not None and source not in sources:
            sources[source] = _exercise(source, frame.format(time), time, theirs)
        if len(sources) == count:
            break
    return list(sources.values())


def _frames(sentences: Sequence[str], language: str, random: np.random.Generator) -> Iterator[str]:
    """Sentences with `{}` for their time, without end: one that is here, one of the corpus, in turn."""
    corpus = [found for sentence in sentences if (found := _frame(sentence, language)) is not None]
    own = FRAMES[language]
    while True:
        yield own[random.integers(len(own))]
        yield corpus[random.integers(len(corpus))] if corpus else own[random.integers(len(own))]


def _frame(sentence: str, language: str) -> str | None:
    """The sentence with `{}` for its one time, which a preposition is before."""
    if len(sentence.split()) > MOST_WORDS or "{" in sentence or "}" in sentence:
        return None
    found = list(_TIME.finditer(sentence))
    before = sentence[: found[0].start()].lower().split()[-1:] if len(found) == 1 else []
    if not before or before[0] not in PREPOSITIONS[language]:
        return None
    return sentence[: found[0].start()] + "{}" + sentence[found[0].end() :]


def _with_words(frame: str, words: str, time: ClockTime, language: str) -> str | None:
    """A sentence with the words of a time; None where they do not stand well."""
    before, after = frame.split("{}")
    if language == "pt":
        before = _ARTICLE_AFTER_VERB.sub(r"\1 ", before)
    start, _, word = before.rstrip().rpartition(" ")
    if word.lower() not in PREPOSITIONS[language] + VERBS[language] or not before.endswith(" "):
        return None
    if language == "pt":
        forms = _ONE_OF_MANY if words.startswith(HOURS["pt"][0]) else _MANY_OF_ONE
        agreeing = forms.get(word.lower(), word.lower())
        word = agreeing.capitalize() if word[0].isupper() else agreeing
    return f"{start} {word} {words}{after}".lstrip()


def _exercise(source: str, shown: str, time: ClockTime, language: str) -> Exercise:
    hour, minute = str(time).split(":")
    figures = re.compile(rf"(?<!\d){hour} ?[:h.] ?{minute}(?:h|min)?(?![\d:]|\s*[AaPp]\.?[Mm]\b)")

    def learnt(written: Sequence[str]) -> Pair | None:
        places = list(figures.finditer(written[0]))
        if len(places) != 1 or most_repeats(written[0].split()) > 1 or "{" in written[0]:
            return None
        frame = written[0][: places[0].start()] + "{}" + written[0][places[0].end() :]
        translation = _with_words(frame, ways(time, language)[0], time, language)
        return None if translation is None else Pair(source, translation)

    return Exercise((shown,), learnt)
