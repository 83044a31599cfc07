"""The scripts of a page say what Python says: ids, spans, sentences, numbers, places of placeholders."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from scripts import NODE, in_node, scripts

from onepass.bundle import Bundle
from onepass.runtime.placing import placed
from onepass.runtime.sentences import Passage
from onepass.runtime.shipped import find_model
from onepass.runtime.translator import Translator
from onepass.text.clock import clock_terms
from onepass.text.numbers import localised

pytestmark = pytest.mark.skipif(not NODE, reason="node is not installed")
CORPORA = Path(__file__).parents[3] / "shared" / "data"
CHARACTERS = (
    "abcXYZ 0123456789 .,;:!?¿ªº½¼…ﬁﬀ①㎏Ａｂ\u3000\u00a0\u200b\u00ad\u0301é̂ñ漢字かなカﾅ한국😀👍🏽🇧🇷"
    "\U000f0000\U000f0004\U000f0030\ufeff\t▁<>/&%{}@#_*`|\\$€-−'’\"“”()[]"
)
TEXTS = (
    "Room 12 is free.",
    "It costs $1,234.50, or 3.5% more, on 2024-05-01 at 10:30.",
    "Write to ann@example.org, or see https://example.org/a_b(c). OK?",
    "Click <b>here</b> &amp; wait for {name}, %s or `code`.",
    "1) First of all. 2) Then this. - And that.",
    "😀 Hello there! 👍🏽 See you 漢字 soon.",
    "Mr. Smith and Dr. Jones came. They left at 5 p.m. on Monday.",
    "HELP ME NOW! NATO MET IN 1999.",
    '"Come in!" she said. "It is late."',
    "Never really? that is odd! it is so.",
    "He went home.Then he slept, as README.Md says.",
    "It is in the U.S. They know it, i.e. Mary and Det. Jones do. Roe v. Wade was a case.",
    "It was good... — He said so. – Really!",
    "  Two  spaces\tand a tab. \n Next line.",
    "v1.2.3 of file.txt is in /usr/share/doc, not C:\\\\Temp.",
    "",
    " ",
    "12:30",
    "A1",
    "Half past three, or a  quarter to Seven? It is five to ten. It is five to ten times as large.",
    "AT TEN MINUTES PAST ONE they left; by half past 11 all of it was done, at twenty-five to two!",
)


def random_texts(count: int) -> list[str]:
    rng = random.Random(3)
    return ["".join(rng.choices(CHARACTERS, k=rng.randint(0, 40))) for _ in range(count)]


def corpus_lines(count: int) -> list[str]:
    """Lines of all corpora that are here."""
    rng, lines = random.Random(1), list[str]()
    for path in sorted(CORPORA.glob("mono.??/*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            own = file.read().split("\n")
        lines += rng.sample(own, min(len(own), 400))
    return rng.sample(lines, min(len(lines), count))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scripts(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("en-pt", num_threads=1, split=True)


def test_ten_thousand_lines_have_the_ids_of_sentencepiece(directory: Path) -> None:
    tokenizer = Bundle.open(find_model("en-pt")).tokenizer()
    lines = [*TEXTS, *corpus_lines(9_000)]
    lines += random_texts(10_000 - len(lines))
    found = in_node(
        directory, "(text) => { const i = tokenizer.encode(text); return [i, tokenizer.decode(i)]; }", lines
    )
    for line, (ids, text) in zip(lines, found, strict=True):
        expected = tokenizer.encode_src(line)
        assert ids == expected, line
        assert text == tokenizer.decode_tgt(expected), line


def described(passage: Passage, translator: Translator) -> list[object]:
    masked = passage.masked
    return [
        passage.segment.text,
        passage.segment.space,
        passage.ids,
        None if masked is None else [masked.text, [[slot, span.text] for slot, span in masked.spans.items()]],
    ]


DESCRIBE = """(text) => reader.passages(text).map(({ text, space, ids, masked }) => [
  text, space, ids, masked && [masked.text, [...masked.spans].map(([slot, span]) => [slot, span.text])]])"""


def test_what_is_read_of_a_text_is_the_same(directory: Path, translator: Translator) -> None:
    for text, found in zip(TEXTS, in_node(directory, DESCRIBE, TEXTS), strict=True):
        assert found == [described(passage, translator) for passage in translator.passages(text)], text


def test_the_same_spans_in_texts_of_any_characters(directory: Path, translator: Translator) -> None:
    texts = [text for text in random_texts(2_000) if not any(mark in text for mark in ".!?…\t")]
    for text, found in zip(texts, in_node(directory, DESCRIBE, texts), strict=True):
        assert found == [described(passage, translator) for passage in translator.passages(text)], text


def test_few_sentences_of_real_text_end_elsewhere(directory: Path, translator: Translator) -> None:
    lines = corpus_lines(1_500)
    if not lines:
        pytest.skip("the shared data sets are not on this machine")
    found = in_node(directory, DESCRIBE, lines)
    pairs = zip(lines, found, strict=True)
    others = [
        line for line, own in pairs if own != [described(p, translator) for p in translator.passages(line)]
    ]
    assert len(others) <= 0.01 * len(lines)


@pytest.mark.parametrize(
    "numbers",
    [["1,234.50", "$3.5", "10:30", "1,000,000", "½", "1.5e3", "-2.25%", "12 345", "0.125", "1.2.3"]],
)
def test_numbers_are_written_as_the_target_language_does(directory: Path, numbers: list[str]) -> None:
    function = "(number) => localised(number, said.separators.source, said.separators.target)"
    assert in_node(directory, function, numbers) == [localised(number, "en", "pt") for number in numbers]


@pytest.mark.parametrize(
    "time", ["half past three", "Ten  past Four", "A QUARTER TO ONE", "half past 3", "three"]
)
def test_clock_times_are_said_as_the_target_language_does(directory: Path, time: str) -> None:
    terms = clock_terms("en", "pt")
    assert terms is not None
    function = "(text) => timeWritten(text, said.clock) ?? null"
    assert in_node(directory, function, [time]) == [terms.translation(time)]


def test_placeholders_are_placed_where_the_model_gives_them_most(directory: Path) -> None:
    rng = np.random.default_rng(1)
    cases = [(rng.normal(size=9), rng.normal(size=(k, 9))) for k in (1, 2, 3, 5, 9) for _ in range(20)]
    found = in_node(
        directory, "([own, of]) => placed(own, of)", [[own.tolist(), of.tolist()] for own, of in cases]
    )
    assert found == [placed(own, of).tolist() for own, of in cases]


def test_spans_come_back_into_a_translation(directory: Path, translator: Translator) -> None:
    text = "It costs $1,234.50 (or 20%) at https://example.org/a, dear 漢字."
    [passage] = translator.passages(text)
    assert passage.masked is not None
    marks = [chr(0xF0000 + slot) for slot in passage.masked.spans]
    rng = random.Random(2)
    written = [" ".join(rng.sample([*marks, *marks[:1], "custa", "em", "(ou", "e)."], 6)) for _ in range(200)]
    function = """([text, written]) => {
      const [passage] = reader.passages(text);
      const as = (span) => (["one", "number"].includes(span.kind)
        ? localised(span.text, said.separators.source, said.separators.target) : span.text);
      return restored(written, passage.masked, as);
    }"""
    found = in_node(directory, function, [[text, one] for one in written])
    assert found == [translator._reader.restored(passage, one) for one in written]
