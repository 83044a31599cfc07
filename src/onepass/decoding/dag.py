"""Decoding of graphs (Huang et al. 2022): searches for a path, and the teacher's choice of what it spells.

A path goes from the first slot to the last, always to the right, and every slot between them has a word.
Many paths spell one translation, so the usual search adds them up and follows none.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.one_pass import Candidates, best_labels, favourites, likeliest, written
from onepass.decoding.options import Decoder, DecodingOptions
from onepass.families import DAG
from onepass.models import Model
from onepass.models.autoregressive import PAD
from onepass.models.dag import DAGTransformer
from onepass.models.one_pass import compact
from onepass.models.slots import IMPOSSIBLE
from onepass.models.stepwise import WordByWord
from onepass.runtime.text_translator import Hypotheses

USUAL = DAG.searches[-1]
REPEATED = 0.02
"""What a word counts after itself, where the source does not have it twice in a row too."""


class Walk(NamedTuple):
    """A path: the slots on it, bool [B, L], first and last among them; the sum of its edges' scores, [B]."""

    visited: Tensor
    score: Tensor


class Spellings(NamedTuple):
    """Different translations, the most probable first.

    Attributes:
        ids: int64 [B, N, T], padded with 0.
        log_probs: of the words and the end, [B, N]; -inf where there are fewer translations.
        slots: the most probable one of each word, int64 [B, N, T].
    """

    ids: Tensor
    log_probs: Tensor
    slots: Tensor


def decoder(model: Model, options: DecodingOptions) -> Decoder:
    """The decoder of a DAG student."""
    assert isinstance(model, DAGTransformer)
    teacher, search, n_best = options.teacher, options.search or USUAL, options.n_best
    most = max(options.num_candidates, n_best)
    if most == 1:
        return lambda src_ids: decode_graph(model, src_ids, search)
    return lambda src_ids: best_spelling(model, teacher, src_ids, most, n_best=n_best)


class _Graph(NamedTuple):
    """Slots with their most probable word and its log probability, 0 where a slot writes none.

    Attributes:
        edges: log probability of going from slot i to slot j, [B, L, L].
        labels: int64 [B, L].
        log_probs: [B, L].
        lengths: real slots, [B].
        attended: the source token of each slot, int64 [B, L].
    """

    edges: Tensor
    labels: Tensor
    log_probs: Tensor
    lengths: Tensor
    attended: Tensor


def _graph(model: DAGTransformer, src_ids: Tensor) -> _Graph:
    memory = model.encode(src_ids)
    decoded = model.decode(src_ids, memory)
    lengths = decoded.mask.sum(1)
    labels, log_probs = best_labels(model, decoded)
    slot = torch.arange(labels.size(1), device=labels.device)
    silent = (slot == 0) | (slot >= lengths[:, None] - 1)
    return _Graph(
        model.edges(decoded),
        labels.masked_fill(silent, PAD),
        log_probs.masked_fill(silent, 0),
        lengths,
        model.attended(memory, decoded),
    )


@torch.no_grad()
def likely_words(model: DAGTransformer, src_ids: Tensor, *, beam_size: int = 1) -> Spellings:
    """What a graph most probably spells, over all paths, seldom a word twice in a row.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        beam_size: translations that are kept at every word; 1 always writes the most probable next one.
    """
    return _likely_words(model, _graph(model, src_ids), src_ids, beam_size)


def _likely_words(model: DAGTransformer, graph: _Graph, src_ids: Tensor, beam_size: int) -> Spellings:
    edges = discount_repeats(graph.edges, graph.labels, src_ids if model.joint else None)
    return most_probable_words(edges, graph.log_probs, graph.labels, graph.lengths, beam_size=beam_size)


@torch.no_grad()
def decode_graph(model: DAGTransformer, src_ids: Tensor, search: str = USUAL) -> Hypotheses:
    """Some slots, and of each its most probable word; the score is of edges and words, a token.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        search: `greedy` follows the best edge, `lookahead` the best edge and word together, `viterbi` finds
            the path whose edges and words have the best mean; `marginal` always writes the most probable next
            word, over all paths that have spelt the ones before it, seldom the same once more.
    """
    graph = _graph(model, src_ids)
    if search == "marginal":
        spelt = _likely_words(model, graph, src_ids, 1)
        return written(spelt.ids[:, 0], spelt.log_probs[:, 0], graph.attended, spelt.slots[:, 0])
    edges, labels, log_probs, lengths, attended = graph
    both = edges + log_probs[:, None, :]  # [B, L, L]
    if search == "viterbi":
        path = best_walk(both, lengths)
    else:
        path = walk(edges if search == "greedy" else both, lengths)
    words = path.visited & (labels != PAD)
    scores = path.score
    if search == "greedy":
        scores = scores + log_probs.masked_fill(~words, 0).sum(1)
    slots = torch.arange(labels.size(1), device=labels.device).expand_as(labels)
    return written(compact(labels, words), scores, attended, compact(slots, words))


@torch.no_grad()
def best_spelling(
    model: DAGTransformer, teacher: WordByWord | None, src_ids: Tensor, most: int, *, n_best: int = 1
) -> Hypotheses:
    """The translation that the teacher likes best of up to `most` that the graph spells, whatever the path.

    Without a teacher it is the likeliest one, with the student's score.

    Args:
        model: the student, in eval mode.
        teacher: scores all candidates in one parallel pass (Gu et al. 2018, equation 8); in eval mode.
        src_ids: int64 [B, S], padded with 0.
        most: candidates of a sentence; there may be fewer.
        n_best: candidates that are given.
    """
    graph = _graph(model, src_ids)
    ids, log_probs, slots = _likely_words(model, graph, src_ids, most)
    sentence, place = log_probs.isfinite().nonzero(as_tuple=True)
    candidates = Candidates(
        ids[sentence, place], sentence, slots[sentence, place], log_probs[sentence, place]
    )
    if teacher is None:
        return likeliest(candidates, graph.attended, n_best)
    return favourites(teacher, src_ids, candidates, graph.attended, n_best)


def walk(scores: Tensor, lengths: Tensor) -> Walk:
    """From the first slot always along the best edge to the last, in about log2(L) steps.

    Edges only go right, so the slots visited, in the order of their places, are the path: which they are is
    found by doubling pointers, every slot's `next` after 1, 2, 4 ... steps.

    Args:
        scores: of the edges, [B, L, L]; IMPOSSIBLE where there is none.
        lengths: real slots, int64 [B]; the last of them is the end.
    """
    best, follower = scores.max(2)  # [B, L]
    slot = torch.arange(scores.size(1), device=scores.device)
    ended = slot >= lengths[:, None] - 1
    jump = torch.where(ended, slot, follower)
    visited = (slot == 0).expand_as(jump)
    for _ in range((scores.size(1) - 1).bit_length()):
        visited = visited | torch.zeros_like(visited).scatter(1, jump.masked_fill(~visited, 0), True)
        jump = jump.gather(1, jump)
    return Walk(visited, best.masked_fill(~visited | ended, 0).sum(1))


def best_walk(scores: Tensor, lengths: Tensor, *, length_penalty: float = 1.0) -> Walk:
    """The best path of all, by its score over (edges ** length_penalty) (joint Viterbi, Shao et al. 2022).

    Args:
        scores: of the edges, [B, L, L]; IMPOSSIBLE where there is none.
        lengths: real slots, int64 [B].
        length_penalty: 0 compares sums, 1 means.
    """
    sentences, slots, _ = scores.shape
    last = (lengths - 1)[:, None]  # [B, 1]
    reached = scores.new_full((sentences, slots), IMPOSSIBLE)
    reached[:, 0] = 0
    ends, came_from = [], []
    for _ in range(slots - 1):
        reached, back = (reached[:, :, None] + scores).max(1)  # [B, L]
        came_from.append(back)
        ends.append(reached.gather(1, last)[:, 0])
    totals = torch.stack(ends, 1)  # [B, L - 1]
    edges = torch.arange(1, slots, device=scores.device)
    chosen = (totals / edges**length_penalty).argmax(1)  # [B]; edges - 1
    visited = torch.zeros(sentences, slots, dtype=torch.bool, device=scores.device)
    place = last
    for step in range(slots - 2, -1, -1):
        on_path = (step <= chosen)[:, None]
        visited |= torch.zeros_like(visited).scatter(1, place, on_path)
        place = torch.where(on_path, came_from[step].gather(1, place), place)
    visited[:, 0] = True
    return Walk(visited, totals.gather(1, chosen[:, None])[:, 0])


def discount_repeats(edges: Tensor, labels: Tensor, src_ids: Tensor | None) -> Tensor:
    """`edges` with those from a word to the same word counting REPEATED of what they did.

    A word fills several slots in a row, so a path through two of them is far more probable than two such
    words are in a translation. One that the source repeats, as a digit, may be repeated all the same.

    Args:
        edges: log probability of going from slot i to slot j, [B, L, L].
        labels: the word of each slot, int64 [B, L]; 0 where a slot writes none.
        src_ids: int64 [B, S]; None where source and target do not share a vocabulary.
    """
    freely = labels == PAD  # [B, L]
    if src_ids is not None:
        again = F.pad(src_ids[:, 1:] == src_ids[:, :-1], (1, 0))
        freely = freely | (labels[:, :, None] == src_ids.masked_fill(~again, PAD)[:, None, :]).any(2)
    repeated = (labels[:, :, None] == labels[:, None, :]) & ~freely[:, :, None]
    return edges + repeated * math.log(REPEATED)


def most_probable_words(
    edges: Tensor, words: Tensor, labels: Tensor, lengths: Tensor, *, beam_size: int = 1
) -> Spellings:
    """Word by word the most probable ones after those before them, in whatever slots they stand.

    A path is one way to spell a translation; here all ways count together, as in the beam search of Huang
    et al. (2022), for every slot its own best word alone. With w_j the word of slot j, a translation has

        f_0 = 1 at the first slot,   r_t(j) = P_j(w_j) Σ_i f_{t-1}(i) E_ij,
        p(y_t) = Σ_{j: w_j = y_t} r_t(j),   f_t = r_t where w_j = y_t, scaled to a sum of 1.

    Args:
        edges: log probability of going from slot i to slot j, [B, L, L].
        words: log probability of each slot's word, [B, L]; 0 where it writes none.
        labels: the word of each slot, int64 [B, L]; 0 in the first slot, the last one and after that.
        lengths: real slots, int64 [B]; the last of them ends a translation.
        beam_size: how many translations are kept at every word, those whose probability is highest so far.
    """
    batch, slots = labels.shape
    end = torch.arange(slots, device=labels.device) == lengths[:, None] - 1  # [B, L]
    # After its end a translation stays there, so that it competes with those that go on.
    edge_probs = edges.exp() + torch.diag_embed(end.to(edges.dtype))
    word_probs = words.exp()[:, None]  # [B, 1, L]
    same = labels[:, :, None] == labels[:, None, :]
    again = same.tril(-1).any(2)[:, None]  # [B, 1, L]; the word stands in an earlier slot, too
    together = same.to(edges.dtype)
    at = torch.zeros_like(word_probs)  # [B, N, L]
    at[:, :, 0] = 1
    log_probs = torch.zeros_like(at[:, :, 0])
    ids = labels.new_zeros(batch, 1, 0)
    slots_of = labels.new_zeros(batch, 1, 0)
    for _ in range(slots - 1):
        reached = (at @ edge_probs) * word_probs
        following = (reached @ together).masked_fill(again, 0).log() + log_probs[:, :, None]
        log_probs, place = following.flatten(1).topk(min(beam_size, following[0].numel()))
        before, slot = place // slots, place % slots
        written = labels.gather(1, slot).masked_fill(log_probs.isneginf(), PAD)
        ids, slots_of = (x.gather(1, before[..., None].expand(-1, -1, x.size(2))) for x in (ids, slots_of))
        if not written.any():
            break
        ids = torch.cat([ids, written[..., None]], 2)
        reached = reached.gather(1, before[..., None].expand(-1, -1, slots))
        at = torch.where(labels[:, None] == written[..., None], reached, 0)
        at = at / at.sum(2, keepdim=True).clamp(min=torch.finfo(at.dtype).tiny)
        slots_of = torch.cat([slots_of, at.argmax(2, keepdim=True)], 2)
    return Spellings(ids, log_probs, slots_of)
