"""Preparing: which sets are filtered, augmented and cut, with which seed."""

from pathlib import Path

import pytest
from tiny_context import context_for

from onepass.pipeline.prepare import SPLITS, prepare, text_pairs
from onepass.text.batches import IdPairs
from onepass.text.pair import Pair
from onepass.text.tokenizer import Tokenizer
from tiny_run import tiny_recipe, write_lines


def prepared(directory: Path, *settings: str) -> Path:
    """What the stage makes of a recipe in this directory."""
    recipe = tiny_recipe(directory, *settings)
    to = directory / "-".join(("prepare", *(setting.replace("/", "_") for setting in settings)))
    prepare(context_for(recipe, to, {}))
    return to


def corpus(directory: Path, split: str) -> list[Pair]:
    sides = ((directory / f"corpus/{split}.{lang}").read_text().split("\n")[:-1] for lang in ("en", "de"))
    return [Pair(*pair) for pair in zip(*sides, strict=True)]


def test_dev_and_test_stay_as_they_are_whatever_is_done_to_the_training_pairs(tmp_path: Path) -> None:
    tiny_recipe(tmp_path)  # writes the corpus
    augment = ("unpunctuated=1.0", "uncapitalised=1.0", "renamed=1.0")
    to = prepared(tmp_path, "data.filters.max_words=3", *(f"data.augment.{share}" for share in augment))
    for split in ("dev", "test"):
        assert list(text_pairs(to, split)) == corpus(tmp_path, split)
    kept = [pair for pair in corpus(tmp_path, "train") if max(len(side.split()) for side in pair) <= 3]
    assert 0 < len(kept) < 40
    assert [pair.tgt for pair in text_pairs(to, "train")] == [pair.tgt.rstrip(".!?") for pair in kept]


def test_ids_are_those_of_the_texts_and_of_long_ones_there_are_none(tmp_path: Path) -> None:
    to = prepared(tmp_path, "data.filters.max_tokens=12")
    tokenizer = Tokenizer.load(to)
    for split in ("train", "dev"):
        pairs, left_out = IdPairs.open(to, split), 0
        for row, (src, tgt) in enumerate(text_pairs(to, split)):
            ids = [tokenizer.encode_src(src), tokenizer.encode_tgt(tgt)]
            if max(map(len, ids)) > 12:
                ids, left_out = [[], []], left_out + 1
            assert [pairs.src[row].tolist(), pairs.tgt[row].tolist()] == ids
        assert len(pairs) == row + 1
        assert 0 < left_out < len(pairs)


def test_phrases_are_filtered_as_the_training_pairs_are(tmp_path: Path) -> None:
    tiny_recipe(tmp_path)
    phrases = write_lines(
        tmp_path / "phrases.tsv", ["Hi!\tHallo!", "one two three four\teins zwei drei vier"]
    )
    to = prepared(tmp_path, f"data.phrases={phrases}", "data.phrase_repeats=2", "data.filters.max_words=3")
    assert list(text_pairs(to, "phrases")) == [Pair("Hi!", "Hallo!")] * 2


def test_the_seed_of_the_recipe_is_the_one_of_augmenting(tmp_path: Path) -> None:
    half = "data.augment.unpunctuated=0.5"
    one, same, other = (
        list(text_pairs(prepared(tmp_path / name, half, f"seed={seed}"), "train"))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one == same != other


def test_the_seed_of_the_recipe_is_the_one_of_the_subwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []
    train = Tokenizer.train

    def recorded(*arguments: object, seed: int) -> Tokenizer:
        seeds.append(seed)
        return train(*arguments, seed=seed)  # type: ignore[arg-type]

    monkeypatch.setattr(Tokenizer, "train", recorded)
    prepared(tmp_path, "seed=5")
    assert seeds == [5]


def test_every_split_is_there(tmp_path: Path) -> None:
    to = prepared(tmp_path)
    for split in SPLITS:
        assert len(list(text_pairs(to, split))) == len(corpus(tmp_path, split))
