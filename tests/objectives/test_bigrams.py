"""Expected bigrams against enumeration of everything a student can write."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models import MODELS
from onepass.models.slots import IMPOSSIBLE, SlotTransformer
from onepass.objectives import FINETUNINGS, OBJECTIVES, finetune_objective
from onepass.objectives.bigrams import (
    Expected,
    score,
)
from onepass.objectives.ctc import expected_of_labels
from onepass.objectives.dag import expected_of_paths
from onepass.objectives.objective import Batch, Objective
from onepass.objectives.vocabulary import VocabularySample
from onepass.settings import FinetuneSettings, StudentSettings, TransformerSettings

FAMILIES = [("ctc", 2), ("dag", 4)]
SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)
TARGETS = [[4, 5], [4, 4, 5], [6], [5, 5, 5, 5], [4, 5, 6, 4, 5]]
SLOTS = [4, 5, 3, 5, 5]
WORDS = (4, 5, 6, 7)
BLANK = 8


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def mask_of(slots: Sequence[int]) -> Tensor:
    return torch.arange(max(slots)) < torch.tensor(slots)[:, None]


def bigrams_of(tokens: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise([-1, *tokens, -2]))


# --- CTC ---------------------------------------------------------------------


def ctc_log_probs(seed: int = 0) -> Tensor:
    """Of every label, [B, L, 9]; those below 4 are impossible."""
    random = torch.Generator().manual_seed(seed)
    scores = torch.randn(len(SLOTS), max(SLOTS), BLANK + 1, generator=random, dtype=torch.float64)
    scores[:, :, :4] = IMPOSSIBLE
    return scores.log_softmax(-1)


def ctc_outputs(log_probs: Tensor, slots: int) -> Iterator[tuple[float, tuple[int, ...], list[int]]]:
    """Probability, labels and tokens of every labelling of some slots."""
    for labels in itertools.product([*WORDS, BLANK], repeat=slots):
        log_prob = sum(float(log_probs[slot, label]) for slot, label in enumerate(labels))
        tokens = [label for label, _ in itertools.groupby(labels) if label != BLANK]
        yield float(torch.tensor(log_prob).exp()), labels, tokens


def of_ctc(log_probs: Tensor, targets: Sequence[Sequence[int]], slots: Sequence[int]) -> Expected:
    tgt_ids = padded(targets)
    labels = F.pad(tgt_ids, (0, 1), value=BLANK)[:, None].expand(-1, log_probs.size(1), -1)
    return expected_of_labels(log_probs.gather(2, labels), tgt_ids, mask_of(slots))


def test_the_bigrams_of_ctc_are_those_of_all_labellings() -> None:
    log_probs = ctc_log_probs()
    expected = of_ctc(log_probs, TARGETS, SLOTS)
    for b, (target, slots) in enumerate(zip(TARGETS, SLOTS, strict=True)):
        found: defaultdict[tuple[int, int], float] = defaultdict(float)
        length = 0.0
        for prob, labels, tokens in ctc_outputs(log_probs[b], slots):
            for bigram in bigrams_of(tokens):
                found[bigram] += prob
            repeated = [one for one, other in itertools.pairwise(labels) if one == other != BLANK]
            length += prob * (len(tokens) + sum(token not in target for token in repeated))
        wanted = [found[bigram] for bigram in bigrams_of(target)]
        assert expected.bigrams[b, : len(wanted)].tolist() == pytest.approx(wanted, rel=1e-6)
        assert float(expected.length[b]) == pytest.approx(length, rel=1e-6)
        matched = sum(min(times, found[g]) for g, times in Counter(bigrams_of(target)).items())
        bleu = matched / (length + 1) * min(1, math.exp(1 - (len(target) + 1) / (length + 1)))
        assert float(score(expected, padded(TARGETS))[b]) == pytest.approx(bleu, rel=1e-6)


# --- the graph ---------------------------------------------------------------


def random_graph(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Log probabilities of the words [B, L, 8] and of the edges [B, L, L]."""
    random = torch.Generator().manual_seed(seed)
    most = max(SLOTS)
    words = torch.randn(len(SLOTS), most, max(WORDS) + 1, generator=random, dtype=torch.float64)
    words[:, :, :4] = IMPOSSIBLE
    edges = torch.randn(len(SLOTS), most, most, generator=random, dtype=torch.float64)
    allowed = torch.ones(most, most, dtype=torch.bool).triu(1) & mask_of(SLOTS)[:, None, :]
    edges = edges.masked_fill(~allowed, IMPOSSIBLE).log_softmax(-1).masked_fill(~allowed, IMPOSSIBLE)
    return words.log_softmax(-1), edges


def graph_outputs(words: Tensor, edges: Tensor, slots: int) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Probability and words of every path with every choice of words."""
    for number in range(slots - 1):
        for inner in itertools.combinations(range(1, slots - 1), number):
            path = (0, *inner, slots - 1)
            along = sum(float(edges[i, j]) for i, j in itertools.pairwise(path))
            for chosen in itertools.product(WORDS, repeat=number):
                said = sum(float(words[slot, word]) for slot, word in zip(inner, chosen, strict=True))
                yield float(torch.tensor(along + said).exp()), chosen


def of_graph(words: Tensor, edges: Tensor, targets: Sequence[Sequence[int]]) -> Expected:
    tgt_ids = padded(targets)
    log_probs = words.gather(2, tgt_ids[:, None].expand(-1, words.size(1), -1))
    return expected_of_paths(log_probs, edges, tgt_ids, mask_of(SLOTS))


def test_the_bigrams_of_the_graph_are_those_of_all_paths() -> None:
    words, edges = random_graph()
    expected = of_graph(words, edges, TARGETS)
    for b, (target, slots) in enumerate(zip(TARGETS, SLOTS, strict=True)):
        found: defaultdict[tuple[int, int], float] = defaultdict(float)
        length = total = 0.0
        for prob, tokens in graph_outputs(words[b], edges[b], slots):
            total += prob
            length += prob * len(tokens)
            for bigram in bigrams_of(tokens):
                found[bigram] += prob
        assert total == pytest.approx(1, rel=1e-6)
        wanted = [found[bigram] for bigram in bigrams_of(target)]
        assert expected.bigrams[b, : len(wanted)].tolist() == pytest.approx(wanted, rel=1e-6)
        assert float(expected.length[b]) == pytest.approx(length, rel=1e-6)


# --- both --------------------------------------------------------------------


def test_the_gradients_are_those_of_differences() -> None:
    tgt_ids = padded(TARGETS)
    log_probs = ctc_log_probs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: score(of_ctc(x, TARGETS, SLOTS), tgt_ids), log_probs)
    words, edges = (part.requires_grad_() for part in random_graph())
    assert torch.autograd.gradcheck(lambda w, e: score(of_graph(w, e, TARGETS), tgt_ids), (words, edges))


def test_a_certain_translation_has_the_score_of_its_bigrams() -> None:
    """4 4 _ 4 5 is written 4 4 5: begin-4 and 4-5 are two of its four bigrams."""
    log_probs = torch.full((1, 5, BLANK + 1), IMPOSSIBLE)
    for slot, label in enumerate([4, 4, BLANK, 4, 5]):
        log_probs[0, slot, label] = 0
    for target, bleu in (([4, 5, 6], 2 / 4), ([4, 4, 5], 1), ([4, 5, 6, 7, 7], math.exp(1 - 6 / 4) * 2 / 4)):
        found = score(of_ctc(log_probs, [target], [5]), padded([target]))
        assert float(found) == pytest.approx(bleu)


def make(family: Any, **settings: Any) -> SlotTransformer:
    torch.manual_seed(1)
    student = StudentSettings(family=family, dropout=0.0, **settings)
    model = MODELS[family](SIZES, student, 9, 9, joint=True)
    assert isinstance(model, SlotTransformer)
    return model


def likelihood_objective(family: Any, slots: int) -> Objective:
    return OBJECTIVES[family](StudentSettings(family=family, slots=slots), None)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_fine_tuning_matches_more_of_the_target(family: str, slots: int, bf16: bool) -> None:
    model, own = make(family, slots=slots).train(), FINETUNINGS[family](FinetuneSettings(), None)
    batch = Batch(padded([[5, 6, 4], [4, 4, 5, 6], [6]]), padded([[4, 5], [6, 4, 5, 4], [5, 6]]))
    before = likelihood_objective(family, slots)
    losses = []
    for name, objective, rate, updates in (("tokens", before, 6e-3, 30), ("bigrams", own, 3e-3, 60)):
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        for _ in range(updates):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                terms = objective.terms(model, batch)
            terms[name].sum.backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            losses.append(float(own.terms(model, batch)["bigrams"].sum))
    assert losses[1] < losses[0] / 2


@pytest.mark.parametrize(("family", "slots"), FAMILIES)
def test_words_that_are_not_in_the_sample_have_no_share(
    family: str, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all words the loss is the same; over few, that of a model whose other words have no chance."""
    model = make(family, slots=slots).train()
    batch = Batch(padded([[5, 6, 4], [4, 6]]), padded([[4, 5], [6, 4]]))
    student = StudentSettings(family=family, slots=slots, finetune=FinetuneSettings())
    every = VocabularySample.of_counts(torch.ones(9), 9, 0)
    few = VocabularySample.of_counts(torch.ones(9), 0, 0)
    losses = {}
    for name, sample in (("no", None), ("every", every), ("few", few)):
        terms = finetune_objective(student, None, sample).terms(model, batch)
        losses[name] = terms["bigrams"].sum
    torch.testing.assert_close(losses["every"], losses["no"])
    assert not torch.isclose(losses["few"], losses["no"])
    model.eval()  # where quality is measured, all words count
    measured = finetune_objective(student, None, few).terms(model, batch)["bigrams"].sum
    torch.testing.assert_close(measured, losses["no"])
    own = model.output_bias
    never = torch.zeros(len(model.output_weight()))
    never[[7, 8]] = -1e4  # 4, 5 and 6 are in the batch
    monkeypatch.setattr(model, "output_bias", lambda: never if own() is None else own() + never)
    without = finetune_objective(student, None, None).terms(model, batch)["bigrams"].sum
    torch.testing.assert_close(without, losses["few"])
