"""Searches of a graph against enumeration of every path, and what a beam of its words keeps."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from onepass.decoding.dag import (
    REPEATED,
    best_spelling,
    best_walk,
    decode_graph,
    discount_repeats,
    most_probable_words,
    walk,
)
from onepass.models.dag import DAGTransformer
from onepass.models.one_pass import NEVER
from onepass.models.slots import IMPOSSIBLE
from tiny_graph import SLOTS, make_edges, paths_of, score_of

pytestmark = pytest.mark.usefixtures("no_gradient")

COUNTS = [1, 2, 5, 20, 64]


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


def padded(rows: list[list[int]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


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


# --- the model's own graph -------------------------------------------------------


def graph_of(model: DAGTransformer, source: list[int]) -> tuple[list[int], Tensor, Tensor]:
    """Of one sentence, by the definition: the word of each slot, its log probability [L], edges [L, L]."""
    decoded = model.decode(torch.tensor([source]), model.encode(torch.tensor([source])))
    scores = (decoded.states[0] @ model.tgt_embedding.weight.T).log_softmax(-1)
    scores[:, list(NEVER)] = -torch.inf
    log_probs = scores.amax(1)
    log_probs[0] = log_probs[-1] = 0  # the ends write nothing
    return scores.argmax(1).tolist(), log_probs, model.edges(decoded)[0]


def test_the_score_is_of_the_path_and_its_words(make_slots) -> None:
    """The edges and words of the lookahead's path, added up one by one."""
    model = make_slots("dag", slots=4, joint=True)
    words, log_probs, edges = graph_of(model, [5, 6, 4])
    place, ids, score = 0, [], 0.0
    while place != 13:
        gain = edges[place] + log_probs
        score, place = score + float(gain.max()), int(gain.argmax())
        if place != 13:
            ids.append(words[place])
    found = decode_graph(model, torch.tensor([[5, 6, 4]]), "lookahead")
    assert found.ids == [ids]
    assert found.scores == pytest.approx([score / max(len(ids), 1)], rel=1e-5)


def test_viterbi_finds_the_path_with_the_best_mean(make_slots) -> None:
    """Of all paths: not the one with the best sum, which is shorter."""
    model, shorter = make_slots("dag", slots=4), 0
    for source in ([5], [9], [5, 9], [6, 6], [10, 4], [8, 5]):
        words, log_probs, edges = graph_of(model, source)
        totals = {
            path: sum(float(edges[i, j] + log_probs[j]) for i, j in itertools.pairwise(path))
            for n in range(len(words) - 1)
            for path in paths_of(n, len(words))
        }
        best = max(totals, key=lambda path: totals[path] / (len(path) - 1))
        found = decode_graph(model, torch.tensor([source]), "viterbi")
        assert found.ids == [[words[slot] for slot in best[1:-1]]]
        assert found.scores == pytest.approx([totals[best] / max(len(best) - 2, 1)], rel=1e-4)
        shorter += len(max(totals, key=totals.__getitem__)) < len(best)
    assert shorter > 1


def test_one_candidate_is_the_most_probable_translation(make_slots, make_teacher, sentences, pad) -> None:
    dag, src_ids = make_slots("dag", slots=2), pad(sentences)
    assert best_spelling(dag, make_teacher(), src_ids, 1).ids == decode_graph(dag, src_ids).ids


def test_the_mean_score_rises_with_a_wider_beam(make_slots, make_teacher, sentences, pad) -> None:
    """Though a wider beam of a graph may lose what a narrow one kept."""
    dag, teacher = make_slots("dag", slots=2), make_teacher()
    means = [sum(best_spelling(dag, teacher, pad(sentences), count).scores) for count in COUNTS]
    assert means == sorted(means)
    assert means[-1] > means[0] + 1
