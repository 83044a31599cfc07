"""The embedded corpus in its three splits: what dev and test hold, the training text does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count, islice
from random import Random

from onepass.errors import DataError
from onepass.phrasebook.sampler import Sampler
from onepass.phrasebook.scenes import SCENES, Utterance
from onepass.phrasebook.voice import Voice
from onepass.text.pair import Pair

SPLITS = ("train", "dev", "test")
HELD_OUT = 1_000
TRAIN_SOURCES = 31_000
TRAIN_PAIRS = 36_000
MIN_WORDS, MAX_WORDS = 3, 20


def phrasebook(split: str, *, seed: int = 1) -> Iterator[Pair]:
    """Yield the pairs of a split.

    Args:
        split: `train` (36,000 pairs of about 31,000 sources), `dev` or `test` (1,000 pairs each). No
            sentence of dev or test, on either side, is in another split.
        seed: another seed gives another corpus of the same language.

    Raises:
        DataError: there is no such split.
    """
    if split not in SPLITS:
        raise DataError("phrasebook has no such split", value=split, allowed=", ".join(SPLITS))
    yield from _corpus(seed)[split]


def utterances(random: Random) -> Iterator[Utterance]:
    """Yield sentences without end, in English with their German translator; sources may repeat."""
    sampler = Sampler(random)
    scenes = [scene for scene, weight in SCENES for _ in range(weight)]
    while True:
        utterance = sampler.one(scenes)(sampler)
        if MIN_WORDS <= utterance.english.count(" ") + 1 <= MAX_WORDS:
            yield Utterance(_sentence(utterance.english), utterance.german)


def translate(utterance: Utterance, random: Random) -> str:
    """Return one German translation, its choices drawn from `random`."""
    return _sentence(utterance.german(Voice(random)))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


@lru_cache(maxsize=1)
def _corpus(seed: int) -> dict[str, tuple[Pair, ...]]:
    """Draw all splits at once: what dev and test hold, the training text must not."""
    random = Random(f"phrasebook {seed}")
    sources: dict[str, Utterance] = {}
    for utterance in utterances(random):
        sources.setdefault(utterance.english, utterance)
        if len(sources) == TRAIN_SOURCES + 2 * HELD_OUT:
            break
    pool = list(sources.values())
    random.shuffle(pool)
    waiting = iter(pool)
    held_out: set[str] = set()
    splits: dict[str, tuple[Pair, ...]] = {}
    for split in ("test", "dev"):
        splits[split] = tuple(islice(_pairs(waiting, held_out, random), HELD_OUT))
        held_out |= {pair.tgt for pair in splits[split]}
    left = list(waiting)
    train = list(_pairs(left, held_out, random))
    repeats = (left[int(random.random() * len(left))] for _ in count())
    train.extend(islice(_pairs(repeats, held_out, random), TRAIN_PAIRS - len(train)))
    random.shuffle(train)
    return {**splits, "train": tuple(train)}


def _pairs(chosen: Iterable[Utterance], held_out: set[str], random: Random) -> Iterator[Pair]:
    """Translate each utterance once, leaving out what would repeat a held-out target."""
    for utterance in chosen:
        target = translate(utterance, random)
        if target not in held_out:
            yield Pair(utterance.english, target)
