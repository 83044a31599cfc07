"""Doubts: numbers that differ, sentences that were broken, words that stayed as they were."""

import pytest

from onepass.runtime.doubts import doubts, is_untranslated
from onepass.runtime.sentences import Languages, LineReader
from tiny_run import tokenizer

READER = LineReader(tokenizer(), 20, languages=Languages("en", "pt"), split=True)


@pytest.mark.parametrize(
    ("line", "translation", "expected"),
    [
        ("We have 1,234.5 of 99.", "Temos 1.234,5 de 99.", []),
        ("We have 1,234.5 of 99.", "Temos 1.234,5 de 9.", ["numbers_differ"]),
        ("No number", "Nenhum, mas 3", ["numbers_differ"]),
        ("the old castle", "the old castle", ["untranslated"]),
        ("the house, " * 20, "a casa, " * 20, ["cut"]),
        ("The house. " * 20, "A casa. " * 20, []),
        ("", "", []),
        ("the castle 東京都", "o castelo 東京都", ["untranslated"]),
        ("the castle ☕", "o castelo ☕", []),
    ],
)
def test_what_is_doubtful(line: str, translation: str, expected: list[str]) -> None:
    assert doubts(line, translation, READER) == expected


@pytest.mark.parametrize(
    ("line", "translation", "untranslated"),
    [
        ("He said all of this to me.", "Ele disse all of this to mim.", True),
        ("He said all of this to me.", "Ele disse all of isto a mim.", False),
        ("Tom and Mary Smith", "Tom e Mary Smith", False),
        ("New York Times Square", "New York Times Square", False),
        ("hospital", "hospital", False),
        ("See https://example.org/a/b/c/d now.", "Veja https://example.org/a/b/c/d agora.", False),
    ],
)
def test_words_in_succession_are_untranslated(line: str, translation: str, untranslated: bool) -> None:
    assert is_untranslated(line, translation) is untranslated
