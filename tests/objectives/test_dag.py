"""The graph's likelihood, its gradients and its paths against enumeration of every path."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.models.dag import DAGTransformer
from onepass.models.slots import IMPOSSIBLE, soft_copy
from onepass.objectives.dag import DAGObjective, Graph, best_path, graph, log_likelihood
from onepass.objectives.glancing import Glancing, choose
from onepass.objectives.objective import Batch
from onepass.settings import StudentSettings, TransformerSettings
from tiny_graph import SLOTS, make_edges, paths_of, score_of

SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)
TGT_LENGTHS = [1, 2, 4, 3, 5, 4]  # of so many SLOTS the fifth has too few


def make_words(slots: list[int], *, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(100 + seed)
    return -torch.rand(len(slots), max(TGT_LENGTHS), max(slots), generator=random, dtype=torch.float64) * 5


def make_graph(*, seed: int = 0) -> tuple[Tensor, Tensor, Graph]:
    words, edges = make_words(SLOTS, seed=seed), make_edges(SLOTS, seed=seed)
    return words, edges, graph(words, edges, torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS))


def enumerated(words: Tensor, edges: Tensor) -> list[Tensor]:
    """log P of each sentence that fits."""
    return [
        torch.stack([score_of(words[b], edges[b], path) for path in paths_of(n, slots)]).logsumexp(0)
        for b, (n, slots) in enumerate(zip(TGT_LENGTHS, SLOTS, strict=True))
        if paths_of(n, slots)
    ]


FITS = torch.tensor([bool(paths_of(n, slots)) for n, slots in zip(TGT_LENGTHS, SLOTS, strict=True)])


def test_the_likelihood_and_its_gradients_are_those_of_all_paths() -> None:
    words, edges = make_words(SLOTS).requires_grad_(), make_edges(SLOTS).requires_grad_()
    found = log_likelihood(graph(words, edges, torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS)))
    assert FITS.tolist() == [True, True, True, True, False, True]
    assert ((found > IMPOSSIBLE / 2) == FITS).all()
    expected = torch.stack(enumerated(words, edges))
    torch.testing.assert_close(found[FITS], expected, rtol=1e-12, atol=1e-12)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0, 7.0, 1.0], dtype=torch.float64)
    own = torch.autograd.grad((found * weights).sum(), [words, edges])
    naive = torch.autograd.grad((expected * weights[FITS]).sum(), [words, edges])
    torch.testing.assert_close(own, naive, rtol=1e-9, atol=1e-12)


def test_each_step_is_in_one_slot() -> None:
    words, edges, _ = make_graph()
    words.requires_grad_()
    total = log_likelihood(graph(words, edges, torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS)))
    (posterior,) = torch.autograd.grad(total.sum(), words)
    step = torch.arange(max(TGT_LENGTHS)) < torch.tensor(TGT_LENGTHS)[:, None]
    torch.testing.assert_close(posterior.sum(2), (step & FITS[:, None]).double())


def test_very_unlikely_words_and_edges_lose_nothing() -> None:
    """Where probabilities leave float32, the sums are still those of the logarithms."""
    words, edges, _ = make_graph()
    exact = log_likelihood(graph(words * 20, edges, torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS)))
    rounded = log_likelihood(
        graph(words.float() * 20, edges.float(), torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS))
    )
    torch.testing.assert_close(rounded[FITS].double(), exact[FITS], rtol=1e-5, atol=1e-3)


def test_the_best_path_is_the_best_of_all() -> None:
    for seed in range(5):
        words, edges, paths = make_graph(seed=seed)
        found = best_path(paths)
        for b, (n, slots) in enumerate(zip(TGT_LENGTHS, SLOTS, strict=True)):
            every = paths_of(n, slots)
            if every:
                best = max(every, key=lambda path: float(score_of(words[b], edges[b], path)))
                assert tuple(found[b, : n + 2].tolist()) == best
                assert not found[b, n + 2 :].any()


# --- the model -------------------------------------------------------------------


def make_model(*, slots: int = 4, dropout: float = 0.0) -> DAGTransformer:
    torch.manual_seed(1)
    return DAGTransformer(
        SIZES, StudentSettings(family="dag", slots=slots, dropout=dropout), 9, 9, joint=True
    )


def padded(rows: list[list[int]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def make_batch() -> Batch:
    src = padded([[5, 6, 4], [4, 4, 5, 6], [6]])
    return Batch(src, padded([[4, 5], [6, 6, 4, 5, 4], [5]]))


def test_edges_of_a_slot_sum_to_one_and_the_last_has_none() -> None:
    model, batch = make_model().eval(), make_batch()
    edges = model.edges(model.decode(batch.src_ids, model.encode(batch.src_ids))).exp()
    lengths = model.num_slots((batch.src_ids != 0).sum(1))
    assert lengths.tolist() == [14, 18, 6]
    has_edges = torch.arange(18) < (lengths - 1)[:, None]
    torch.testing.assert_close(edges.sum(2), has_edges.float())
    assert not edges.tril().any()


def test_edges_are_the_mixture_of_the_formula() -> None:
    model, batch = make_model().eval(), make_batch()
    decoded = model.decode(batch.src_ids, model.encode(batch.src_ids))
    from onepass.nn.positions import sinusoidal_positions

    b, length = 1, 18
    features = torch.cat([decoded.states[b], sinusoidal_positions(length, 16)], -1)
    gates = model.edge_gate(features).softmax(-1)
    expected = torch.zeros(length, length)
    for i in range(length - 1):
        for h in range(2):
            columns = slice(8 * h, 8 * h + 8)
            query = model.edge_query(features)[i, columns]
            scores = model.edge_key(features)[i + 1 :, columns] @ query / math.sqrt(8)
            expected[i, i + 1 :] += gates[i, h] * scores.softmax(0)
    torch.testing.assert_close(model.edges(decoded)[b].exp(), expected)


def test_slots_start_from_the_source_but_for_the_ends() -> None:
    model, batch = make_model(), make_batch()
    mask = torch.arange(18) < model.num_slots((batch.src_ids != 0).sum(1, keepdim=True))
    memory = model.encode(batch.src_ids)
    copied = model.start(batch.src_ids, memory, mask)
    model.soft_copy = False
    kinds = model.start(batch.src_ids, memory, mask)
    assert len(kinds[0, :14].unique(dim=0)) == 3
    for b, length in enumerate([14, 18, 6]):
        source = batch.src_ids[b, : (length - 2) // 4]
        alone = soft_copy(model.src_embedding(source)[None], source[None] != 0, 4)[0]
        torch.testing.assert_close((copied - kinds)[b, :length], F.pad(alone, (0, 0, 1, 1)))


def test_pairs_that_do_not_fit_are_counted_and_left_out() -> None:
    model, batch = make_model(slots=1).eval(), make_batch()  # the second needs 5 slots and has 4
    own = DAGObjective(1, None)
    terms, counts = own.terms(model, batch), own.counts(batch)
    rest = Batch(batch.src_ids[[0, 2]], batch.tgt_ids[[0, 2]])
    torch.testing.assert_close(terms["tokens"].sum, own.terms(model, rest)["tokens"].sum)
    assert (counts["tokens"], int(terms["infeasible"].sum), counts["infeasible"]) == (3, 1, 3)
    terms["tokens"].sum.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_what_is_told_stands_on_a_path_that_spells_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = make_model().train(), make_batch()
    seen = []
    decode = model.decode

    def spy(src_ids, memory, revealed=None):
        seen.append(revealed)
        return decode(src_ids, memory, revealed)

    monkeypatch.setattr(model, "decode", spy)
    monkeypatch.setattr(
        "onepass.objectives.dag.choose", lambda _, allowed: choose(torch.tensor([9] * 3), allowed)
    )
    terms = DAGObjective(4, Glancing(0.5, 0.3)).terms(model, batch)
    assert seen[0] is None
    mask, told = seen[1]
    assert int(terms["revealed"].sum) == int(mask.sum()) == 8
    for row, length in zip(mask, model.num_slots((batch.src_ids != 0).sum(1)), strict=True):
        assert not row[0]
        assert not row[length - 1 :].any()
    assert [row[told_at].tolist() for row, told_at in zip(told, mask, strict=True)] == [
        [token for token in target.tolist() if token] for target in batch.tgt_ids
    ]
