import math
import random

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from onepass.errors import DataError
from onepass.evaluation.quality import bleu_tokenizer, measure

REF = [
    "The kettle is on the stove.",
    "Our train leaves at 9:15, doesn't it?",
    "She keeps two spare keys in the red drawer.",
    "Nobody told the gardener about the party.",
    "It rained all weekend; we stayed at home.",
    "Please sign here and here.",
    "The bridge was closed for three months.",
    "Who left the window open last night?",
] * 6


def worsened(lines: list[str], rate: float, seed: int) -> list[str]:
    """The lines with some words replaced by the word before them."""
    generator = random.Random(seed)
    result = []
    for line in lines:
        words = line.split()
        for i in range(1, len(words)):
            if generator.random() < rate:
                words[i] = words[i - 1]
        result.append(" ".join(words))
    return result


GOOD, BAD = worsened(REF, 0.1, seed=1), worsened(REF, 0.3, seed=2)


def test_scores_and_signatures_are_those_of_sacrebleu():
    quality = measure(BAD, REF, bootstrap_samples=0)
    bleu, chrf = BLEU(tokenize="13a", lowercase=False), CHRF()
    assert quality.bleu == bleu.corpus_score(BAD, [REF]).score
    assert quality.chrf == chrf.corpus_score(BAD, [REF]).score
    assert quality.bleu_signature == str(bleu.get_signature())
    assert "case:mixed" in quality.bleu_signature
    assert "tok:13a" in quality.bleu_signature
    assert quality.chrf_signature == str(chrf.get_signature())
    assert quality.interval is None
    assert quality.p_value is None


@pytest.mark.parametrize(
    ("language", "name"), [("zh", "zh"), ("zh-TW", "zh"), ("yue", "zh"), ("de", "13a"), ("", "13a")]
)
def test_the_language_says_how_bleu_cuts_words(language, name):
    ref = ["我今天早上喝了一杯热茶。", "他的房子在山的后面。"]
    hyp = ["我今天喝了一杯茶。", "他的房子在山后面。"]
    quality = measure(hyp, ref, language=language, bootstrap_samples=20)
    assert quality.bleu == BLEU(tokenize=name).corpus_score(hyp, [ref]).score
    assert f"tok:{name}" in quality.bleu_signature


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_japanese_and_korean_are_cut_into_words_or_characters(language):
    name = bleu_tokenizer(language)
    assert name in (f"{language}-mecab", "char")
    text = ["私は今朝、熱いお茶を飲みました。"]
    quality = measure(text, text, language=language, bootstrap_samples=0)
    assert quality.bleu == pytest.approx(100)
    assert "tok:13a" not in quality.bleu_signature


def test_several_references_are_those_of_sacrebleu():
    other = worsened(REF, 0.2, seed=3)
    quality = measure(BAD, REF, more_refs=[other], baseline=GOOD, bootstrap_samples=100)
    assert quality.bleu == BLEU().corpus_score(BAD, [REF, other]).score
    assert quality.chrf == CHRF().corpus_score(BAD, [REF, other]).score
    assert "nrefs:2" in quality.bleu_signature
    test = PairedTest(
        [("baseline", GOOD), ("system", BAD)], {"BLEU": BLEU()}, [REF, other], test_type="bs", n_samples=100
    )
    assert quality.p_value == pytest.approx(test()[1]["BLEU"][1].p_value)
    with pytest.raises(DataError, match="another file of references"):
        measure(BAD, REF, more_refs=[other[1:]])


@pytest.mark.parametrize(("system", "baseline"), [(GOOD, BAD), (BAD, GOOD), (GOOD, worsened(REF, 0.1, 5))])
def test_bootstrap_agrees_with_sacrebleu(system, baseline):
    quality = measure(system, REF, baseline=baseline, bootstrap_samples=200)
    test = PairedTest(
        [("baseline", baseline), ("system", system)], {"BLEU": BLEU()}, [REF], test_type="bs", n_samples=200
    )
    signatures, scores = test()
    expected = scores["BLEU"][1]
    low, high = quality.interval
    assert quality.p_value == pytest.approx(expected.p_value)
    assert (high - low) / 2 == pytest.approx(expected.ci, rel=1e-4)
    assert low < expected.mean < high
    assert quality.bleu_signature == str(signatures["BLEU"])


def test_interval_agrees_with_brute_force_resampling():
    hyp, ref = BAD[:12], REF[:12]
    generator = np.random.default_rng(7)
    scores = []
    for _ in range(80):
        drawn = generator.choice(len(hyp), size=len(hyp))
        scores.append(BLEU().corpus_score([hyp[i] for i in drawn], [[ref[i] for i in drawn]]).score)
    scores.sort()
    quality = measure(hyp, ref, bootstrap_samples=80, seed=7)
    assert quality.interval == pytest.approx((scores[2], scores[77]))
    assert "seed:7" in quality.bleu_signature


def test_same_seed_same_numbers():
    first = measure(BAD, REF, baseline=GOOD, bootstrap_samples=50, seed=3)
    assert measure(BAD, REF, baseline=GOOD, bootstrap_samples=50, seed=3) == first
    assert measure(BAD, REF, baseline=GOOD, bootstrap_samples=50, seed=4) != first


def test_a_system_does_not_differ_from_itself():
    assert measure(BAD, REF, baseline=list(BAD), bootstrap_samples=50).p_value == 1.0


def test_p_value_is_small_for_a_clear_difference_only():
    assert measure(BAD, REF, baseline=REF, bootstrap_samples=200).p_value < 0.01
    nearly = [*GOOD[:-1], BAD[-1]]
    assert measure(nearly, REF, baseline=GOOD, bootstrap_samples=200).p_value > 0.05


def test_length_ratio_counts_13a_tokens():
    quality = measure(["Yes, we can"], ["Yes, we can!"], bootstrap_samples=0)
    assert quality.length_ratio == 4 / 5


@pytest.mark.parametrize(
    ("hyp", "rate"),
    [
        (["a tidy line", ""], 0.0),
        (["the the cat", "sat"], 1 / 4),
        (["no no no no"], 3 / 4),
        (["end", "end"], 0.0),
        (["", ""], 0.0),
    ],
)
def test_repetition_rate_is_the_share_of_words_that_repeat_the_one_before(hyp, rate):
    assert measure(hyp, ["a b c d"] * len(hyp), bootstrap_samples=0).repetition_rate == rate


def test_perfect_and_empty_translations_are_the_ends_of_the_scale():
    perfect = measure(REF, REF, bootstrap_samples=20)
    assert perfect.bleu == pytest.approx(100)
    assert perfect.interval == pytest.approx((100, 100))
    empty = measure([""] * len(REF), REF, bootstrap_samples=20)
    assert (empty.bleu, empty.chrf, empty.length_ratio) == (0, 0, 0)
    assert not math.isnan(empty.interval[0])


@pytest.mark.parametrize(
    ("hyp", "ref", "baseline"),
    [(["a"], ["a", "b"], None), (["a", "b"], ["a", "b"], ["a"]), ([], [], None)],
)
def test_line_counts_that_do_not_match_are_data_errors(hyp, ref, baseline):
    with pytest.raises(DataError):
        measure(hyp, ref, baseline=baseline)
