"""The teacher corrects a draft: speculative decoding with a one-pass student (Xia et al. 2023).

The teacher reads the whole draft in one parallel pass, as it scores a candidate. Where it first would have
written another word, it writes its own. What follows is the draft's: as it stood, or some words less, or one
more. The next pass reads all these variants, and the best goes on. So each pass makes one correction. Once
the teacher agrees with every word, the translation is its own greedy one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from onepass.decoding.autoregressive import score
from onepass.models.autoregressive import EOS, with_end
from onepass.models.one_pass import NEVER
from onepass.models.stepwise import WordByWord
from onepass.nn.transformer import Memory
from onepass.objectives.objective import pad_ids
from onepass.runtime.corrections import AHEAD, MOST_TOKENS, SHARES
from onepass.runtime.text_translator import Hypotheses
from onepass.text.placeholder_ids import PlaceholderIds

ROWS_AT_ONCE = 32
"""Drafts that the teacher reads together: bounds the memory for the scores of all words."""
_NOT_WRITTEN = [token for token in NEVER if token != EOS]


class Draft(NamedTuple):
    """Target tokens without </s>, and the source token of each."""

    ids: list[int]
    sources: list[int]


class Opinion(NamedTuple):
    """Of each token of a draft and of its </s>: whether the teacher agrees, and what it would write."""

    agrees: list[bool]
    wanted: list[int]

    def merit(self, place: int) -> tuple[int, int]:
        """The first place from `place` on where it does not agree, and its share of agreement."""
        return self.first(place), sum(self.agrees) * SHARES // len(self.agrees)

    def first(self, place: int) -> int:
        """The first place from `place` on where the teacher does not agree; MOST_TOKENS + 1: nowhere."""
        return next((i for i in range(place, len(self.agrees)) if not self.agrees[i]), MOST_TOKENS + 1)


@torch.no_grad()
def corrected(
    teacher: WordByWord,
    src_ids: Tensor,
    drafts: Hypotheses,
    most: int,
    placeholders: PlaceholderIds | None = None,
) -> Hypotheses:
    """Drafts after up to `most` corrections each, with the teacher's score.

    Args:
        teacher: in eval mode.
        src_ids: int64 [B, S], padded with 0.
        drafts: of the sources.
        most: corrections of each; from the length of the teacher's translation on, it is that.
        placeholders: that the drafts have stay, each once, and no other comes.
    """
    memory = teacher.encode(src_ids)
    sources = drafts.sources or [[0] * len(ids) for ids in drafts.ids]
    found = [Draft(*draft) for draft in zip(drafts.ids, sources, strict=True)]
    variants = {number: [draft] for number, draft in enumerate(found)}
    places = [0] * len(found)
    for _ in range(most + 1):
        rows = [(number, draft) for number, some in variants.items() for draft in some]
        if not rows:
            break
        opinions = _opinions(teacher, memory, rows, placeholders)
        of_all: dict[int, list[tuple[Draft, Opinion]]] = {}
        for (number, draft), opinion in zip(rows, opinions, strict=True):
            of_all.setdefault(number, []).append((draft, opinion))
        variants = {}
        for number, some in of_all.items():
            place = places[number]
            draft, opinion = max(some, key=lambda one: one[1].merit(place))
            found[number] = draft
            place = opinion.first(place)
            if place <= len(draft.ids) < MOST_TOKENS:
                places[number] = place + 1
                variants[number] = _variants(draft, place, opinion.wanted[place], placeholders)
    ids = [draft.ids for draft in found]
    scores = score(teacher, pad_ids(ids).to(src_ids.device), memory).tolist()
    of_source = None if drafts.sources is None else [draft.sources for draft in found]
    return drafts._replace(ids=ids, scores=scores, with_end=True, sources=of_source)


def _variants(draft: Draft, place: int, wanted: int, placeholders: PlaceholderIds | None) -> list[Draft]:
    """What a draft may be with the wanted token at a place, the likeliest of equals first."""
    ids, sources = draft
    if wanted == EOS:
        return [Draft(ids[:place], sources[:place])]
    near = ids[place + 1 : place + 1 + AHEAD]
    behind = [place + (near.index(wanted) + 1 if wanted in near else 0), place, place - 1, place + 1]
    source = sources[min(place, len(sources) - 1) :][:1] or [0]
    made = [
        Draft([*ids[:place], wanted, *ids[last + 1 :]], [*sources[:place], *source, *sources[last + 1 :]])
        for last in behind
    ]
    if placeholders is None:
        return made
    counts = [sum(token in placeholders.ids for token in one.ids) for one in (draft, *made)]
    return [one if count == counts[0] else made[1] for one, count in zip(made, counts[1:], strict=True)]


def _opinions(
    teacher: WordByWord,
    memory: Memory,
    rows: Sequence[tuple[int, Draft]],
    placeholders: PlaceholderIds | None,
) -> list[Opinion]:
    """What the teacher says to drafts of some sources, whose numbers are beside them."""
    found: dict[int, Opinion] = {}
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row][1].ids))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        part = by_length[first : first + ROWS_AT_ONCE]
        numbers = torch.tensor([rows[row][0] for row in part], device=memory.mask.device)
        ids = pad_ids([rows[row][1].ids for row in part]).to(numbers.device)
        logits = teacher.logits(teacher.decode(ids, memory.select(numbers))).float()  # [R, T + 1, V]
        if placeholders is not None:
            for number, row in enumerate(ids.tolist()):
                hidden = placeholders.hidden(placeholders.within(row))
                logits[number, :, [*placeholders.ids, *hidden]] = -torch.inf
        logits[:, :, _NOT_WRITTEN] = -torch.inf
        best, wanted = logits.max(2)
        targets = with_end(ids)
        agrees = logits.gather(2, targets[..., None])[..., 0] >= best
        for number, row in enumerate(part):
            draft = rows[row][1].ids
            end = slice(len(draft) + 1)
            opinion = Opinion(agrees[number, end].tolist(), wanted[number, end].tolist())
            found[row] = opinion if placeholders is None else _carried(draft, opinion, placeholders)
    return [found[row] for row in range(len(rows))]


def _carried(draft: list[int], opinion: Opinion, placeholders: PlaceholderIds) -> Opinion:
    """The same opinion, but placeholders are right where they are, and no end comes before the last one."""
    own = [place for place, token in enumerate(draft) if token in placeholders.ids]
    last = max(own, default=-1)
    agrees = [
        agreed or place in own or (place <= last and wanted == EOS)
        for place, (agreed, wanted) in enumerate(zip(*opinion, strict=True))
    ]
    return opinion._replace(agrees=agrees)
