"""The scripts of a page do with a line what Python does: capitals, end marks, spaces between sentences.

The scripts are given what Python's engine answered, so that both can differ in nothing but their own work.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts import NODE, in_node, scripts

from onepass.runtime.alignment import Written
from onepass.runtime.capitals import CalmText, calm_line, calm_text, with_capitals
from onepass.runtime.letters import Letters, with_lacking_capitals
from onepass.runtime.text_translator import Decode, Hypotheses
from onepass.runtime.translator import Translator
from onepass.text.segmentation import Range
from onepass.text.validity import valid_output, with_end_marks

pytestmark = pytest.mark.skipif(not NODE, reason="node is not installed")
MARKS = "\U000f0000\U000f0004\U000f0018"
_WORDS = (
    "VERY GOOD NEVER NATO US I A OK THE end of Very good never İSTANBUL İ STRAẞE STRASSE Straße ß ǅUNGLA Ǆ "
    "ǄUNGLA ΣΑΣ ΟΔΟΣ ΣΊΓΜΑ МОСКВА Москва МИР ⅧX Ⅷ ªº NAÏVE E\u0301TE\u0301 ŉN ﬁN ﬃ ĲS ÉCOLE X² A1 COVID-19 "
    "well-KNOWN X_Y 漢字 漢字ABC ΑBC ᲐᲑᲒ აბგ 𐐀𐐁 𝐀𝐁 , . ! ? ?! ... — ( ) \" ’S DON'T 😀"
)
WORDS = _WORDS.split() + list(MARKS)
LINES = (
    "That is VERY good.",
    "I have NEVER seen the US Army, and NATO has not EITHER.",
    "VERY few people know this.",
    "NEVER say NEVER again!!",
    "HELP ME! Please HELP ME NOW!!! It is VERY, very late...",
    "REALLY?! You did WHAT??",
    "What?!?!",
    "No!!! 😀",
    "?!",
    "It costs ONLY $1,234.50, and THAT is MUCH.",
    "Write to ann@example.org ONLY about THIS!!",
    "CALL <b>NOW</b> or {name} is LOST.",
    "READ https://example.org/a NOW",
    "He lives in İSTANBUL, NOT in the STRAẞE or the STRASSE.",
    "The MOSKVA is not МОСКВА, and ΟΔΟΣ is a ROAD.",
    "The words ΣΑΣ and MASS are NOT the same.",
    "ΣΑΣ IS A WORD.",
    "ǄUNGLA IS A WORD!",
    "ǄUNGLA is a WORD!",
    "ßTRANGE things are NEVER strange.",
    "This is well-KNOWN, COVID-19 or X_Y is NOT.",
    "  TWO   spaces,\tand a TAB. \n NEXT line is HERE!!\n\nGood.",
    "A\u0000B is NOT seen\ud800 AT ALL.",
    "What a DAY😀",
    "1) FIRST of all. 2) THEN this!!",
    "NASA IS AT example.com",
    "漢字 is VERY hard!!",
    "",
    " ",
    "OK",
    "12:30!!",
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scripts(tmp_path_factory.mktemp("flow"))


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("en-pt", num_threads=1, split=True)


def random_texts(count: int, most: int) -> list[str]:
    rng = random.Random(5)
    return [
        "".join(word + rng.choice(["", " ", " ", " "]) for word in rng.choices(WORDS, k=rng.randint(1, most)))
        for _ in range(count)
    ]


def test_a_text_gets_a_capital_as_in_python(directory: Path) -> None:
    texts = [*WORDS, *random_texts(300, 4), ""]
    assert in_node(directory, "(text) => capitalized(text)", texts) == [text.capitalize() for text in texts]


def test_the_same_words_in_capitals_are_read_in_small_letters(
    directory: Path, translator: Translator
) -> None:
    encode = translator.tokenizer.encode_src
    texts = [*LINES, *random_texts(1_000, 6)]
    function = "(text) => calmText(text, (one) => tokenizer.encode(one))?.text ?? null"
    expected = [calm_text(text, encode) for text in texts]
    assert len([one for one in expected if one is not None]) > 200
    found = in_node(directory, function, texts)
    assert found == [None if one is None else one.text for one in expected]


def test_the_same_words_of_a_line_in_capitals_become_small(directory: Path, translator: Translator) -> None:
    texts = [text for text in (*map(str.upper, LINES), *random_texts(1_000, 3)) if text.isupper()]
    expected = [calm_line(text, translator.tokenizer.encode_src) for text in texts]
    assert sum(one != text for one, text in zip(expected, texts, strict=True)) > 30
    assert in_node(directory, "(text) => calmLine(text, (one) => tokenizer.encode(one))", texts) == expected


def test_capitals_that_the_vocabulary_lacks_are_read_and_written_as_in_python(
    directory: Path, translator: Translator
) -> None:
    tokenizer = translator.tokenizer
    letters = Letters(tokenizer.src_vocabulary, tokenizer.encode_src)
    words = "Ótimo Índia Às ÀS última Última ÂNGELA Ângela índio índia Indian India ÍNDIA ΟΔΌΣ É ß Ü Çiçek 𐐀"
    rng = random.Random(3)
    pairs = [
        [" ".join(rng.choices(words.split(), k=rng.randint(1, 4))) for _ in range(2)] for _ in range(1_000)
    ]
    pairs += [[text, text.lower()] for text in LINES]
    function = "([source, written]) => [reader.letters.readable(source), [...source].map(reader.letters.has),"
    function += " withLackingCapitals(source, written, reader.letters)]"
    expected = [
        [
            letters.readable(source),
            [*map(letters.has, source)],
            with_lacking_capitals(source, written, letters, letters),
        ]
        for source, written in pairs
    ]
    assert sum(found[2] != written for found, (_, written) in zip(expected, pairs, strict=True)) > 50
    assert in_node(directory, function, pairs) == expected


def spelt(text: str, translator: Translator) -> list[str]:
    """Subwords as a page and Python spell them, placeholders among them."""
    tokenizer = translator.tokenizer
    ids = tokenizer.encode_src(text)
    first = tokenizer.src_size - 64
    pieces = zip(ids, tokenizer.src_pieces(ids), strict=True)
    return [chr(0xF0000 + token - first) if token >= first else piece for token, piece in pieces]


def test_the_same_words_of_a_translation_get_capitals(directory: Path, translator: Translator) -> None:
    rng = random.Random(7)
    cases: list[dict[str, Any]] = []
    expected = []
    for text in random_texts(1_500, 7):
        calm = calm_text(text, translator.tokenizer.encode_src)
        pieces = [] if calm is None else spelt(calm.text, translator)
        if calm is None or not pieces:
            continue
        translation = " ".join(rng.choices(["muito", "não", "o", "ß", "ŉ", "bom,", "—", *MARKS], k=5))
        written = spelt(translation, translator)
        near = [number * len(pieces) // len(written) + rng.randint(-1, 1) for number in range(len(written))]
        sources = [min(max(number, 0), len(pieces) - 1) for number in near]
        expected.append(with_capitals(calm, Written(0, calm.text, translation, pieces, written, sources)))
        places = [place._asdict() for place in calm.places]
        if any(ord(char) > 0xFFFF for char in calm.text):  # places are those of UTF-16 there
            places = [wide(calm, place) for place in calm.places]
        cases.append({"source": {"text": calm.text, "places": places}, "pieces": pieces})
        cases[-1] |= {"translation": translation, "written": written, "sources": sources}
    assert sum(any(char.isupper() for char in one) for one in expected) > 100
    function = "(one) => withCapitals(one.source, one.pieces, one.translation, one.written, one.sources)"
    assert in_node(directory, function, cases) == expected


def wide(calm: CalmText, place: Range) -> dict[str, int]:
    """A place in the units of JavaScript."""
    start, end = (len(calm.text[:at].encode("utf-16-le")) // 2 for at in place)
    return {"start": start, "end": end}


def test_end_marks_and_what_nobody_sees_are_as_in_python(directory: Path) -> None:
    rng = random.Random(9)
    sources = ["Oi!!", "Oi?!", "Oi!", "Oi?!.", "!!", "Oi!! ", "Oi!!\n", "", "O\ufffdi??", "！？", "Oi...!!!"]
    words = ["Olá", "!", "?", "!!", " ", "\ufffd", "\x00", "\ufeff", "\u00a0", "…", "\u2028", "é"]
    pairs = [
        (source, "".join(rng.choices(words, k=rng.randint(0, 5)))) for source in sources for _ in range(100)
    ]
    found = in_node(directory, "([one, other]) => [withEndMarks(one, other), validOutput(one, other)]", pairs)
    assert found == [[with_end_marks(*pair), valid_output(*pair)] for pair in pairs]


class Recorded:
    """Python's engine, and all that it was asked, by the row and how it was asked."""

    def __init__(self, decode: Decode, how: str, score: float | None = None) -> None:
        self.decode, self.how, self.score = decode, how, score
        self.answers: dict[str, Any] = {}

    def __call__(self, rows: Sequence[Sequence[int]]) -> Hypotheses:
        found = self.decode([list(row) for row in rows])
        if self.score is not None:
            found = found._replace(scores=[self.score] * len(rows))
        for row, ids, score, sources in zip(
            rows, found.ids, found.scores, found.sources or [None] * len(rows), strict=True
        ):
            key = f"{','.join(map(str, row))} {self.how}"
            self.answers[key] = {"ids": ids, "score": score, "sources": sources}
        return found


def test_the_graph_is_asked_where_words_come_from(directory: Path, translator: Translator) -> None:
    engine = translator.engine
    rows = [passage.ids for line in LINES for passage in translator.passages(line) if passage.ids]
    cases, expected = [], []
    for row in rows:
        spans = np.array([translator._placeholders.within(row) if translator._placeholders else []])
        feeds = {
            "src_ids": np.array([row]),
            "spans": spans.astype(np.int64),
            "forced": np.zeros((1, 1), np.int64),
        }
        outputs = engine._fetched({**feeds, **engine._no_window()}, aligned=True)
        cases.append({"row": row, "outputs": {name: v.ravel().tolist() for name, v in outputs.items()}})
        [ids], [score], *_, [sources], _ = engine.aligned([row])
        expected.append({"ids": ids, "score": pytest.approx(score, abs=1e-5), "sources": sources})
    function = """({ row, outputs }) => new Engine({ Tensor: class {} }, {
      inputNames: ["src_ids", "window", "spans", "forced"],
      outputNames: Object.keys(outputs),
      run: async (_, names) => Object.fromEntries(names.map((name) => [name, { data: outputs[name] }])),
    }, tokenizer).translate(row, true)"""
    found = in_node(directory, function, cases)
    assert [{name: one[name] for name in expected[0]} for one in found] == expected


def test_of_few_words_the_graph_chooses_among_candidates(directory: Path, translator: Translator) -> None:
    rows = [translator.passages(line)[0].ids for line in ("Welcome", "Hello {name}!", "Good morning 3")]
    function = """async (row) => {
      const asked = [];
      const said = { ids: [7], scores: [-1], labels: [4, 5], log_probs: [-1, -1], span_log_probs: [-9, -2] };
      await new Engine({ Tensor: class { constructor(_, data) { this.data = data; } } }, {
        inputNames: ["src_ids", "window", "spans", "forced"],
        outputNames: ["sources"],
        run: async ({ window, forced }, names) => {
          asked.push([window, forced].map(({ data }) => Array.from(data, Number)));
          return Object.fromEntries(names.map((name) => [name, { data: said[name] }]));
        },
      }, tokenizer).translate(row, false, true);
      return asked;
    }"""
    assert translator._placeholders is not None
    found = in_node(directory, function, rows)
    assert found[0] == [[[0, 10], [0]]]
    for row, asked in zip(rows[1:], found[1:], strict=True):
        [mark] = translator._placeholders.within(row)
        assert asked == [[[0, 0], [0]], [[0, 10], [0, mark]]]


@pytest.mark.parametrize("calm_score", [None, 0.0], ids=["as the model chooses", "small letters are better"])
def test_a_line_is_written_as_python_writes_it(
    directory: Path, translator: Translator, monkeypatch: pytest.MonkeyPatch, calm_score: float | None
) -> None:
    plain = Recorded(translator.engine, "once")
    calm = Recorded(translator.engine.aligned, "aligned", score=calm_score)
    few = Recorded(translator.engine.few, "few")
    monkeypatch.setattr(translator, "_decode", plain)
    monkeypatch.setattr(translator, "_decode_aligned", calm)
    monkeypatch.setattr(translator, "_decode_few", few)
    expected = [translator.translate([line])[0].text for line in LINES]
    assert calm.answers
    assert few.answers
    function = """([line, answers]) => new Translator(said, {
      aligns: true,
      translate: async (row, aligned, few) => answers[`${row} ${few ? "few" : aligned ? "aligned" : "once"}`],
    }, tokenizer).translate(line)"""
    found = in_node(
        directory, function, [[line, plain.answers | calm.answers | few.answers] for line in LINES]
    )
    assert dict(zip(LINES, found, strict=True)) == dict(zip(LINES, expected, strict=True))
