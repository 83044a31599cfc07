"""Decoding with placeholders: each of the source once, in torch and in the graph, among candidates, too."""

import itertools
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from onepass.alignment.lexicon import Lexicon
from onepass.decoding.autoregressive import score
from onepass.decoding.ctc import best_labelling, decode_slots
from onepass.export.onnx import export_onnx
from onepass.models.from_teacher import alias_rows
from onepass.models.marian import NEVER as BIAS_OF_NEVER
from onepass.models.one_pass import NEVER
from onepass.runtime.engine import OnnxEngine
from tiny_drafts import PLACEHOLDERS
from tiny_post_norm import random_marian, tiny_sizes

pytestmark = pytest.mark.usefixtures("no_gradient")

SIZES = {"norm": "post", "cell": "ssru"}


@pytest.fixture(scope="module")
def student(make_slots: Callable):
    model = make_slots("ctc", slots=2, vocabulary=15, joint=True, start="states", sizes=SIZES, seed=3)
    with torch.no_grad():
        model.word_bias[12:] = BIAS_OF_NEVER
        alias_rows(model, PLACEHOLDERS.ids, PLACEHOLDERS.aliases)
        model.blank_bias += 1
    return model


@pytest.fixture(scope="module")
def teacher():
    model = random_marian(tiny_sizes(**SIZES), 15)
    with torch.no_grad():
        model.output.bias[12:] = BIAS_OF_NEVER
        alias_rows(model, PLACEHOLDERS.ids, PLACEHOLDERS.aliases)
    return model


@pytest.fixture(scope="module")
def sources() -> list[list[int]]:
    chance = random.Random(5)
    rows = []
    for number in range(40):
        row = [chance.randrange(8, 12) for _ in range(chance.randint(1, 6))]
        for placeholder in chance.sample(PLACEHOLDERS.ids, number % 4):
            row.insert(chance.randint(0, len(row)), placeholder)
        rows.append(row)
    return rows


def assert_carried(sources: list[list[int]], written: list[list[int]]) -> None:
    orders = set()
    for source, ids in zip(sources, written, strict=True):
        own = PLACEHOLDERS.within(source)
        carried = [i for i in ids if i >= PLACEHOLDERS.first]
        assert sorted(carried) == sorted(own)
        assert not set(ids) & set(PLACEHOLDERS.hidden(own))
        orders.add(carried == own)
    assert orders == {True, False}  # the scores decide


def test_each_placeholder_is_written_once_and_its_alias_never(student, sources, pad) -> None:
    assert_carried(sources, decode_slots(student, pad(sources), PLACEHOLDERS).ids)


def test_without_being_forced_they_would_be_lost(student, sources, pad) -> None:
    with pytest.raises(AssertionError):
        assert_carried(sources, decode_slots(student, pad(sources)).ids)


def total(gains: list[list[float]], way: tuple[int, ...]) -> float:
    return sum(gains[slot][number] for number, slot in enumerate(way))


def test_they_stand_where_the_sum_of_log_probabilities_is_largest(student, sources, pad) -> None:
    """Brute force over all ways to put them, each into one slot."""
    tried = 0
    for source in sources:
        own = PLACEHOLDERS.within(source)
        decoded = student.decode(pad([source]), student.encode(pad([source])))
        logits = decoded.states[0] @ student.output_weight().T + student.output_bias()
        hidden = {*NEVER, *PLACEHOLDERS.hidden(own), *(set(PLACEHOLDERS.ids) - set(own))}
        logits[:, sorted(hidden)] = -torch.inf
        log_probs = logits.log_softmax(1)
        words = log_probs.clone()
        words[:, list(PLACEHOLDERS.ids)] = -torch.inf
        best, labels = words.max(1)
        gains = (log_probs[:, own] - best[:, None]).tolist()
        way = max(itertools.permutations(range(len(gains)), len(own)), key=partial(total, gains))
        for slot, placeholder in zip(way, own, strict=True):
            labels[slot] = placeholder
        # Where a placeholder wins beside its place as well, it stays one.
        favourite = log_probs.argmax(1)
        for slot, placeholder in zip(way, own, strict=True):
            for step in (-1, 1):
                beside = slot + step
                while 0 <= beside < len(best) and beside not in way and favourite[beside] == placeholder:
                    labels[beside] = placeholder
                    beside += step
        expected = [int(label) for label, _ in itertools.groupby(labels.tolist()) if label != student.blank]
        assert decode_slots(student, pad([source]), PLACEHOLDERS).ids == [expected]
        tried += len(own) > 1
    assert tried > 10


def test_a_sentence_is_written_the_same_in_any_batch(student, sources, pad) -> None:
    together = decode_slots(student, pad(sources), PLACEHOLDERS)
    for source, ids, mean in zip(sources, together.ids, together.scores, strict=True):
        alone = decode_slots(student, pad([source]), PLACEHOLDERS)
        assert alone.ids == [ids]
        assert alone.scores == pytest.approx([mean], abs=1e-5)


def test_what_has_none_is_written_as_without(student, sources, pad) -> None:
    plain = [source for source in sources if not PLACEHOLDERS.within(source)]
    student.word_bias[12:] -= 100
    expected = decode_slots(student, pad(plain)).ids
    student.word_bias[12:] += 100
    assert decode_slots(student, pad(plain), PLACEHOLDERS).ids == expected


@pytest.mark.parametrize("most", [1, 8])
def test_the_graph_writes_what_torch_writes(
    student, teacher, sources, pad, tmp_path: Path, most: int
) -> None:
    judge = teacher if most > 1 else None
    export_onnx(student, tmp_path / "s.onnx", teacher=judge, placeholders=PLACEHOLDERS)
    engine = OnnxEngine(tmp_path / "s.onnx", num_candidates=most, placeholders=PLACEHOLDERS)
    if judge is None:
        expected = decode_slots(student, pad(sources), PLACEHOLDERS)
    else:
        expected = best_labelling(student, judge, pad(sources), most, PLACEHOLDERS)
    assert_carried(sources, expected.ids)
    found = engine(sources)
    assert found.ids == expected.ids
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    for source, ids in list(zip(sources, found.ids, strict=True))[:8]:
        assert engine([source]).ids == [ids]


def test_candidates_are_more_than_one_and_the_teacher_chooses(student, teacher, sources, pad) -> None:
    first = decode_slots(student, pad(sources), PLACEHOLDERS).ids
    best = best_labelling(student, teacher, pad(sources), 8, PLACEHOLDERS)
    assert sum(a != b for a, b in zip(first, best.ids, strict=True)) > 10


def test_in_8_bits_with_a_shortlist_each_is_written_once(student, teacher, sources, tmp_path: Path) -> None:
    yields = np.array([[8 + (i + j) % 4 for j in range(2)] for i in range(15)])
    export_onnx(
        student,
        tmp_path / "s.onnx",
        examples=sources,
        teacher=teacher,
        vocabulary=np.arange(4, 15),
        lexicon=Lexicon(yields, np.array([9])),
        placeholders=PLACEHOLDERS,
    )
    for most in (1, 8):
        engine = OnnxEngine(tmp_path / "s.onnx", num_candidates=most, placeholders=PLACEHOLDERS)
        found = engine(sources)
        assert_carried(sources, found.ids)
        assert np.isfinite(found.scores).all()


def test_a_teacher_scores_a_placeholder_as_its_alias(teacher) -> None:
    source, target = torch.tensor([[8, 12, 9]]), torch.tensor([[9, 12, 8]])
    as_alias = [torch.where(ids == 12, 4, ids) for ids in (source, target)]
    found, expected = (score(teacher, tgt, teacher.encode(src)) for src, tgt in ((source, target), as_alias))
    assert found == pytest.approx(expected, abs=1e-6)


def test_rows_that_have_learnt_are_kept(student) -> None:
    before = student.src_embedding.weight[12:].clone()
    student.src_embedding.weight[4] += 1
    alias_rows(student, PLACEHOLDERS.ids, PLACEHOLDERS.aliases)
    assert torch.equal(student.src_embedding.weight[12:], before)
    student.src_embedding.weight[4] -= 1


def test_what_a_model_wrote_has_each_placeholder_at_most_once() -> None:
    """For models that were not forced: of other families, and those that know no placeholders."""
    assert PLACEHOLDERS.carried([8, 12, 13], [9, 4, 12, 8, 13, 14]) == [9, 12, 8, 13, 6]
    assert PLACEHOLDERS.carried([8], [4, 12, 9]) == [4, 4, 9]
    assert PLACEHOLDERS.carried([12], [8]) == [8]  # the text puts it at its end
