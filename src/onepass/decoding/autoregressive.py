"""Greedy and beam search for the teacher, with a key/value cache, and its scores of given targets.

A score is the mean log probability of y_1 .. y_T </s>. Beam search keeps CTranslate2's conventions,
so that both engines agree: a hypothesis is finished when its </s> is among the `beam_size` best
extensions, other extensions take its place, and a sentence ends with `beam_size` finished hypotheses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from onepass.decoding.options import Decoder, DecodingOptions
from onepass.models import Model
from onepass.models.autoregressive import BOS, EOS, PAD, with_end
from onepass.models.one_pass import length_cap
from onepass.models.stepwise import Scoring, Stepwise, WordByWord
from onepass.nn.transformer import Memory
from onepass.runtime.alternatives import Scored
from onepass.runtime.text_translator import Hypotheses


def decoder(model: Model, options: DecodingOptions) -> Decoder:
    """Greedy (beam size 1) or beam search."""
    assert isinstance(model, WordByWord)
    beam_size = max(options.beam_size, options.n_best)
    if beam_size == 1:
        return lambda src_ids: greedy(model, src_ids)
    return lambda src_ids: beam_search(model, src_ids, beam_size=beam_size, n_best=options.n_best)


def _next_log_probs(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Log probabilities [B, V], and the same with padding and <s> made impossible."""
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    possible = log_probs.clone()
    possible[:, [PAD, BOS]] = -torch.inf
    return log_probs, possible


@torch.no_grad()
def greedy(model: Stepwise[Any], src_ids: Tensor) -> Hypotheses:
    """The most probable next token, until </s> or the cap on the length.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
    """
    return _token_by_token(model, src_ids, lambda log_probs: log_probs.argmax(-1))


@torch.no_grad()
def sample(model: Stepwise[Any], src_ids: Tensor, generator: torch.Generator, *, among: int) -> Hypotheses:
    """Draws each token from the `among` most probable ones, until </s> or the cap on the length.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        generator: of the draws, on the model's device.
        among: at least 1.
    """

    def draw(log_probs: Tensor) -> Tensor:
        highest = log_probs.topk(min(among, log_probs.size(1)))
        place = torch.multinomial(highest.values.softmax(-1), 1, generator=generator)
        return highest.indices.gather(1, place)[:, 0]

    return _token_by_token(model, src_ids, draw)


def _token_by_token(model: Stepwise[Any], src_ids: Tensor, choose: Callable[[Tensor], Tensor]) -> Hypotheses:
    """`choose` gives a token a row from log probabilities [B, V]."""
    memory = model.encode(src_ids)
    caps = length_cap(memory.mask.sum(1))  # [B]
    cache = model.start(memory)
    # The sentences that are in the cache: caps, last and done are theirs.
    rows = torch.arange(len(caps), device=caps.device)
    last = torch.full_like(caps, BOS)
    done = torch.zeros_like(caps, dtype=torch.bool)
    totals = torch.zeros_like(caps, dtype=torch.float32)
    steps: list[Tensor] = []
    for step in range(int(caps.max()) + 1):
        _, possible = _next_log_probs(model.step(last, cache))
        last = torch.where(caps == step, EOS, choose(possible))  # at the cap it ends
        totals[rows] += torch.where(done, 0.0, possible.gather(1, last[:, None])[:, 0])
        last = torch.where(done, PAD, last)
        steps.append(torch.full_like(totals, PAD, dtype=torch.int64).index_copy_(0, rows, last))
        done |= last == EOS
        going_on = (~done).nonzero()[:, 0]
        if len(going_on) == 0:
            break
        if 2 * len(going_on) <= len(done):
            cache.select(going_on)
            rows, caps, last, done = (x[going_on] for x in (rows, caps, last, done))
    found = torch.stack(steps, 1).tolist()
    ids = [row[: row.index(EOS)] for row in found]
    scores = [t / (len(row) + 1) for t, row in zip(totals.tolist(), ids, strict=True)]
    return Hypotheses(ids, scores, with_end=True)


@torch.no_grad()
def beam_search(
    model: Stepwise[Any], src_ids: Tensor, *, beam_size: int, length_penalty: float = 1.0, n_best: int = 1
) -> Hypotheses:
    """The best of `beam_size` finished hypotheses by log probability / length^length_penalty.

    Args:
        model: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        beam_size: K >= 1.
        length_penalty: 1 compares means; the score returned is the mean whatever it is.
        n_best: hypotheses that are given.
    """
    memory = model.encode(src_ids)
    sentences, beams = src_ids.size(0), beam_size
    caps = length_cap(memory.mask.sum(1)).tolist()
    cache = model.start(memory)
    finished: list[list[tuple[float, list[int]]]] = [[] for _ in range(sentences)]
    open_sentences = list(range(sentences))  # sentence of each block of beams
    prefixes: list[list[int]] = [[] for _ in range(sentences)]  # of each row
    totals = torch.zeros(sentences, 1, device=src_ids.device)  # [B, K], log probability of each prefix
    last = torch.full((sentences,), BOS, dtype=torch.int64, device=src_ids.device)
    for step in range(max(caps) + 1):
        _, possible = _next_log_probs(model.step(last, cache))
        vocabulary = possible.size(-1)
        rows_a_block = totals.size(1)
        extended = (totals[:, :, None] + possible.view(len(open_sentences), rows_a_block, -1)).flatten(1)
        scores, flat = extended.topk(min(2 * beams, extended.size(1)), dim=1)  # [B, up to 2K]
        still_open, kept_rows, kept_ids, kept_totals, kept_prefixes = [], [], [], [], []
        for block, (sentence, block_scores, block_flat) in enumerate(
            zip(open_sentences, scores.tolist(), flat.tolist(), strict=True)
        ):
            candidates = [
                (score, block * rows_a_block + i // vocabulary, i % vocabulary)
                for score, i in zip(block_scores, block_flat, strict=True)
                if score > -math.inf
            ]
            at_cap = step == caps[sentence]
            for score, row, token in candidates[:beams]:
                if token == EOS:
                    finished[sentence].append((score, prefixes[row]))
                elif at_cap:  # what follows is cut
                    ended = float(totals.flatten()[row] + possible[row, EOS])
                    finished[sentence].append((ended, prefixes[row]))
            if len(finished[sentence]) >= beams or at_cap:
                continue
            alive = [candidate for candidate in candidates if candidate[2] != EOS][:beams]
            # A small vocabulary has fewer prefixes than beams: the other rows stay impossible.
            alive += [(-math.inf, block * rows_a_block, PAD)] * (beams - len(alive))
            still_open.append(sentence)
            kept_totals.append([score for score, _, _ in alive])
            kept_rows += [row for _, row, _ in alive]
            kept_ids += [token for _, _, token in alive]
            kept_prefixes += [[*prefixes[row], token] for _, row, token in alive]
        if not still_open:
            break
        open_sentences, prefixes = still_open, kept_prefixes
        totals = torch.tensor(kept_totals, device=src_ids.device)
        last = torch.tensor(kept_ids, device=src_ids.device)
        cache.select(torch.tensor(kept_rows, device=src_ids.device))
    found = [_best(of_row, length_penalty)[:n_best] for of_row in finished]
    return Hypotheses(
        [of_row[0].ids for of_row in found],
        [of_row[0].score for of_row in found],
        with_end=True,
        others=[of_row[1:] for of_row in found] if n_best > 1 else None,
    )


def _best(finished: list[tuple[float, list[int]]], length_penalty: float) -> list[Scored]:
    """Different hypotheses with their means, the best first; at the cap several may have been the same."""
    by_score = sorted(finished, key=lambda h: -h[0] / (len(h[1]) + 1) ** length_penalty)
    different: dict[tuple[int, ...], Scored] = {}
    for total, ids in by_score:
        different.setdefault(tuple(ids), Scored(ids, total / (len(ids) + 1)))
    return list(different.values())


@torch.no_grad()
def score(model: Scoring, tgt_ids: Tensor, memory: Memory) -> Tensor:
    """Mean log probability of each target with its </s>, in one parallel pass.

    Args:
        model: in eval mode.
        tgt_ids: int64 [B, T], padded with 0; no <s>, no </s>.
        memory: of the B sources.

    Returns:
        float32 [B].
    """
    targets = with_end(tgt_ids)  # [B, T+1]
    real = targets != PAD
    states = model.decode(tgt_ids, memory)[real]  # [N, D]
    logits = model.logits(states).float()
    chosen = logits.gather(1, targets[real][:, None])[:, 0] - logits.logsumexp(1)  # [N]
    log_probs = torch.zeros(real.shape, device=chosen.device).masked_scatter_(real, chosen)
    return log_probs.sum(1) / real.sum(1)
