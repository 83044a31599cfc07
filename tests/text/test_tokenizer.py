"""The tokenizer: any text goes in and comes out clean, ids are fixed, nothing is lost silently."""

import random
import re
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onepass.errors import DataError, ModelError
from onepass.settings import TokenizerSettings
from onepass.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

EN = [
    f"The {adjective} {noun} {verb} at {hour}.{minute:02d}."
    for adjective in ("old", "new", "red")
    for noun in ("train", "bus", "tram")
    for verb in ("leaves", "arrives", "stops")
    for hour in (7, 12)
    for minute in (5, 30)
]
DE = [
    f"{subject} {verb} um {hour}.{minute:02d} Uhr {particle}."
    for subject in ("Der alte Zug", "Die neue Bahn", "Der rote Bus", "Das Schiff")
    for verb, particle in (("fährt", "ab"), ("kommt", "an"), ("hält", "außerhalb"))
    for hour in (8, 11)
    for minute in (15, 45)
]


def train(vocab_size: int = 400, joint: bool = True, seed: int = 1) -> Tokenizer:
    return Tokenizer.train(EN, DE, TokenizerSettings(vocab_size=vocab_size, joint=joint), seed=seed)


@pytest.fixture(scope="module")
def joint() -> Tokenizer:
    return train()


@pytest.fixture(scope="module")
def separate() -> Tokenizer:
    return train(joint=False)


def test_the_special_ids_are_the_agreed_ones(joint: Tokenizer, separate: Tokenizer) -> None:
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    for vocabulary in (joint.src_vocabulary(), separate.src_vocabulary(), separate.tgt_vocabulary()):
        assert vocabulary[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
        assert vocabulary[4:260] == [f"<0x{byte:02X}>" for byte in range(256)]
        assert len(set(vocabulary)) == len(vocabulary)


def test_joint_has_one_vocabulary_and_separate_has_two(joint: Tokenizer, separate: Tokenizer) -> None:
    assert joint.joint
    assert joint.src_vocabulary() == joint.tgt_vocabulary()
    assert joint.src_size == joint.tgt_size == len(joint.src_vocabulary())
    assert joint.encode_src(DE[0]) == joint.encode_tgt(DE[0])
    assert not separate.joint
    assert separate.src_vocabulary() != separate.tgt_vocabulary()
    assert (separate.src_size, separate.tgt_size) == (
        len(separate.src_vocabulary()),
        len(separate.tgt_vocabulary()),
    )
    assert "▁train" in separate.src_vocabulary()
    assert "▁train" not in separate.tgt_vocabulary()
    assert separate.decode_src(separate.encode_src(EN[0])) == EN[0]
    assert separate.decode_tgt(separate.encode_tgt(DE[0])) == DE[0]


def test_encoding_adds_no_marks_and_batches_equal_single_texts(separate: Tokenizer) -> None:
    for text in (EN[0], "", "  ", "🙂"):
        assert not {PAD, UNK, BOS, EOS} & set(separate.encode_src(text))
    assert separate.encode_src_batch(EN) == [separate.encode_src(text) for text in EN]
    assert separate.encode_tgt_batch(DE) == [separate.encode_tgt(text) for text in DE]
    rows = separate.encode_tgt_batch(DE)
    assert separate.decode_tgt_batch(rows) == [separate.decode_tgt(row) for row in rows] == DE


def test_pieces_spell_the_text(separate: Tokenizer) -> None:
    assert "".join(separate.src_pieces(separate.encode_src(EN[0]))) == "▁" + EN[0].replace(" ", "▁")
    assert "".join(separate.tgt_pieces(separate.encode_tgt(DE[0]))) == "▁" + DE[0].replace(" ", "▁")
    assert separate.tgt_pieces([PAD, EOS, 4]) == ["<pad>", "</s>", "<0x00>"]


def test_every_digit_is_a_token(joint: Tokenizer) -> None:
    assert [p.strip("▁") for p in joint.src_pieces(joint.encode_src("20451 3"))][-1] == "3"
    digits = [p for p in joint.src_vocabulary() if re.search(r"\d", p) and not p.startswith("<0x")]
    assert all(len(p.strip("▁")) == 1 for p in digits)


def test_a_romanian_model_reads_a_cedilla_for_a_comma_and_no_other_model_does() -> None:
    comma, cedilla = "Știu că ați țesut și mașini", "Ştiu că aţi ţesut şi mas\u0327ini"
    settings = TokenizerSettings(vocab_size=400)
    romanian = Tokenizer.train([comma] * 20, EN, settings, seed=1)
    both = Tokenizer.train([comma, cedilla] * 20, EN, settings, seed=1)
    for encode in (romanian.encode_src, romanian.encode_tgt):
        assert encode(cedilla) == encode(comma)
    assert romanian.decode_src(romanian.encode_src(cedilla)) == comma
    assert both.decode_src(both.encode_src(cedilla)) == unicodedata.normalize("NFC", cedilla)


def test_decoding_ignores_padding_start_and_end(joint: Tokenizer) -> None:
    ids = joint.encode_tgt(DE[0])
    assert joint.decode_tgt([BOS, *ids[:3], PAD, *ids[3:], EOS, PAD]) == DE[0]
    assert joint.decode_tgt([]) == joint.decode_tgt([PAD, BOS, EOS]) == ""


# Arbitrary text


NORMALIZER = sentencepiece.SentencePieceNormalizer(
    rule_name="nmt_nfkc", remove_extra_whitespaces=True, add_dummy_prefix=False, escape_whitespaces=False
)
MARKS = dict.fromkeys(map(ord, "\xad\u061c\u200e\u200f\u2060\ufeff"))
MARKS.update(dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


@settings(deadline=None)
@given(text=st.text())
@example("a\tb\u00a0c\u200fd\u00ade")
@example("👩‍👩‍👧‍👦 🏳️‍🌈 3️⃣ ❤️")
@example("\x00\x01\x85\u2028\ufeff\u200b")
@example("▁▁ ▁<s></s><unk><0x41>")
@example("e\u0301 ﬁ ½ … ｆｕｌｌ")
def test_any_text_comes_back_as_sentencepiece_normalises_it(joint: Tokenizer, text: str) -> None:
    normal = NORMALIZER.normalize(text.translate(MARKS))
    ids = joint.encode_tgt(text)
    assert UNK not in ids
    # Decoding also turns into spaces what must not be in a line of text.
    assert joint.decode_tgt(ids) == " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f▁]", " ", normal).split())


@settings(deadline=None)
@given(text=st.text(st.characters(max_codepoint=0x10FF, categories=("L", "N", "P", "Sc", "Sk", "Zs"))))
def test_printable_text_comes_back_in_nfkc_with_single_spaces(joint: Tokenizer, text: str) -> None:
    expected = " ".join(unicodedata.normalize("NFKC", text).split())
    assert joint.decode_tgt(joint.encode_tgt(text)) == expected


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 299), max_size=60))
def test_any_ids_decode_to_one_clean_line(joint: Tokenizer, ids: list[int]) -> None:
    text = joint.decode_tgt(ids)
    assert text == " ".join(text.split())
    assert not re.search(r"[▁\x00-\x1f\x7f-\x9f]", text)
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ttwo", "one two"),
        ("one\u00a0two\u202fthree", "one two three"),
        ("  one   two  ", "one two"),
        ("\u200fone\u200e (two\u200f).", "one (two)."),
        ("Donau\xaddampf", "Donaudampf"),
        ("\ufeffone", "one"),
        ("4.711 12:30", "4.711 12:30"),
        ("👨‍👩‍👧 🙂", "👨‍👩‍👧 🙂"),
        ("„Größe“ – ‚ß‘", "„Größe“ – ‚ß‘"),
        ("one\nsecond\r\nthird", "one second third"),
        ("\ud83d lone half", "? lone half"),
        ("", ""),
        ("\u200b \t", ""),
    ],
)
def test_known_texts_come_back_clean(joint: Tokenizer, text: str, expected: str) -> None:
    assert joint.decode_tgt(joint.encode_tgt(text)) == expected


def test_bytes_that_spell_no_text_still_decode(joint: Tokenizer) -> None:
    def spell(*spelled: int) -> list[int]:
        return [4 + byte for byte in spelled]

    assert joint.decode_tgt(spell(0xFF)) == "\ufffd"
    assert joint.decode_tgt(spell(0x41, 0x0A, 0x00, 0x42)) == "A B"
    assert joint.decode_tgt(spell(0xE2, 0x96, 0x81)) == ""


# Training


def test_training_twice_gives_the_same_bytes(joint: Tokenizer) -> None:
    assert train().fingerprint == joint.fingerprint
    assert train(seed=2).fingerprint == joint.fingerprint  # a seed only matters when lines are drawn
    assert train(vocab_size=350).fingerprint != joint.fingerprint


def test_at_most_max_training_lines_are_learnt_from_drawn_from_the_whole() -> None:
    early, late = ["aaa bbb"] * 500, ["xxx yyy"] * 500
    limited = TokenizerSettings(vocab_size=300, max_training_lines=100)
    lines = iter(early + late)
    tokenizers = [Tokenizer.train(early + late, ["zzz"], limited, seed=seed) for seed in (1, 1, 2)]
    assert "▁aaa" in tokenizers[0].src_vocabulary()
    assert "▁yyy" in tokenizers[0].src_vocabulary()
    assert tokenizers[0].fingerprint == tokenizers[1].fingerprint
    Tokenizer.train(lines, ["zzz"], limited, seed=1)
    assert next(lines, None) is None


def test_a_tiny_corpus_gives_the_vocabulary_it_can() -> None:
    tokenizer = Tokenizer.train(["a b"], ["c"], TokenizerSettings(vocab_size=8000), seed=1)
    assert 260 < tokenizer.src_size < 280
    assert tokenizer.decode_tgt(tokenizer.encode_tgt("a b c d")) == "a b c d"


def test_more_characters_than_the_vocabulary_can_hold_is_one_error_with_the_size_needed() -> None:
    lines = [chr(0x4E00 + i) for i in range(500)]
    with pytest.raises(DataError, match="no room for every character") as caught:
        Tokenizer.train(lines, lines, TokenizerSettings(vocab_size=300), seed=1)
    assert "at least 7" in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("lines", [[], ["", " "], ["\u200b"], ["x" * 5000]])
def test_no_text_to_learn_from_is_an_error(lines: list[str]) -> None:
    with pytest.raises(DataError, match="no text to learn from"):
        Tokenizer.train(lines, lines, TokenizerSettings(), seed=1)


def test_an_error_while_the_lines_are_read_comes_through() -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise DataError("line 2 is bad")

    with pytest.raises(DataError, match="line 2 is bad"):
        Tokenizer.train(lines(), ["x"], TokenizerSettings(), seed=1)


# Files


@pytest.mark.parametrize("kind", ["joint", "separate"])
def test_a_saved_tokenizer_is_the_same_when_loaded(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    tokenizer.save(tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == (["joint.model"] if kind == "joint" else ["src.model", "tgt.model"])
    loaded = Tokenizer.load(tmp_path / "new" / "folder")
    assert loaded.joint == tokenizer.joint
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.encode_src_batch(EN) == tokenizer.encode_src_batch(EN)
    assert loaded.tgt_vocabulary() == tokenizer.tgt_vocabulary()


def test_saving_leaves_no_model_of_the_other_kind(
    joint: Tokenizer, separate: Tokenizer, tmp_path: Path
) -> None:
    for tokenizer in (joint, separate, joint):
        tokenizer.save(tmp_path)
        assert Tokenizer.load(tmp_path).fingerprint == tokenizer.fingerprint


def test_a_missing_model_names_the_file(separate: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no tokenizer") as caught:
        Tokenizer.load(tmp_path / "nowhere")
    assert f"{tmp_path}/nowhere" in str(caught.value)
    assert caught.value.exit_code == 4
    separate.save(tmp_path)
    (tmp_path / "tgt.model").unlink()
    with pytest.raises(ModelError, match=r"tgt\.model"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "text"])
def test_a_damaged_model_names_the_file(joint: Tokenizer, tmp_path: Path, damage: str) -> None:
    joint.save(tmp_path)
    path = tmp_path / "joint.model"
    good = path.read_bytes()
    contents = {
        "empty": b"",
        "half": good[: len(good) // 2],
        "noise": random.Random(1).randbytes(len(good)),
        "text": b"this is not a model\n" * 50,
    }
    path.write_bytes(contents[damage])
    with pytest.raises(ModelError, match="not a sentencepiece model") as caught:
        Tokenizer.load(tmp_path)
    assert str(path) in str(caught.value)


def test_a_model_with_other_special_ids_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "joint.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(EN),
            model_writer=file,
            vocab_size=60,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    with pytest.raises(ModelError, match="other ids"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    "unit", ["x", "ab ", ".", ". ", "Ja. ", "👨‍👩‍👧", " ", "\u0301", ".\u00a0", "\"'", "a\u200b"]
)
def test_a_line_of_ten_thousand_characters_takes_bounded_time(joint: Tokenizer, unit: str) -> None:
    line = (unit * 10_000)[:10_000]
    start = time.perf_counter()
    joint.decode_src(joint.encode_src(line))
    joint.decode_tgt(joint.encode_tgt(line))
    assert time.perf_counter() - start < 1
