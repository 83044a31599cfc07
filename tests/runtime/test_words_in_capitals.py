"""Words in capitals within a sentence: which are read in small letters, and what is written of them."""

import pytest

from onepass import Translator
from onepass.cli.options import DEFAULT_MODEL
from onepass.runtime.alignment import Written
from onepass.runtime.capitals import CalmText, calm_line, calm_text, with_capitals
from onepass.text.segmentation import Range

KNOWN = {"very", "not", "NOT", "NASA", "the", "closed", "us", "US"}
"""What has a subword of its own; of other words each letter is one."""


def encode(text: str) -> list[int]:
    return [0] * sum(1 if word in KNOWN else len(word) for word in text.split())


@pytest.mark.parametrize(
    ("text", "calm", "words"),
    [
        ("I am VERY tired.", "I am very tired.", ["VERY"]),
        ("VERY good.", "Very good.", ["VERY"]),
        ("It is NOT here, NASA.", "It is not here, NASA.", ["NOT"]),
        ("The door is CLOSED: very much", "The door is closed: very much", ["CLOSED"]),
    ],
)
def test_words_are_read_in_small_letters_where_those_are_as_usual(
    text: str, calm: str, words: list[str]
) -> None:
    found = calm_text(text, encode)
    assert found is not None
    assert found.text == calm
    assert [text[place.start : place.end] for place in found.places] == words


@pytest.mark.parametrize(
    "text", ["I am very tired.", "NASA is here.", "I see A cat.", "VERY GOOD!", "VERY-9 is x.", "aVERY", ""]
)
def test_other_texts_are_read_once(text: str) -> None:
    assert calm_text(text, encode) is None


@pytest.mark.parametrize(
    ("text", "calm"),
    [
        ("THE VERY END", "The very END"),
        ("NASA IS CLOSED", "NASA IS closed"),
        ("DON'T", "DON'T"),
        ("I AM NOT", "I AM not"),
        ("  VERY!", "  Very!"),
        ("", ""),
    ],
)
def test_of_a_line_in_capitals_what_has_more_subwords_when_small_stays(text: str, calm: str) -> None:
    def letters_when_small(text: str) -> list[int]:
        return [0] * (1 if text in KNOWN or text.isupper() else len(text))

    assert calm_line(text, letters_when_small) == calm


@pytest.mark.parametrize(
    ("model", "text", "translation"),
    [
        ("en-pt", "HELP!", "AJUDA!"),
        ("en-pt", "EMERGENCY EXIT", "SAÍDA DE EMERGÊNCIA"),
        ("en-pt", "WARNING", "AVISO"),
        ("pt-en", "SAÍDA DE EMERGÊNCIA", "EMERGENCY EXIT"),
        ("pt-en", "LISBOA", "LISBON"),
        ("pt-en", "FORA DE SERVIÇO", "OUT OF SERVICE"),
        ("pt-en", "ONU", "UN"),
    ],
)
def test_the_shipped_models_read_signs(model: str, text: str, translation: str) -> None:
    [found] = Translator.load(model).translate([text])
    assert found.text == translation


def test_a_letter_that_becomes_two_leaves_the_text_as_it_is() -> None:
    assert calm_text("Onun adı İPEK.", lambda text: [0] * (9 if text.isupper() else 1)) is None


def test_what_comes_from_them_alone_gets_capitals() -> None:
    source = CalmText("the very old cat", (Range(4, 8),))
    written = Written(
        0,
        source.text,
        "o gato muito velho",
        ["▁the", "▁very", "▁old", "▁cat"],
        ["▁o", "▁gato", "▁muito", "▁velho"],
        [0, 3, 1, 2],
    )
    assert with_capitals(source, written) == "o gato MUITO velho"
    merged = written._replace(translation="o gato velhíssimo", tgt_pieces=["▁o", "▁gato", "▁velh", "íssimo"])
    assert with_capitals(source, merged._replace(sources=[0, 3, 2, 1])) == "o gato velhíssimo"


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("The shop is CLOSED.", "A loja está FECHADA."),
        ("Please DO NOT open the window.", "Por favor, NÃO abra a janela."),
        ("You MUST read 3 letters TODAY, {name}.", "Você DEVE ler 3 cartas HOJE, {name}."),
        ("It is ONLY a game.", "É APENAS um jogo."),
        ("NASA launched a rocket.", "A NASA lançou um foguete."),
        ("The UK and the US are allies.", "O Reino Unido e os EUA são aliados."),
        ("Press START to begin.", "Pressione START para começar."),
    ],
)
def test_the_default_model_reads_words_in_capitals(text: str, translation: str) -> None:
    translator = Translator.load(DEFAULT_MODEL)
    [found] = translator.translate([text], alignment=True)
    assert found.text == translation
    assert found.text == translator.translate([text, "Yes.", text])[2].text
    assert found.alignment is not None
    for word in found.alignment:
        letters = found.text[word.start : word.end].strip(".,")
        if letters.isupper() and len(letters) > 1 and len(word.sources) == 1:
            assert text[slice(*word.sources[0])].strip(".,").isupper()
