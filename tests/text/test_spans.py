"""Protected spans: what must not change is found whole, and words are left alone."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.text.spans import Span, SpanKind, find_spans, spans_within

ONE, NUMBER, MARKUP, ADDRESS, CHARACTER = SpanKind


def words(text: str) -> list[str]:
    return text.split()


NUMBERS = words("""2 42 007 2020 1,234.5 1.234,5 1’234.50 -5 +5 −3.2 ±4 0.25 .5 1e-5 10⁵ ½ 1½ 10–20 3-2 1/2
5% 12‰ $5 $1,234.50 US$5 R$3,50 5€ €5 £7 5kg 20°C 100km/h 3GB 50m² 10:30 10:30:45 5pm 10h30 14h
2020-05-06 06.05.2020 5/6/2020 2020-05-06T10:30:00Z 4x4 1920x1080 #1 ４２""")
NUMBERS += ["1\u202f234,5", "1 234 567", "5\u00a0%", "5 €", "R$ 3,50", "10:30 pm", "5 a.m."]
MARKUPS = words("""{name} {0} {} {0:.2f} {user.name} ${x} %{count} %s %d %5.2f %(n)d %1$s %@ %% $HOME <b> </b>
<br/> &amp; &#39; &#x1F600; \\n `code` {{x}} <custom-tag>""")
MARKUPS += ["{{ y }}", "{% if z %}", '<a href="x y">', "<!-- a note -->", "`some code`"]
ADDRESSES = words("""https://a.example/b?c=1&d=2#e http://localhost:8000/x www.example.org/tea ftp://a.example
https://en.example.org/wiki/Tea_(drink) https://ja.example.org/wiki/日本 me@x.example
first.last+tag@x.example mailto:me@x.example first@mail.example.co.uk example.com
example.co.uk/path report.pdf archive.tar.gz README.md src/main/start.py /usr/local/bin
~/notes.txt ./run.sh ../up/down C:\\Users\\me\\file.txt v2 v1.2.3 1.2.3 1.2.3-beta.1
192.168.100.100 10.0.0.1:8080 #tea @user @user.name 0xFF 3237d1e snake_case ABC1234X
550e8400-e29b-41d4-a716-446655440000 fe80::1:2:3:4 10.1234/abc.56""")
CHARACTERS = [
    "😀",
    "👍🏽",
    "❤️",
    "🇩🇪🇫🇷",
    "👩\u200d👩\u200d👧",
    "3️⃣",
    "✓",
    "😀🎉",
    "🏴\U000e0067\U000e0062\U000e007f",
]
FRAMES = ["{}", "({})", "See {}, then go.", "It is {}.", "“{}”!", "Is it {}?", "one\n{}\ntwo", "a {} b {} c"]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [(NUMBER, NUMBERS), (MARKUP, MARKUPS), (ADDRESS, ADDRESSES), (CHARACTER, CHARACTERS)],
    ids=["numbers", "mark-up", "addresses", "characters"],
)
def test_each_thing_is_one_whole_span_wherever_it_stands(kind: SpanKind, texts: list[str]) -> None:
    for text in texts:
        for frame in FRAMES:
            found = find_spans(frame.replace("{}", text))
            assert [(s.text, s.kind) for s in found] == [(text, kind)] * frame.count("{}"), (frame, text)


@pytest.mark.parametrize(
    "text",
    [
        "Plums, e.g. the red ones, and/or apples: it's the U.S. way, i.e. good!",
        "She said: “Wait... what?” (He did not.) – And then – well-known; a & b, c/d.",
        "Dr. Hall's no-go area, at 's-Hertogenbosch; A. B. Smith & Co. left.She stayed",
        "a < b > c, x * y, H2O MP3 B2B",
        "Quanto é? Ação, coração d'água; n.º e 茶は好き。",
        "That is 'quoted' and \"double\" [sic] @ home # not $ money % share",
        "km/h w/o he/she und/oder z. B. d. h.",
    ],
)
def test_words_are_no_spans(text: str) -> None:
    assert find_spans(text) == []


def test_only_the_number_one_alone_is_one() -> None:
    found = find_spans("1 day, 2 days, 11 days, 1.0, -1, $1, 1. First, 1st, 01")
    assert [s.text for s in found if s.kind is ONE] == ["1", "1", "1"]
    assert [s.text for s in found if s.kind is NUMBER] == ["2", "11", "1.0", "-1", "$1", "01"]


def test_a_sign_is_part_of_a_number_only_before_it() -> None:
    assert [s.text for s in find_spans("COVID-19, x-5, 7-5, (-5), 5 - 3, F-16")] == [
        "19", "5", "7-5", "-5", "5", "3", "16",
    ]  # fmt: skip


def test_digits_of_ordinals_and_decades_are_spans_without_their_letters() -> None:
    assert [s.text for s in find_spans("the 21st of the 1980s, 5th, 2º, 20er, 100%iger")] == [
        "21", "1980", "5", "2", "20", "100",
    ]  # fmt: skip


def test_lists_of_numbers_are_not_one_number() -> None:
    assert [s.text for s in find_spans("1,2,3 and 10, 20 and 5.")] == ["1", "2", "3", "10", "20", "5"]


def test_a_percentage_is_not_a_format_placeholder() -> None:
    assert [s.text for s in find_spans("50% discount, 5%d, 100 %, 7 %s")] == ["50%", "5", "100 %", "7", "%s"]


def test_markdown_marks_are_spans_and_their_text_is_not() -> None:
    text = "# Title\n\n- **bold** and *slanted* _word_\n  * [link](https://a.example)\n> ![pic](a.png) ~~no~~"
    found = " ".join(s.text for s in find_spans(text))
    assert found == "# - ** ** * * _ _ * [ ](https://a.example) > ![ ](a.png) ~~ ~~"
    assert {s.kind for s in find_spans(text)} == {MARKUP}


def test_numbers_and_addresses_may_touch_letters_of_scripts_without_spaces() -> None:
    assert [s.text for s in find_spans("共5个，请看https://a.example/c的第11章，写信到me@x.example吧")] == [
        "5", "https://a.example/c", "11", "me@x.example",
    ]  # fmt: skip


def test_brackets_and_quotes_around_an_address_are_not_in_it() -> None:
    text = (
        '(https://a.example/b), [www.example.org/c]; "https://a.example/d" **https://a.example/e** x@y.xyz).'
    )
    assert [s.text for s in find_spans(text) if s.kind is ADDRESS] == [
        "https://a.example/b", "www.example.org/c", "https://a.example/d", "https://a.example/e", "x@y.xyz",
    ]  # fmt: skip


def test_characters_that_a_vocabulary_lacks_are_spans_in_runs() -> None:
    knows = set("abcdehlo teé.").__contains__
    assert [(s.start, s.text, s.kind) for s in find_spans("hello →→ Привет e→.", knows)] == [
        (6, "→→", CHARACTER),
        (9, "Привет", CHARACTER),
        (17, "→", CHARACTER),
    ]
    assert find_spans("hello tee\u00a0\u200d\n", knows) == []
    assert [s.text for s in find_spans("see 5 → 😀→", str.isascii)] == ["5", "→", "😀→"]


def test_a_mark_that_a_vocabulary_lacks_takes_its_letter_along() -> None:
    assert [s.text for s in find_spans("ae\u0301b", str.isascii)] == ["e\u0301"]


def test_a_vocabulary_is_asked_once_about_each_character_outside_white_space() -> None:
    asked: list[str] = []
    find_spans("aab ba\n\u00adc", lambda char: asked.append(char) is None)
    assert sorted(asked) == ["a", "b", "c"]


SNIPPETS = st.lists(
    st.sampled_from(
        [*NUMBERS, *MARKUPS, *ADDRESSES, *CHARACTERS, *"aB .,;:!?()[]{}<>%$#@&*_`~/\\|\n'-+=1", "word"]
    )
).map("".join)


@given(SNIPPETS | st.text(), st.booleans())
@settings(max_examples=500)
def test_spans_and_gaps_are_the_text(text: str, ascii_only: bool) -> None:
    spans = find_spans(text, str.isascii if ascii_only else None)
    parts, place = [], 0
    for span in spans:
        assert place <= span.start < span.end
        assert text[span.start : span.end] == span.text
        parts += [text[place : span.start], span.text]
        place = span.end
    assert "".join([*parts, text[place:]]) == text
    assert not any(re.search(r"[\n\r\u2028\u2029]", span.text) for span in spans)
    assert not any(a.end == b.start and a.kind is b.kind is CHARACTER for a, b in pairwise(spans))
    if ascii_only:
        gaps = set("".join(parts[::2]) + text[place:])
        assert all(char.isspace() or char.isascii() or not char.isprintable() for char in gaps)


@given(SNIPPETS)
def test_no_digit_outside_words_is_left_in_a_gap(text: str) -> None:
    spaced = " ".join(re.findall(r"\d+", text))
    left = spaced
    for span in find_spans(spaced):
        left = left.replace(span.text, "", 1)
    assert not re.search(r"\d", left)


@pytest.mark.parametrize("text", ["see \U000f0000 and 5", "\U000f003f\U000f0001"])
def test_the_characters_of_placeholders_are_protected(text: str) -> None:
    covered = "".join(s.text for s in find_spans(text))
    assert {c for c in text if ord(c) >= 0xF0000} <= set(covered)


def test_spans_of_a_part_are_counted_from_its_start() -> None:
    spans = find_spans("a 5 b. See 7 and 8")
    assert spans_within(spans, 7, 16) == [Span(4, 5, "7", NUMBER)]
    assert spans_within(spans, 0, 18) == spans
    assert spans_within(spans, 3, 11) == []


HOSTILE = [
    *"<%1.{[*_a`w/&#@$-(~|\\=!+ :'\u0301😀",
    *("a.", "a@", "1.", "1,234,", "www.", "http://", "a/", "a_", "1a", "a1", "a-", "](", "[a", "{{", "<a "),
    *("中", "中😀", "%0", "v1.", "a:", "1 234 ", "A$", "./", "a.b/"),
]


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    for tail in ("", "a", "@"):
        text = unit * (200_000 // len(unit)) + tail
        began = time.process_time()
        find_spans(text, str.isascii)
        assert time.process_time() - began < 2  # quadratic time would be minutes


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["<", "%", "1", ".", "{", "[", "*", "a", "@", " "])
def test_a_megabyte_of_one_character_takes_two_seconds(unit: str) -> None:
    began = time.process_time()
    find_spans(unit * 1_000_000)
    assert time.process_time() - began < 2
