"""The graph's likelihood, its gradients and its paths against enumeration of every path."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.parallel import decode_graph
from onepass.models.dag import (
    REPEATED,
    DAGTransformer,
    best_walk,
    discount_repeats,
    most_probable_words,
    walk,
)
from onepass.models.slots import IMPOSSIBLE, soft_copy
from onepass.objectives.cross_entropy import Batch
from onepass.objectives.dag import DAGObjective, Graph, best_path, graph, log_likelihood
from onepass.objectives.glancing import Glancing, choose
from onepass.settings import StudentSettings, TransformerSettings

SIZES = TransformerSettings(width=16, ffn_width=32, encoder_layers=1, decoder_layers=2, heads=2)
TGT_LENGTHS, SLOTS = [1, 2, 4, 3, 5, 4], [3, 6, 6, 7, 6, 7]  # the fifth has too few


def make_edges(slots: list[int], *, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    longest = max(slots)
    scores = torch.randn(len(slots), longest, longest, generator=random, dtype=torch.float64)
    real = torch.arange(longest) < torch.tensor(slots)[:, None]
    allowed = torch.ones(longest, longest, dtype=torch.bool).triu(1) & real[:, None, :] & real[:, :, None]
    return scores.masked_fill(~allowed, IMPOSSIBLE).log_softmax(-1).masked_fill(~allowed, IMPOSSIBLE)


def make_words(slots: list[int], *, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(100 + seed)
    return -torch.rand(len(slots), max(TGT_LENGTHS), max(slots), generator=random, dtype=torch.float64) * 5


def make_graph(*, seed: int = 0) -> tuple[Tensor, Tensor, Graph]:
    words, edges = make_words(SLOTS, seed=seed), make_edges(SLOTS, seed=seed)
    return words, edges, graph(words, edges, torch.tensor(TGT_LENGTHS), torch.tensor(SLOTS))


def paths_of(tgt_length: int, slots: int) -> list[tuple[int, ...]]:
    """Every path from the first slot to the last with that many slots between, by the definition."""
    return [(0, *inner, slots - 1) for inner in itertools.combinations(range(1, slots - 1), tgt_length)]


def score_of(words: Tensor, edges: Tensor, path: tuple[int, ...]) -> Tensor:
    """Of one sentence: words [T, L], edges [L, L]."""
    return sum(words[t, j] for t, j in enumerate(path[1:-1])) + sum(
        edges[i, j] for i, j in itertools.pairwise(path)
    )


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


# --- walks ---------------------------------------------------------------------


def test_a_walk_follows_the_best_edge_of_each_slot() -> None:
    for seed in range(5):
        edges = make_edges(SLOTS, seed=seed)
        found = walk(edges, torch.tensor(SLOTS))
        for b, slots in enumerate(SLOTS):
            place, visited, score = 0, {0}, 0.0
            while place != slots - 1:
                score += float(edges[b, place].max())
                place = int(edges[b, place].argmax())
                visited.add(place)
            assert set(found.visited[b].nonzero().flatten().tolist()) == visited
            assert float(found.score[b]) == pytest.approx(score)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_the_best_walk_is_the_best_of_all(penalty: float) -> None:
    for seed in range(5):
        edges = make_edges(SLOTS, seed=seed)
        found = best_walk(edges, torch.tensor(SLOTS), length_penalty=penalty)
        for b, slots in enumerate(SLOTS):
            none = torch.zeros(slots, slots, dtype=torch.float64)
            scores = {
                path: float(score_of(none, edges[b], path))
                for n in range(slots - 1)
                for path in paths_of(n, slots)
            }
            best = max(scores, key=lambda path: scores[path] / (len(path) - 1) ** penalty)
            assert tuple(found.visited[b].nonzero().flatten().tolist()) == best
            assert float(found.score[b]) == pytest.approx(scores[best])


def make_spelt(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Edges, log probabilities of words, and words: two of them, so that most stand in many slots."""
    edges = make_edges(SLOTS, seed=seed)
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, 6, edges.shape[:2], generator=random)
    words = torch.rand(edges.shape[:2], generator=random, dtype=torch.float64).log()
    slot, last = torch.arange(max(SLOTS)), torch.tensor(SLOTS)[:, None] - 1
    silent = (slot == 0) | (slot >= last)
    return edges, words.masked_fill(silent, 0), labels.masked_fill(silent, 0)


def spelt(edges: Tensor, words: Tensor, labels: Tensor, slots: int, written: tuple[int, ...]) -> float:
    """Of one sentence: the probability of all ways together to write these words, a 0 at last the end."""
    total, ended = 0.0, written[-1:] == (0,)
    for path in itertools.combinations(range(1, slots), len(written)):
        if tuple(int(labels[j]) for j in path) == written and (path[-1:] == (slots - 1,)) == ended:
            steps = itertools.pairwise((0, *path))
            total += math.exp(sum(float(edges[i, j] + words[j]) for i, j in steps))
    return total


def translations(row: Tensor, log_probs: Tensor) -> list[tuple[int, ...]]:
    real = [words for words, log_prob in zip(row.tolist(), log_probs, strict=True) if log_prob.isfinite()]
    return [(*(word for word in words if word), 0) for words in real]


@pytest.mark.parametrize("beam_size", [1, 2, 5])
def test_a_beam_keeps_the_most_probable_words_over_all_paths_together(beam_size: int) -> None:
    """By the definition: every way to spell the words so far, and what may follow them."""
    many_ways = 0
    for seed in range(20):
        edges, words, labels = make_spelt(seed)
        found = most_probable_words(edges, words, labels, torch.tensor(SLOTS), beam_size=beam_size)
        for b, slots in enumerate(SLOTS):
            sentence = edges[b], words[b], labels[b], slots
            kept: dict[tuple[int, ...], float] = {(): 1.0}
            while not all(written[-1:] == (0,) for written in kept):
                ended = {written: prob for written, prob in kept.items() if written[-1:] == (0,)}
                longer = [(*written, word) for written in kept if written not in ended for word in (0, 4, 5)]
                every = ended | {written: spelt(*sentence, written) for written in longer}
                ranked = sorted(every, key=lambda written: -every[written])[:beam_size]
                kept = {written: every[written] for written in ranked if every[written] > 0}
            assert translations(found.ids[b], found.log_probs[b]) == list(kept)
            expected = [math.log(prob) for prob in kept.values()]
            assert found.log_probs[b, : len(kept)].tolist() == pytest.approx(expected)
            by_walk = walk(edges + words[:, None], torch.tensor(SLOTS)).visited[b]
            many_ways += (*labels[b, by_walk].tolist()[1:],) != next(iter(kept))
    assert many_ways > 10  # it is not what the lookahead writes


def test_a_wide_beam_finds_every_translation_of_a_graph() -> None:
    for seed in range(3):
        edges, words, labels = make_spelt(seed)
        found = most_probable_words(edges, words, labels, torch.tensor(SLOTS), beam_size=100)
        assert (found.log_probs.exp().sum(1) < 1 + 1e-9).all()
        for b, slots in enumerate(SLOTS):
            sentence = edges[b], words[b], labels[b], slots
            every = {
                (*written, 0): spelt(*sentence, (*written, 0))
                for n in range(slots - 1)
                for written in itertools.product((4, 5), repeat=n)
            }
            possible = {written for written, prob in every.items() if prob > 0}
            assert len(possible) > 1 or slots == 3
            assert set(translations(found.ids[b], found.log_probs[b])) == possible
            assert found.log_probs[b, : len(possible)].exp().sum() == pytest.approx(sum(every.values()))


def test_a_word_seldom_follows_itself_unless_the_source_has_it_twice() -> None:
    edges = make_edges([7, 7, 7])
    labels = torch.tensor([[0, 4, 4, 5, 5, 4, 0]]).expand(3, 7)
    src_ids = padded([[5, 5, 4], [4, 5, 4, 4], [4, 5]])  # `padded` with the id of slots without a word
    for given in (src_ids, None):
        found = (discount_repeats(edges, labels, given) - edges).exp()
        for b, i, j in itertools.product(range(3), range(7), range(7)):
            word = int(labels[b, i])
            twice = given is not None and (word, word) in itertools.pairwise(given[b].tolist())
            seldom = word == int(labels[b, j]) != 0 and not twice
            assert float(found[b, i, j]) == pytest.approx(REPEATED if seldom else 1)


def test_a_graph_writes_a_word_twice_where_that_is_far_more_probable_than_another() -> None:
    """From the first slot surely to a 4, from there to another 4 or to a 5, from both to the end."""
    labels, words, lengths = torch.tensor([[0, 4, 4, 5, 0]]), torch.zeros(1, 5), torch.tensor([5])
    for repeated, expected in ((0.9, [4, 5]), (0.97, [4, 5]), (0.99, [4, 4])):
        edges = torch.zeros(1, 5, 5)
        edges[0, 0, 1] = edges[0, 2, 4] = edges[0, 3, 4] = 1
        edges[0, 1, 2], edges[0, 1, 3] = repeated, 1 - repeated
        edges = edges.log().clamp(min=IMPOSSIBLE)
        found = most_probable_words(discount_repeats(edges, labels, None), words, labels, lengths)
        assert found.ids[0, 0].tolist() == expected


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
    copied = model.start(batch.src_ids, mask)
    model.soft_copy = False
    kinds = model.start(batch.src_ids, mask)
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


def test_the_score_is_of_the_path_and_its_words() -> None:
    """For one sentence: the edges and words of the lookahead's path, added up one by one."""
    model, batch = make_model().eval(), make_batch()
    src_ids = batch.src_ids[:1, :3]
    with torch.no_grad():
        decoded = model.decode(src_ids, model.encode(src_ids))
        edges = model.edges(decoded)[0]
        words = (decoded.states[0] @ model.tgt_embedding.weight.T).log_softmax(-1)
        words[:, :4] = -torch.inf
    place, ids, score = 0, [], 0.0
    while place != 13:
        gain = edges[place] + F.pad(words[1:13].amax(1), (1, 1))
        score, place = score + float(gain.max()), int(gain.argmax())
        if place != 13:
            ids.append(int(words[place].argmax()))
    found = decode_graph(model, src_ids, "lookahead")
    assert found.ids == [ids]
    assert found.scores == pytest.approx([score / max(len(ids), 1)], rel=1e-5)
