"""Clock times in words are found, and only where they are times; they are said as the other language does."""

import pytest

from onepass.runtime.shipped import find_model
from onepass.runtime.translator import Translator
from onepass.text.clock import ClockTime, clock_terms, ways
from onepass.text.spans import SpanKind, find_spans

ENGLISH = {
    "It is half past three.": {"half past three": "três e meia"},
    "The shop opens at Half Past Twelve!": {"Half Past Twelve": "Doze e meia"},
    "HALF PAST ONE": {"HALF PAST ONE": "UMA E MEIA"},
    "At a quarter to eight": {"a quarter to eight": "sete e quarenta e cinco"},
    "ten minutes past five, or  twenty-five  to six?": {"ten minutes past five": "cinco e dez"},
    "We left at half past 3.": {"half past 3": "3 e meia"},
    "It was ten to eight when they came.": {"ten to eight": "sete e cinquenta"},
    "It's five to one.": {"five to one": "doze e cinquenta e cinco"},
}
PORTUGUESE = {
    "São três e meia.": {"três e meia": "half past three"},
    "A loja abre às 3 e meia.": {"3 e meia": "half past 3"},
    "Às sete e quarenta e cinco saímos.": {"sete e quarenta e cinco": "quarter to eight"},
    "Chegou às dez para as quatro.": {"dez para as quatro": "ten to four"},
    "Depois da uma e meia.": {"uma e meia": "half past one"},
}
NO_TIMES = {
    "en": [
        "From five to ten people came.",
        "We won two to one.",
        "It is five to ten times as large.",
        "He walked past three houses.",
        "Half of the past three years",
        "at ten to eighteen",
        "a quarter to seventy-two",
        "half past three-legged",
    ],
    "pt": [
        "Comprei três e meia dúzias.",
        "São três e dez.",
        "Bebeu as três e meia dúzias.",
        "Eram duas e cinco moças.",
        "às três e meia dúzia",
        "das dez e vinte e seis",
    ],
}


def found(text: str, src: str, tgt: str) -> dict[str, str | None]:
    terms = clock_terms(src, tgt)
    assert terms is not None
    spans = terms.with_times(text, find_spans(text))
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert [span.start for span in spans] == sorted(span.start for span in spans)
    return {
        span.text: terms.translation(span.text)
        for span in spans
        if span.kind is SpanKind.NUMBER and not span.text.isdigit()
    }


@pytest.mark.parametrize(("text", "expected"), ENGLISH.items())
def test_times_of_english(text: str, expected: dict[str, str]) -> None:
    assert found(text, "en", "pt-BR") == expected


@pytest.mark.parametrize(("text", "expected"), PORTUGUESE.items())
def test_times_of_portuguese(text: str, expected: dict[str, str]) -> None:
    assert found(text, "pt", "en") == expected


@pytest.mark.parametrize("language", NO_TIMES)
def test_what_only_looks_like_a_time_stays(language: str) -> None:
    for text in NO_TIMES[language]:
        assert found(text, language, {"en": "pt", "pt": "en"}[language]) == {}, text


def test_every_time_is_found_and_no_other_language_has_any() -> None:
    frames = {"en": "We met at {}.", "pt": "Chegou às {}."}
    for src, tgt in (("en", "pt"), ("pt", "en")):
        for hour in range(1, 13):
            for minute in range(5, 60, 5):
                time = ClockTime(hour, minute)
                for said in ways(time, src):
                    assert found(frames[src].format(said), src, tgt) == {said: ways(time, tgt)[0]}
    for pair in (("en", "de"), ("de", "pt"), ("en", "en-GB"), ("", "")):
        assert clock_terms(*pair) is None


def test_the_shipped_models_say_times() -> None:
    english, portuguese = (
        Translator.load(find_model(name), num_threads=1, split=True) for name in ("en-pt", "pt-en")
    )
    said = [t.text for t in english.translate(["It is half past three.", "The shop opens at half past 9."])]
    assert "três e meia" in said[0]
    assert "9 e meia" in said[1]
    [back] = portuguese.translate(["A loja abre às três e meia e fecha às 18."])
    assert "half past three" in back.text
