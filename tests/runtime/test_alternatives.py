"""Alternatives: of a line's sentences the best combinations, of graphs what their teacher likes best."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from onepass.errors import UsageError
from onepass.loading import Translator
from onepass.runtime.alternatives import Scored, combinations
from onepass.runtime.sentences import Languages
from onepass.runtime.shipped import usual_models
from onepass.runtime.text_translator import Hypotheses, TextTranslator
from onepass.text.numbers import same_numbers
from onepass.text.pair import Pair
from tiny_run import tokenizer

WORDS = tokenizer()


def test_combinations_are_the_best_of_all() -> None:
    random = np.random.default_rng(1)
    scores = [sorted(random.normal(size=size).tolist(), reverse=True) for size in (3, 1, 4)]
    weights = [[5] * len(of_sentence) for of_sentence in scores]
    every = sorted(
        product(*(range(len(each)) for each in scores)),
        key=lambda chosen: -sum(each[i] for each, i in zip(scores, chosen, strict=True)),
    )
    assert list(combinations(scores, weights, 100)) == every
    assert list(combinations(scores, weights, 5)) == every[:5]


def several(batch: list[list[int]], count: int) -> Hypotheses:
    """The source itself, then in reverse, then its first word, then the source once more."""
    others = [
        [Scored(ids[::-1], -2.0), Scored(ids[:1], -3.0), Scored(ids, -4.0)][: count - 1] for ids in batch
    ]
    return Hypotheses(batch, [-1.0] * len(batch), with_end=False, others=others)


def echo(*, split: bool) -> TextTranslator:
    return TextTranslator(
        WORDS,
        lambda batch: Hypotheses(batch, [-1.0] * len(batch), with_end=False),
        decode_several=several,
        languages=Languages("en", "de"),
        split=split,
    )


def test_a_line_has_other_texts_with_their_scores() -> None:
    [found] = echo(split=True).translate(["The castle."], n_best=4)
    assert found.text == "The castle."
    assert [score for _, score in found.alternatives or ()] == [-2.0, -3.0]  # the third is the same text
    texts = [text for text, _ in found.alternatives or ()]
    assert len({found.text, *texts}) == 3
    assert echo(split=True).translate(["The castle."])[0].alternatives is None


def test_sentences_vary_one_by_one_and_keep_their_space() -> None:
    line = "The castle.  The house."
    [found] = echo(split=True).translate([line], n_best=3)
    assert found.text == line
    texts = [text for text, _ in found.alternatives or ()]
    assert len(texts) == 2
    assert all(text.startswith("The castle.  ") != text.endswith("  The house.") for text in texts)
    scores = [score for _, score in found.alternatives or ()]
    assert -1 > scores[0] >= scores[1] > -2


def test_what_passes_as_it_is_has_no_other_text() -> None:
    [found] = echo(split=True).translate(["42"], n_best=3)
    assert (found.text, found.alternatives) == ("42", ())


@pytest.mark.parametrize("family", ["ctc", "fertility"])
def test_a_graph_gives_the_candidates_that_its_teacher_likes(bundles: Path, family: str) -> None:
    translator = Translator.load(bundles / f"{family}.exported", precision="float32", split=False)
    in_torch = Translator.load(bundles / family, teacher=bundles / "teacher", num_candidates=10, split=False)
    lines = ["the castle is old and the house is new", "find the castle"]
    found = translator.translate(lines, n_best=4)
    best = in_torch.translate(lines, n_best=10)
    assert any(each.alternatives for each in found)
    for each, reference in zip(found, best, strict=True):
        scores = [each.score, *(score for _, score in each.alternatives or ())]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) <= 4
        known = {reference.text: reference.score, **dict(reference.alternatives or ())}
        shared = [text for text, _ in each.alternatives or () if text in known]
        for text, score in each.alternatives or ():
            if text in shared:
                assert score == pytest.approx(known[text], abs=1e-3)


@pytest.mark.parametrize(("name", "n_best"), [("dag.exported", 2), ("ctc.exported", 65), ("ctc.exported", 0)])
def test_what_cannot_be_given_is_an_error(bundles: Path, name: str, n_best: int) -> None:
    with pytest.raises(UsageError, match="translation"):
        Translator.load(bundles / name).translate(["the castle"], n_best=n_best)


MEETING = {
    "en": "The committee has decided to postpone the meeting because of the weather.",
    "pt": "A comissão decidiu adiar a reunião por causa do tempo.",
}
CHAIRS = {
    "en": "We need 12 chairs, 3 tables and a key for room 7.",
    "pt": "Precisamos de 12 cadeiras, 3 mesas e uma chave para a sala 7.",
}


@pytest.mark.parametrize("model", usual_models())
def test_shipped_models_give_some(model: str) -> None:
    translator = Translator.load(model)
    src, tgt = translator.bundle.src, translator.bundle.tgt
    found = translator.translate([MEETING[src], MEETING[src], CHAIRS[src]], n_best=4)
    assert found[0].text == found[1].text
    assert found[0].alternatives == found[1].alternatives
    for each in found:
        texts = [each.text, *(text for text, _ in each.alternatives or ())]
        assert len(set(texts)) == len(texts) > 1
    assert all(same_numbers(Pair(CHAIRS[src], text), src, tgt) for text, _ in found[2].alternatives or ())
