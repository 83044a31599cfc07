"""Markdown: text is translated, the rest of a document stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reversing import Repeating, Reversing

from onepass.markup.markdown import translate_markdown

CASES = [
    ("# one two\n\nthree four\n", "# TWO ONE\n\nFOUR THREE\n"),
    ("one two\n=======\n", "TWO ONE\n=======\n"),
    ("one **two** three", "THREE **TWO** ONE"),
    ("one __two__ *three* ~~four~~", "~~FOUR~~ *THREE* __TWO__ ONE"),
    ("***one*** two", "TWO ***ONE***"),
    ("snake_case_name and 2 * 3 * 4", "4 * 3 * 2 AND SNAKE_CASE_NAME"),
    ("one [two three](http://x.y/a_(b) 'T') four", "FOUR [THREE TWO](http://x.y/a_(b) 'T') ONE"),
    ("see ![a cat](cat.png) now", "NOW ![CAT A](cat.png) SEE"),
    ("see [the book][1] now\n\n[1]: http://x.y\n", "NOW [BOOK THE][1] SEE\n\n[1]: http://x.y\n"),
    ("one [two] three", "THREE [TWO] ONE"),
    ("use `f(x)` now", "NOW `f(x)` USE"),
    ("mail <a@b.org> or <https://x.y/z> now", "NOW <https://x.y/z> OR <a@b.org> MAIL"),
    ("one <u>two</u> three", "THREE <u>TWO</u> ONE"),
    ("- one two\n- [x] three four\n  * five six\n", "- TWO ONE\n- [x] FOUR THREE\n  * SIX FIVE\n"),
    ("3. one two\n4) three four\n", "3. TWO ONE\n4) FOUR THREE\n"),
    ("> one\n> two\n> > three four\n", "> TWO ONE\n> > FOUR THREE\n"),
    ("one\ntwo\n   three\n", "THREE TWO ONE\n"),
    ("one two  \nthree four\n", "TWO ONE  \nFOUR THREE\n"),
    ("```sh\none two\n```\n\n    three four\n", "```sh\none two\n```\n\n    three four\n"),
    ("---\ntitle: one two\n---\nthree four", "---\ntitle: one two\n---\nFOUR THREE"),
    ("<div>\none two\n</div>\n\nthree four\n", "<div>\none two\n</div>\n\nFOUR THREE\n"),
    ("| one two | b |\n|--:|---|\n| three four | 5 |\n", "| TWO ONE | B |\n|--:|---|\n| FOUR THREE | 5 |\n"),
    ("one two\r\n\r\nthree four\r\n", "TWO ONE\r\n\r\nFOUR THREE\r\n"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_the_text_of_a_document_is_translated_and_its_marks_go_with_it(text: str, wanted: str) -> None:
    assert translate_markdown(Reversing(), text) == wanted


def test_wrapped_sentences_reach_the_model_whole() -> None:
    translator = Reversing()
    translate_markdown(translator, "The *old* man\nsees it.\n\n- A `b`\n  c.\n")
    assert translator.seen == ["The old man sees it.", "A b c."]


LINES = [
    "# one",
    "*two* three",
    "- [ ] four",
    "> five",
    "```",
    "    six",
    "| a | b |",
    "|---|---|",
    "[x](y",
    "`",
    "",
    "1. ",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from([*LINES, "`", "", "1. "]), st.text(max_size=5)), max_size=8).map(
        "\n".join
    )
)
def test_a_document_of_which_nothing_is_translated_comes_back_byte_for_byte(text: str) -> None:
    assert translate_markdown(Repeating(), text) == text
