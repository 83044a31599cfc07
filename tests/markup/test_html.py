"""HTML and XML: the behaviours that users of other engines have asked for, and fuzzed pages."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from reversing import Repeating, Reversing, Worded

from onepass.markup.html import ATTRIBUTES, COPIED, translate_html
from onepass.markup.tags import Kind, tokens

BEHAVIOURS = [
    ("", ""),
    ("<p></p>", "<p></p>"),
    ("<p>one <b>two</b> three</p>", "<p>THREE <b>TWO</b> ONE</p>"),
    ("<P>one two</P><BR>three", "<P>TWO ONE</P><BR>THREE"),
    ("fish &amp; chips &lt;x&gt; caf&eacute;", "CAFÉ &lt;X&gt; CHIPS &amp; FISH"),
    ("one&#160;two&nbsp;three", "THREE TWO ONE"),
    ("salt &foo; pepper", "PEPPER &foo; SALT"),
    ("one<br>two three<hr>four<img src=x>five", "ONE<br>THREE TWO<hr>FOUR<img src=x>FIVE"),
    ("a<b>b</b>c", "<b>ABC</b>"),
    ("a <i>b</i> c", "C <i>B</i> A"),
    ("<b>one</b> two <i>three</i>", "<i>THREE</i> TWO <b>ONE</b>"),
    ("<b>one <i>two</i></b> three", "THREE <b><i>TWO</i> ONE</b>"),
    ("<p>one two<b></b></p>", "<p>TWO ONE<b></b></p>"),
    ("<p>one two<wbr/></p>", "<p>TWO ONE<wbr/></p>"),
    ("<script>if (a<b) c</script>one two", "<script>if (a<b) c</script>TWO ONE"),
    ("<!DOCTYPE html><!-- a > b --><p>one two</p>", "<!DOCTYPE html><!-- a > b --><p>TWO ONE</p>"),
    ("<pre>one  two</pre>three four", "<pre>one  two</pre>FOUR THREE"),
    ("<textarea>one <b>two</textarea>", "<textarea>one <b>two</textarea>"),
    ("<title>salt &amp; pepper</title>", "<title>PEPPER &amp; SALT</title>"),
    ("up<wbr>stairs now", "NOW UPSTAIRS<wbr>"),
    ("use <code>f(x)</code> now", "NOW <code>f(x)</code> USE"),
    ("<p translate=no>one <b>two</b></p>three four", "<p translate=no>one <b>two</b></p>FOUR THREE"),
    (
        "say <span class='x notranslate'>Foo &amp; Bar</span> twice",
        "TWICE <span class='x notranslate'>Foo &amp; Bar</span> SAY",
    ),
    (
        "<div translate=no>one two<p translate=yes>three four</p>five six</div>",
        "<div translate=no>one two<p translate=yes>FOUR THREE</p>five six</div>",
    ),
    ("<a href='u?a=1&b=\"2\"' >one two</a> three", "THREE <a href='u?a=1&b=\"2\"' >TWO ONE</a>"),
    ("one < two & three", "THREE &amp; TWO &lt; ONE"),
    ("<b>one two", "<b>TWO ONE"),
    ("one two</b>", "TWO ONE</b>"),
    ("<p>one two <a href='x", "<p>HREF='X &lt;A TWO ONE"),
    (" <p>\n  one\n  two <b> three</b>\n</p>\n", " <p>\n  <b>THREE</b> TWO ONE\n</p>\n"),
    (
        "<?xml version='1.0'?>\n<x:a xmlns:x='u'><![CDATA[a<b]]><x:B>one two</x:B></x:a>",
        "<?xml version='1.0'?>\n<x:a xmlns:x='u'><![CDATA[a<b]]><x:B>TWO ONE</x:B></x:a>",
    ),
    ("<?php echo '<b>'; ?>one two", "<?php echo '<b>'; ?>TWO ONE"),
    ("H<sub>2</sub>O flows", "FLOWS H<sub>2</sub>O"),
    ("12.5 <b>%</b>", "12.5 <b>%</b>"),
]


@pytest.mark.parametrize(("page", "wanted"), BEHAVIOURS)
def test_tags_go_with_their_words_and_all_else_stays(page: str, wanted: str) -> None:
    assert translate_html(Reversing(), page) == wanted


def test_whole_sentences_reach_the_model() -> None:
    translator = Reversing()
    translate_html(
        translator, "<p>The <b>old</b>\n man&#8217;s <i>h</i>ouse. It <u>burns</u>.</p><td>Yes</td>"
    )
    assert translator.seen == ["The old man’s house. It burns.", "Yes"]


def test_a_tag_whose_words_are_not_translated_stays_at_the_nearest_word() -> None:
    translator = Worded(("eins", (0,)), ("drei", (2,)))
    assert translate_html(translator, "one <b>two</b> three") == "eins <b>drei</b>"
    assert translate_html(Worded(("ja", (0,))), "<i>yes</i> <b>sir</b>") == "<i>ja</i><b></b>"


def test_a_tag_stands_around_most_of_its_words_and_none_of_others() -> None:
    translator = Worded(
        ("Ich", (0,)),
        ("habe", (3,)),
        ("noch", (2,)),
        ("nie", (2,)),
        ("ein", (4,)),
        ("Haus", (5,)),
        ("gesehen.", (3,)),
    )
    found = translate_html(translator, "I have <b>never</b> <i>seen</i> a <u>house</u>.")
    assert found == "Ich habe <b>noch nie</b> ein <u>Haus</u> <i>gesehen</i>."


def test_signs_of_the_source_in_a_tag_are_in_it_again() -> None:
    quoted = Worded(("sagte", (1,)), ("“gut”", (0,)), (".", (2,)))
    assert translate_html(quoted, "<q>“well”</q> said .") == "sagte <q>“gut”</q> ."


def test_what_is_copied_and_not_in_the_translation_stands_beside_it() -> None:
    translator = Worded(("nimm", (0,)), ("jetzt", (2,)))
    assert translate_html(translator, "use <code>f()</code> now") == "nimm <code>f()</code> jetzt"


def test_attributes_are_translated_if_asked_and_others_stay() -> None:
    page = (
        "<img alt='salt &amp; pepper' src=\"a b\"><meta name=description content='one two'>"
        "<meta content='one two'>"
    )
    assert translate_html(Reversing(), page) == page
    assert translate_html(Reversing(), page, attributes=ATTRIBUTES) == (
        '<img alt="PEPPER &amp; SALT" src="a b"><meta name=description content="TWO ONE">'
        "<meta content='one two'>"
    )


def test_an_element_can_be_translated_that_is_copied_otherwise() -> None:
    found = translate_html(Reversing(str), "<pre>one two\nthree</pre>", copied=COPIED - {"pre"})
    assert found == "<pre>three two one</pre>"


def test_entities_of_a_document_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    assert translate_html(Reversing(), f"{bomb}<x>one &b; two &f;</x>") == f"{bomb}<x>&f; TWO &b; ONE</x>"


def test_half_a_tag_that_is_copied_does_not_become_a_whole_one() -> None:
    page = "<br>one two</a> <code><<!DOCTYPE<div"
    assert translate_html(Reversing(), page) == "<br>TWO ONE</a> <code><<!DOCTYPE<div"


HOSTILE = {
    "deep": "<b>" * 10_000 + "one" + "</b>" * 10_000,
    "deeper words": "<b>one " * 3_000 + "</b>" * 3_000,
    "deep blocks": "<div>" * 10_000 + "one",
    "long attribute": f"<a title='{'x' * 1_000_000}'>one two</a>",
    "comments without end": "<!--" * 20_000,
    "quotes without end": '<a b="' * 20_001,
    "tags without end": "<a b='1' " * 10_000,
    "declarations without end": "<![CDATA[<!x[" * 10_000,
    "raw without end": "<script>" * 50_000,
    "many tags": "<i>one</i> " * 1_500,
    "many names": "".join(f"<x{i} translate=no>" for i in range(5_000)),
}


@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_take_bounded_time(page: str) -> None:
    start = time.process_time()
    found = translate_html(Reversing(), page)
    assert time.process_time() - start < 4
    assert marks(found) == marks(page)


MARKUP = """
<b> </b> <i </i> class='x'> <p> </p> <br> <br/> <div translate=no> <div> </div> <code> </code> <span> </span>
<!-- <!--x--> -->
<script> </script> <title> </title> <pre> </pre> <a href="x"> </a> <wbr> < > & &amp; &lt; &#65;
&foo; <![CDATA[ ]]> <?x ?> <!DOCTYPE <x:y/> ' " one two three. 42 é 漢
"""
FRAGMENTS = st.sampled_from([*MARKUP.split(), "\n"])
PAGES = st.lists(st.one_of(FRAGMENTS, st.just(" "), st.text(max_size=4)), max_size=30).map("".join)


def marks(page: str) -> Counter[str]:
    """All that is no text, as the tokens of a page."""
    return Counter(token.raw for token in tokens(page) if token.kind is not Kind.TEXT)


@settings(max_examples=300, deadline=None)
@given(PAGES)
def test_of_any_page_the_tags_are_the_same_ones(page: str) -> None:
    assert marks(translate_html(Reversing(), page)) == marks(page)


@settings(max_examples=200, deadline=None)
@given(PAGES)
def test_a_page_of_which_nothing_is_translated_comes_back_byte_for_byte(page: str) -> None:
    assert translate_html(Repeating(), page) == page


XML_TEXT = st.lists(
    st.sampled_from(["one ", "two", " three ", "&amp;", "&lt;b", "\n", "<![CDATA[<b]]>", "<!--x-->"])
)
XML = st.recursive(
    XML_TEXT.map("".join),
    lambda inner: st.builds(
        "<{0} a='&lt;'>{1}</{0}>{2}".format, st.sampled_from(["b", "i", "x:Y", "p", "code"]), inner, inner
    ),
    max_leaves=10,
).map("<root xmlns:x='u'>{}</root>".format)


def names(page: str) -> Counter[str]:
    return Counter(str(node.tag) for node in etree.fromstring(page).iter())


@settings(max_examples=100, deadline=None)
@given(XML)
def test_what_was_well_formed_is_well_formed_and_has_the_same_elements(page: str) -> None:
    assert names(translate_html(Reversing(), page)) == names(page)
