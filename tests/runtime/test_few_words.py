"""Of one or two words the teacher in a bundle chooses among candidates, unless a user says how many."""

import pytest

from onepass import Translator
from onepass.runtime.text_translator import Hypotheses, TextTranslator
from onepass.text.tokenizer import Tokenizer
from tiny_run import tokenizer

WORDS = tokenizer()

MODELS = {
    "en-pt": [
        "Welcome",
        "Hello!",
        "Wet floor",
        "Where is the station?",
        "SETTINGS",
        "<b>Free</b> 3",
        "I",
        "§",
    ],
    "pt-en": ["Bem-vindo", "Perigo", "Fechado", "Onde fica a estação?"],
}


def decoded(words: Tokenizer, said: list[str]) -> TextTranslator:
    def noted(how: str) -> object:
        def decode(rows: list[list[int]]) -> Hypotheses:
            said.extend(f"{how}: {words.decode_tgt(row)}" for row in rows)
            return Hypotheses(rows, [-1.0] * len(rows), with_end=how == "few")

        return decode

    return TextTranslator(words, noted("once"), decode_few=noted("few"), split=True)  # type: ignore[arg-type]


def test_one_or_two_words_are_decoded_with_candidates() -> None:
    said: list[str] = []
    translator = decoded(WORDS, said)
    lines = ["We go.", "We", "we go here. Go!", "", "漢字" * 12]
    found = translator.translate(lines)
    assert [one.text for one in found[:4]] == lines[:4]
    assert {one for one in said if one.startswith("few")} == {"few: We go.", "few: We", "few: Go!"}
    assert "once: we go here." in said
    said.clear()
    translator.translate_as_written(["We"])
    assert said == ["once: We"]


@pytest.mark.parametrize("model", MODELS)
def test_a_shipped_model_chooses_as_if_it_was_asked_for_ten(model: str) -> None:
    lines = MODELS[model]
    usual, ten, one = (Translator.load(model, num_candidates=n, num_threads=1) for n in (None, 10, 1))
    found, chosen, alone = ([t.text for t in each.translate(lines)] for each in (usual, ten, one))
    long = next(number for number, line in enumerate(lines) if line.endswith("?"))
    assert found[:long] + found[long + 1 :] == chosen[:long] + chosen[long + 1 :]
    assert found[long] == alone[long]
    assert found != alone
    shuffled = lines[::-1] * 3
    assert [t.text for t in usual.translate(shuffled)] == found[::-1] * 3
    assert [t.text for t in usual.translate(lines, alignment=True)] == found
