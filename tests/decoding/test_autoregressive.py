"""Greedy and beam search equal plain searches that recompute everything, and print true scores."""

import math
from collections import Counter

import pytest
import torch

from onepass.decoding import autoregressive
from onepass.decoding.autoregressive import beam_search, greedy, sample, score
from onepass.models.autoregressive import BOS, EOS, PAD, AutoregressiveTransformer
from onepass.runtime.text_translator import Hypotheses

pytestmark = pytest.mark.usefixtures("no_gradient")


def next_log_probs(model: AutoregressiveTransformer, source: list[int], prefix: list[int]) -> list[float]:
    memory = model.encode(torch.tensor([source]))
    states = model.decode(torch.tensor([prefix], dtype=torch.int64), memory)
    return model.logits(states[0, -1]).log_softmax(-1).tolist()


def cap(source: list[int]) -> int:
    return 3 * len(source) + 20


def plain_greedy(model: AutoregressiveTransformer, source: list[int]) -> list[int]:
    prefix: list[int] = []
    while len(prefix) < cap(source):
        values = next_log_probs(model, source, prefix)
        best = max((v for v in range(len(values)) if v not in (PAD, BOS)), key=values.__getitem__)
        if best == EOS:
            break
        prefix.append(best)
    return prefix


def plain_beam(model: AutoregressiveTransformer, source: list[int], beams: int) -> list[int]:
    """As the module's first lines tell it, one prefix at a time and without a cache."""
    alive: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int]]] = []
    for length in range(cap(source) + 1):
        extensions = []
        for total, prefix in alive:
            for token, value in enumerate(next_log_probs(model, source, prefix)):
                if token not in (PAD, BOS):
                    extensions.append((total + value, prefix, token))
        extensions.sort(key=lambda e: -e[0])
        if length == cap(source):  # each of the best ends here
            ends = {id(prefix): total for total, prefix, token in extensions if token == EOS}
            finished += [(ends[id(prefix)], prefix) for _, prefix, _ in extensions[:beams]]
            break
        finished += [(total, prefix) for total, prefix, token in extensions[:beams] if token == EOS]
        if len(finished) >= beams:
            break
        going_on = [(total, [*prefix, token]) for total, prefix, token in extensions if token != EOS]
        alive = going_on[:beams]
    return max(finished, key=lambda f: f[0] / (len(f[1]) + 1))[1]


def most_probable(
    model: AutoregressiveTransformer, source: list[int], prefix: list[int], among: int
) -> dict[int, float]:
    """The next tokens that a sample is drawn from, and their shares."""
    values = next_log_probs(model, source, prefix)
    tokens = sorted((v for v in range(len(values)) if v not in (PAD, BOS)), key=lambda v: -values[v])[:among]
    total = sum(math.exp(values[token]) for token in tokens)
    return {token: math.exp(values[token]) / total for token in tokens}


@pytest.mark.parametrize("seed", [2, 3])
def test_greedy_takes_the_best_token_each_time(make_teacher, sentences, pad, seed: int) -> None:
    model = make_teacher(seed=seed)
    expected = [plain_greedy(model, source) for source in sentences[:24]]
    assert greedy(model, pad(sentences[:24])).ids == expected


@pytest.mark.parametrize(("seed", "beams"), [(2, 2), (2, 4), (3, 5)])
def test_beam_search_equals_a_plain_one(make_teacher, sentences, pad, seed: int, beams: int) -> None:
    model = make_teacher(seed=seed)
    expected = [plain_beam(model, source, beams) for source in sentences[:12]]
    assert beam_search(model, pad(sentences[:12]), beam_size=beams).ids == expected


def test_samples_have_the_probabilities_of_the_most_probable_tokens(make_teacher, pad) -> None:
    model, source, draws, among = make_teacher(), [5, 9, 7], 20_000, 3
    generator = torch.Generator().manual_seed(1)
    found = sample(model, pad([source] * draws), generator, among=among)
    starts = Counter(tuple([*ids, EOS][:2]) for ids in found.ids)
    possible = dict.fromkeys(starts, 0.0)
    for first, of_first in most_probable(model, source, [], among).items():
        if first == EOS:
            possible[(EOS,)] = of_first
            continue
        for second, share in most_probable(model, source, [first], among).items():
            possible[first, second] = of_first * share
    assert sum(possible.values()) == pytest.approx(1.0)
    for start, probability in possible.items():
        assert starts[start] / draws == pytest.approx(probability, abs=0.015)
    for ids, mean in list(zip(found.ids, found.scores, strict=True))[:20]:
        expected = score(model, pad([ids], columns=1), model.encode(pad([source])))
        assert mean == pytest.approx(float(expected[0]), abs=1e-5)


def test_samples_follow_the_generator_and_of_one_token_are_greedy(make_teacher, sentences, pad) -> None:
    model, src_ids = make_teacher(), pad(sentences)
    drawn = [sample(model, src_ids, torch.Generator().manual_seed(seed), among=5).ids for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sample(model, src_ids, torch.Generator(), among=1).ids == greedy(model, src_ids).ids
    assert sample(model, src_ids, torch.Generator(), among=10**6).ids != greedy(model, src_ids).ids


def test_a_beam_of_one_is_greedy(make_teacher, sentences, pad) -> None:
    model, src_ids = make_teacher(), pad(sentences)
    assert beam_search(model, src_ids, beam_size=1).ids == greedy(model, src_ids).ids


def test_a_beam_wider_than_all_prefixes_finds_the_best_of_all_targets(make_teacher, pad, monkeypatch) -> None:
    monkeypatch.setattr(autoregressive, "length_cap", lambda lengths: torch.full_like(lengths, 3))
    model, words = make_teacher(vocabulary=6), (1, 4, 5)
    targets: list[list[int]] = [[]]
    for first in targets:
        if len(first) < 3:
            targets.extend([*first, word] for word in words)
    assert len(targets) == 1 + 3 + 9 + 27
    for source in ([4], [5, 4], [4, 4, 5], [5, 5, 4, 1]):
        memory = model.encode(pad([source] * len(targets)))
        scores = score(model, pad(targets), memory)
        found = beam_search(model, pad([source]), beam_size=200)
        assert found.ids == [targets[int(scores.argmax())]]
        assert found.scores == pytest.approx([float(scores.max())], abs=1e-5)


@pytest.mark.parametrize(
    "search",
    [
        greedy,
        lambda *a: beam_search(*a, beam_size=4),
        lambda *a: beam_search(*a, beam_size=4, length_penalty=0.0),
    ],
    ids=["greedy", "beam 4", "beam 4 by sums"],
)
def test_the_printed_score_is_the_mean_log_probability_of_the_printed_ids(
    make_teacher, sentences, pad, search
) -> None:
    model, src_ids = make_teacher(), pad(sentences)
    found: Hypotheses = search(model, src_ids)
    rescored = score(model, pad(found.ids, 1), model.encode(src_ids))
    assert found.scores == pytest.approx(rescored.tolist(), abs=1e-5)


def test_a_score_is_the_mean_over_the_tokens_and_the_end(make_teacher, sentences, pad) -> None:
    model, targets = make_teacher(), sentences[::-1]
    scores = score(model, pad(targets), model.encode(pad(sentences))).tolist()
    for source, target, found in list(zip(sentences, targets, scores, strict=True))[:12]:
        steps = [next_log_probs(model, source, target[:t])[token] for t, token in enumerate([*target, EOS])]
        assert found == pytest.approx(sum(steps) / len(steps), abs=1e-5)


def test_the_length_penalty_chooses_between_sums_and_means(make_teacher, sentences, pad) -> None:
    model, src_ids = make_teacher(), pad(sentences)

    def lengths(penalty: float) -> int:
        return sum(map(len, beam_search(model, src_ids, beam_size=4, length_penalty=penalty).ids))

    assert lengths(0.0) < lengths(1.0) < lengths(2.0)


@pytest.mark.parametrize(
    "search", [greedy, lambda *a: beam_search(*a, beam_size=4)], ids=["greedy", "beam 4"]
)
def test_outputs_hold_no_specials_and_keep_to_the_cap(make_teacher, sentences, pad, search) -> None:
    found: Hypotheses = search(make_teacher(), pad(sentences))
    lengths = [(len(ids), cap(source)) for ids, source in zip(found.ids, sentences, strict=True)]
    assert not {PAD, BOS, EOS} & {i for ids in found.ids for i in ids}
    assert all(length <= most for length, most in lengths)
    assert any(length == most for length, most in lengths)  # the case occurs
    assert any(length < most for length, most in lengths)
