"""What a model does with one sentence, against the translation that its graph puts together by itself."""

from itertools import groupby
from pathlib import Path

import pytest

from onepass.runtime.engine import OnnxEngine
from onepass.runtime.inside import inside
from onepass.runtime.shipped import find_model
from onepass.runtime.translator import Translator
from tiny_run import tokenizer

WORDS = tokenizer()
ROW = WORDS.encode_src("Where is the castle")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(find_model("en-pt"), num_threads=1)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my red car?",
        "The two houses cost 1,250.50 dollars in 2019.",
        "See https://example.org, Ann.",
    ],
)
def test_the_slots_that_write_are_the_translation(translator: Translator, text: str) -> None:
    [passage] = translator.passages(text)
    found = translator.inside(passage)
    written = [slot.piece for slot in found.slots if slot.written]
    translation = translator.translate([text])[0]
    said = "".join(piece if piece.startswith("▁") else f" {piece}" for piece in written)
    assert said.replace("▁", "").replace(" ", "") == translation.text.replace(" ", "")
    assert written == [piece for piece, _ in groupby(slot.piece for slot in found.slots) if piece]


def test_slots_read_places_of_the_source_and_spans_stand_as_they_are(translator: Translator) -> None:
    [passage] = translator.passages("It costs 1,250.50 dollars.")
    found = translator.inside(passage)
    assert found.source == ["▁It", "▁costs", "1,250.50", "▁dollars", "."]
    of_number = [slot.source for slot in found.slots if slot.piece == "1.250,50"]
    assert of_number
    assert set(of_number) == {2}
    assert found.fertilities is None


def test_what_passes_as_it_is_has_no_slots(translator: Translator) -> None:
    [passage] = translator.passages("12:30")
    assert translator.inside(passage).slots == []


def test_fertilities_say_what_each_slot_copies(bundles: Path) -> None:
    engine = OnnxEngine(bundles / "fertility.exported/student.float32.onnx")
    found = inside(engine, WORDS, ROW, {}, {})
    counts = engine([ROW]).fertilities
    assert counts is not None
    assert found.fertilities == counts[0]
    assert len(found.slots) == sum(counts[0])
    assert [sum(slot.source == i for slot in found.slots) for i in range(len(ROW))] == counts[0]


def test_a_graph_that_tells_words_alone_is_not_complete(bundles: Path) -> None:
    engine = OnnxEngine(bundles / "ctc.exported/student.float32.onnx")
    found = inside(engine, WORDS, ROW, {}, {})
    assert (found.complete, found.fertilities) == (False, None)
    assert [slot.piece for slot in found.slots] == WORDS.tgt_pieces(engine([ROW]).ids[0])
    assert {slot.source for slot in found.slots} == {None}
