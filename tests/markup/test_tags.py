"""The tokens of a page, against the parser of the standard library, and against the page itself."""

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from test_html import PAGES

from onepass.markup.tags import Kind, tokens


@settings(max_examples=200, deadline=None)
@given(PAGES)
def test_joined_the_tokens_are_the_page(page: str) -> None:
    assert "".join(token.raw for token in tokens(page)) == page


class Reference(HTMLParser):
    """The tags that the standard library finds."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(("open", tag))

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.found.append(("open", tag))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("close", tag))


NAMES = st.sampled_from(["p", "b", "DIV", "x:y", "h1", "br"])
ATTRIBUTES = st.sampled_from(["", " a", " a=1", " a='<b>'", ' a="x > y" b', " a = 'x'", "/", " / ", "\n c"])
TAGS = st.one_of(
    st.builds("<{}{}>".format, NAMES, ATTRIBUTES),
    st.builds("</{}>".format, NAMES),
    st.sampled_from(
        ["one ", "<!-- <b> -->", "&lt;b>", "1 < 2", "<script>'<b>'</script>", "<!DOCTYPE html>", "<>"]
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TAGS, max_size=12).map("".join))
def test_tags_are_those_that_another_parser_finds(page: str) -> None:
    own = [
        ("close" if token.kind is Kind.CLOSE else "open", token.name) for token in tokens(page) if token.name
    ]
    assert own == Reference(page).found
