"""Corrections of drafts by the teacher, against its own greedy search and by their definition."""

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from onepass.decoding import corrections
from onepass.decoding.autoregressive import greedy, score
from onepass.decoding.corrections import corrected
from onepass.models.from_teacher import alias_rows
from onepass.models.one_pass import length_cap
from onepass.models.stepwise import WordByWord
from onepass.runtime.text_translator import Hypotheses
from onepass.text.tokenizer import BOS, PAD, UNK
from tiny_drafts import PLACEHOLDERS, drafts_of, with_placeholders
from tiny_post_norm import varied_marian

pytestmark = pytest.mark.usefixtures("no_gradient")


@pytest.fixture(params=["pre-norm", "of SSRUs", "of attention"])
def teacher(request: pytest.FixtureRequest, make_teacher: Callable[..., WordByWord]) -> WordByWord:
    if request.param == "pre-norm":
        model = make_teacher()
        model.tgt_embedding.weight[UNK] = 0
        return model
    cell = "ssru" if request.param == "of SSRUs" else "attention"
    return varied_marian(12, cell=cell)


def test_with_all_corrections_a_translation_is_the_teachers_own(
    teacher: WordByWord, sentences: list[list[int]], pad: Callable[..., Tensor]
) -> None:
    src_ids = pad(sentences)
    expected = greedy(teacher, src_ids)
    caps = length_cap((src_ids != PAD).sum(1)).tolist()
    ends = [len(ids) < cap for ids, cap in zip(expected.ids, caps, strict=True)]
    assert sum(ends) > 20
    assert len({tuple(ids) for ids in expected.ids}) > 10
    drafts = drafts_of(sentences)
    found = corrected(teacher, src_ids, drafts, 100)
    for own, ids, ended in zip(expected.ids, found.ids, ends, strict=True):
        if ended:  # greedy search has a cap on the length
            assert ids == own
    pairs = [pair for *pair, ended in zip(found.scores, expected.scores, ends, strict=True) if ended]
    assert [one for one, _ in pairs] == pytest.approx([other for _, other in pairs], abs=1e-4)
    assert found.with_end
    assert [len(row) for row in found.sources] == [len(row) for row in found.ids]


def test_no_correction_leaves_a_draft_with_the_teachers_score(
    teacher: WordByWord, sentences: list[list[int]], pad: Callable[..., Tensor]
) -> None:
    src_ids, drafts = pad(sentences), drafts_of(sentences)
    found = corrected(teacher, src_ids, drafts, 0)
    assert (found.ids, found.sources) == (drafts.ids, drafts.sources)
    assert found.scores == pytest.approx(
        score(teacher, pad(drafts.ids), teacher.encode(src_ids)).tolist(), abs=1e-5
    )


def test_each_correction_makes_one_more_word_the_teachers(
    teacher: WordByWord, sentences: list[list[int]], pad: Callable[..., Tensor]
) -> None:
    """The first place where the most probable token, found by token, is another one, moves on."""
    src_ids, drafts = pad(sentences), drafts_of(sentences)

    def agreed(row: int, ids: list[int]) -> int:
        memory = teacher.encode(src_ids[row : row + 1])
        for place, token in enumerate([*ids, 3]):
            logits = teacher.logits(teacher.decode(torch.tensor([ids[:place]], dtype=torch.int64), memory))[
                0, -1
            ]
            logits[[PAD, UNK, BOS]] = -torch.inf
            if int(logits.argmax()) != token:
                return place
        return len(ids) + 1

    before = [agreed(row, ids) for row, ids in enumerate(drafts.ids)]
    for most in range(1, 4):
        found = corrected(teacher, src_ids, drafts, most)
        after = [agreed(row, ids) for row, ids in enumerate(found.ids)]
        done = [at > len(ids) for at, ids in zip(after, found.ids, strict=True)]
        assert all(one or now > then for one, now, then in zip(done, after, before, strict=True))
        before = after


def test_a_draft_that_the_teacher_would_write_but_for_a_word_needs_one_correction(
    teacher: WordByWord, sentences: list[list[int]], pad: Callable[..., Tensor]
) -> None:
    """One word left out, twice, too many or another one: what follows is found again, with its sources."""
    src_ids = pad(sentences)
    right = greedy(teacher, src_ids).ids
    chance, right_again, wrong = random.Random(3), 0, 0
    for number, ids in enumerate(right):
        if len(ids) < 2 or tuple(ids) in right[:number]:
            continue
        place = chance.randrange(len(ids) - 1)
        other = next(token for token in range(4, 12) if token not in ids[place : place + 2])
        kinds = [
            [*ids[:place], *ids[place + 1 :]],
            [*ids[: place + 1], *ids[place:]],
            [*ids[:place], other, *ids[place:]],
            [*ids[:place], other, *ids[place + 1 :]],
        ]
        for draft in kinds:
            given = Hypotheses([draft], [0.0], with_end=False, sources=[list(range(len(draft)))])
            found = corrected(teacher, src_ids[number : number + 1], given, 1)
            right_again, wrong = right_again + (found.ids == [ids]), wrong + (found.ids != [ids])
            assert len(found.sources[0]) == len(found.ids[0])
    assert right_again > 100
    assert right_again > wrong


def test_the_same_in_any_batch(
    teacher: WordByWord,
    sentences: list[list[int]],
    pad: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    src_ids, drafts = pad(sentences), drafts_of(sentences)
    together = corrected(teacher, src_ids, drafts, 5)
    monkeypatch.setattr(corrections, "ROWS_AT_ONCE", 3)
    assert corrected(teacher, src_ids, drafts, 5).ids == together.ids
    for number in range(8):
        one = Hypotheses(drafts.ids[number : number + 1], [0.0], with_end=False)
        found = corrected(teacher, pad(sentences[number : number + 1]), one, 5)
        assert found.ids == together.ids[number : number + 1]
        assert found.sources is None


def test_placeholders_stay(pad: Callable[..., Tensor]) -> None:
    teacher = varied_marian(15, cell="ssru")
    alias_rows(teacher, PLACEHOLDERS.ids, PLACEHOLDERS.aliases)
    rows, given = with_placeholders()
    found = corrected(teacher, pad(rows), given, 100, PLACEHOLDERS)
    free = corrected(teacher, pad(rows), given, 100)
    for draft, ids in zip(given.ids, found.ids, strict=True):
        own = [token for token in draft if token >= 12]
        assert [token for token in ids if token >= 12] == own
        hidden = PLACEHOLDERS.hidden(own)
        assert not set(hidden) & (set(ids) - set(draft))
    lost = [
        sorted(token for token in ids if token >= 12) != sorted(token for token in draft if token >= 12)
        for draft, ids in zip(given.ids, free.ids, strict=True)
    ]
    assert sum(lost) > 20
