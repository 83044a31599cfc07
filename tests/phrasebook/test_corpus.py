"""The embedded corpus: its promises, its multimodality, and its bytes."""

import hashlib
import re
from collections import Counter, defaultdict
from random import Random

import pytest

from onepass.errors import DataError
from onepass.phrasebook import corpus as module
from onepass.phrasebook import phrasebook, translate, utterances
from onepass.phrasebook.adjectives import adjectives
from onepass.phrasebook.nouns import nouns
from onepass.phrasebook.verbs import verbs
from onepass.text.pair import Pair

DIGESTS = {
    # of the lines that `onepass phrasebook SPLIT` prints
    "train": "498df336e2814cf80f00286911b4458c9200c646d4f0c6fab71bcb47c7d6e8a0",
    "dev": "dc81318c5ffed4c9269ac155efd7d62fa12f0fe2961e6bd394cdf97f2d84259c",
    "test": "1bac3b31aeabbe6225a2552b52ab45bcd5c8220b53dd4dd10295aa9425687d21",
}


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Pair]]:
    return {split: list(phrasebook(split)) for split in ("train", "dev", "test")}


def test_every_byte_is_as_it_was_when_models_were_trained_on_it(corpus: dict[str, list[Pair]]) -> None:
    """Other words or another grammar change it; then the results of the phrasebook are measured anew."""
    for split, pairs in corpus.items():
        lines = "".join(f"{pair.src}\t{pair.tgt}\n" for pair in pairs)
        assert hashlib.sha256(lines.encode()).hexdigest() == DIGESTS[split]


def test_same_seed_same_corpus_other_seed_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a small corpus, as the whole one has its digest."""
    for name, size in (("HELD_OUT", 50), ("TRAIN_SOURCES", 500), ("TRAIN_PAIRS", 600)):
        monkeypatch.setattr(module, name, size)

    def drawn(**seed: int) -> dict[str, list[Pair]]:
        module._corpus.cache_clear()
        return {split: list(phrasebook(split, **seed)) for split in module.SPLITS}

    try:
        first = drawn()
        assert {split: len(pairs) for split, pairs in first.items()} == {"train": 600, "dev": 50, "test": 50}
        assert drawn(seed=1) == first
        assert all(pairs != first[split] for split, pairs in drawn(seed=2).items())
    finally:
        module._corpus.cache_clear()


def test_sizes(corpus: dict[str, list[Pair]]) -> None:
    assert len(corpus["dev"]) == len(corpus["test"]) == 1_000
    assert len(corpus["train"]) == 36_000
    assert len({pair.src for pair in corpus["train"]}) >= 30_000


@pytest.mark.parametrize("side", ["src", "tgt"])
def test_splits_share_no_sentence(corpus: dict[str, list[Pair]], side: str) -> None:
    train, dev, test = ({getattr(pair, side) for pair in corpus[split]} for split in ("train", "dev", "test"))
    assert not train & dev
    assert not train & test
    assert not dev & test


def test_sources_have_3_to_20_words(corpus: dict[str, list[Pair]]) -> None:
    lengths = [len(pair.src.split()) for pairs in corpus.values() for pair in pairs]
    assert min(lengths) >= 3
    assert max(lengths) <= 20
    assert 7 < sum(lengths) / len(lengths) < 11


def test_vocabulary_is_not_a_toy(corpus: dict[str, list[Pair]]) -> None:
    def forms(side: str) -> set[str]:
        text = " ".join(getattr(pair, side) for pair in corpus["train"])
        return set(re.findall(r"[^\W\d]+", text))

    assert len(forms("src")) >= 1_200
    assert len(forms("tgt")) >= 2_500
    assert len(nouns()) >= 250
    assert len(verbs()) >= 120
    assert len(adjectives()) >= 75


def test_no_sentence_is_malformed(corpus: dict[str, list[Pair]]) -> None:
    broken = re.compile(r"  | [,.?;]|[{}\[\]|;]|\bNone\b|,,")
    uncontracted = re.compile(r"(?<!, )\b(?:in dem|an dem|zu dem|zu der|von dem|bei dem|in das|an das)\b")
    articles = re.compile(r"\ba [aeio]|\ban [^aeiouh]", re.IGNORECASE)
    for pair in (pair for pairs in corpus.values() for pair in pairs):
        for side in pair:
            assert not broken.search(side), pair
            assert side[0].isupper() or side[0].isdigit(), pair
            assert side[-1] in ".?", pair
        assert not uncontracted.search(pair.tgt), pair
        assert not articles.search(pair.src), pair
        assert pair.src.endswith("?") == pair.tgt.endswith("?"), pair


def test_subordinate_clauses_stand_between_commas(corpus: dict[str, list[Pair]]) -> None:
    conjunction = re.compile(r"(?<!^)(?<!, )\b(?:dass|weil|obwohl|ob|falls|denn)\b")
    for pair in corpus["train"]:
        assert not conjunction.search(pair.tgt), pair


def test_unknown_split_is_a_data_error() -> None:
    with pytest.raises(DataError, match="train, dev, test"):
        next(phrasebook("valid"))


def test_repeated_sources_have_different_translations(corpus: dict[str, list[Pair]]) -> None:
    targets = defaultdict(list)
    for pair in corpus["train"]:
        targets[pair.src].append(pair.tgt)
    repeated = [found for found in targets.values() if len(found) > 1]
    assert len(repeated) > 3_000
    assert sum(len(set(found)) > 1 for found in repeated) > 0.5 * len(repeated)


def test_typical_source_has_several_translations() -> None:
    random = Random(7)
    stream = utterances(random)
    counts = []
    for _ in range(300):
        utterance = next(stream)
        counts.append(len(Counter(translate(utterance, random) for _ in range(60))))
    assert sorted(counts)[150] >= 4
    assert sum(counts) / len(counts) > 6


def test_address_is_consistent_within_a_sentence(corpus: dict[str, list[Pair]]) -> None:
    informal = re.compile(r"\b(?:du|dich|dir|dein\w*)\b", re.IGNORECASE)
    plural = re.compile(r"\b(?:euch|eure?\w*)\b", re.IGNORECASE)
    formal = re.compile(r"(?<!^)\b(?:Ihnen|Ihr\w*)\b")
    for pair in corpus["train"]:
        assert sum(bool(p.search(pair.tgt)) for p in (informal, plural, formal)) <= 1, pair
