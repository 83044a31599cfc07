"""Subtitles: times, numbers and notes stay, cues keep their lines."""

from reversing import Repeating, Reversing, Worded

from onepass.markup.subtitles import translate_subtitles

SRT = """1
00:00:01,000 --> 00:00:02,500 X1:40
one two three
four <i>five six</i>

2
00:00:03,000 --> 00:00:04,000
- one two
- {\\an8}three four

3
00:00:05,000 --> 00:00:06,000
42
"""
VTT = """WEBVTT - one two

NOTE three four

STYLE
::cue { color: red }

first
00:01.000 --> 00:02.000 align:start
<v Ann>one two <b>three</b></v>

00:00:03.000 --> 00:00:04.000
One <00:00:03.500>two
"""


def test_the_text_of_cues_is_translated_on_as_many_lines() -> None:
    found = translate_subtitles(Reversing(), SRT)
    assert found == SRT.replace(
        "one two three\nfour <i>five six</i>", "<i>SIX FIVE</i> FOUR\nTHREE TWO ONE"
    ).replace("- one two\n- {\\an8}three four", "- TWO ONE\n- {\\an8}FOUR THREE")


def test_header_notes_and_names_of_web_subtitles_stay() -> None:
    found = translate_subtitles(Reversing(), VTT)
    assert found == VTT.replace("<v Ann>one two <b>three</b></v>", "<v Ann><b>THREE</b> TWO ONE</v>").replace(
        "One <00:00:03.500>two", "<00:00:03.500>TWO ONE"
    )


def test_files_of_which_nothing_is_translated_come_back_byte_for_byte() -> None:
    for text in (SRT, VTT, SRT.replace("\n", "\r\n"), "", "no cue", "1\n00:00:01,000 --> 00:00:02,500"):
        assert translate_subtitles(Repeating(), text) == text
        assert translate_subtitles(Repeating(), f"\ufeff{text}") == f"\ufeff{text}"


def test_line_ends_stay_those_of_the_file() -> None:
    found = translate_subtitles(Reversing(), SRT.replace("\n", "\r\n"))
    assert "\n" not in found.replace("\r\n", "")
    assert "FOUR\r\nTHREE" in found


TWO = """1
00:00:01,000 --> 00:00:02,000
One two <i>three</i>

2
00:00:02,500 --> 00:00:03,000
four five.

3
00:00:04,000 --> 00:00:05,000
Six seven
"""


def test_a_sentence_of_several_cues_is_translated_as_one() -> None:
    translator = Reversing()
    found = translate_subtitles(translator, TWO)
    assert translator.seen == ["One two three four five.", "Six seven"]
    assert found == TWO.replace("One two <i>three</i>", "FIVE.").replace(
        "four five.", "FOUR <i>THREE</i> TWO ONE"
    ).replace("Six seven", "SEVEN SIX")


def test_each_cue_of_a_sentence_gets_its_words_where_the_order_allows() -> None:
    words = [("eins", (0,)), ("zwei", (1,)), ("drei", (2,)), ("fünf", (3,)), ("sechs", (4,))]
    cues = TWO.split("3\n00:00:04")[0]
    found = translate_subtitles(Worded(*words), cues)
    assert found == cues.replace("One two <i>three</i>", "eins zwei <i>drei</i>").replace(
        "four five.", "fünf sechs"
    )


def test_no_cue_of_a_sentence_is_left_without_words() -> None:
    cues = TWO.split("3\n00:00:04")[0]
    found = translate_subtitles(Worded(("vier", (3,)), ("fünf.", (4,)), ("eins", (0,))), cues)
    assert found == cues.replace("One two <i>three</i>", "vier <i>fünf</i>.").replace("four five.", "eins")
