"""A teacher's own subwords: our special ids before them, nothing normalised, one clean line out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepass.errors import ModelError
from onepass.text.placeholders import placeholder
from onepass.text.teacher_tokenizer import VOCABULARY, TeacherTokenizer, Vocabulary, load_sentencepiece
from onepass.text.tokenizer import BOS, EOS, PAD, UNK
from tiny_marian import TEXT, train_spm

MODEL = train_spm(56)
BPE = train_spm(70, kind="bpe")
BYTES = train_spm(312, byte_fallback=True)
LISTED = [">>por<<", "▁the", "▁a", ">>spa<<", "t", "▁", "♥", "</s>x"]


def one(model: bytes = MODEL, listed: list[str] | None = None) -> TeacherTokenizer:
    vocabulary = Vocabulary(model, listed, "test")
    return TeacherTokenizer(vocabulary, vocabulary)


def two() -> TeacherTokenizer:
    return TeacherTokenizer(Vocabulary(MODEL, None, "source"), Vocabulary(BPE, None, "target"))


def test_our_special_ids_come_first_and_the_models_subwords_in_its_order() -> None:
    tokenizer, processor = one(), load_sentencepiece(MODEL, "test")
    vocabulary = tokenizer.src_vocabulary()
    assert vocabulary[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
    assert vocabulary[4:] == [processor.id_to_piece(i) for i in range(2, 56)]
    assert tokenizer.src_size == tokenizer.tgt_size == 58
    for text in TEXT[:50]:
        assert tokenizer.encode_src(text) == [i + 2 for i in processor.encode(text)]
        assert tokenizer.decode_tgt(tokenizer.encode_tgt(text)) == text
        assert "".join(tokenizer.src_pieces(tokenizer.encode_src(text))) == "▁" + text.replace(" ", "▁")


def test_one_vocabulary_is_joint_and_two_are_not() -> None:
    assert one().joint
    separate = two()
    assert not separate.joint
    assert (separate.src_size, separate.tgt_size) == (58, 72)
    assert separate.decode_tgt(separate.encode_tgt(TEXT[0])) == TEXT[0]
    assert separate.encode_src(TEXT[0]) != separate.encode_tgt(TEXT[0])
    turned = separate.reversed()
    assert turned.encode_src(TEXT[0]) == separate.encode_tgt(TEXT[0])
    assert turned.decode_tgt(separate.encode_src(TEXT[0])) == TEXT[0]


def test_batches_equal_single_texts() -> None:
    tokenizer = two()
    assert tokenizer.encode_src_batch(TEXT) == [tokenizer.encode_src(text) for text in TEXT]
    rows = tokenizer.encode_tgt_batch(TEXT)
    assert rows == [tokenizer.encode_tgt(text) for text in TEXT]
    assert tokenizer.decode_tgt_batch(rows) == [tokenizer.decode_tgt(row) for row in rows]


@given(st.text())
def test_any_text_gives_ids_that_are_no_marks_and_any_ids_give_one_clean_line(text: str) -> None:
    for tokenizer in (one(), one(BYTES)):
        ids = tokenizer.encode_src(text)
        assert not {PAD, BOS, EOS} & set(ids)
        assert tokenizer.decode_src([PAD, BOS, *ids, EOS]) == tokenizer.decode_src(ids)
        line = tokenizer.decode_src(ids)
        assert line.splitlines() in ([], [line])
        line.encode("utf-8")


def test_words_that_the_model_does_not_know_are_unknown_and_written_as_nothing() -> None:
    tokenizer = one()
    assert UNK in tokenizer.encode_src("The ♥ cat")
    assert tokenizer.decode_src([UNK]) == ""
    assert one(BYTES).decode_src(one(BYTES).encode_src("The ♥ cat")) == "The ♥ cat"


def test_text_that_spells_a_special_subword_is_no_special_id() -> None:
    for text in ("</s>", "<unk>", "<pad>", "<s>", "♥</s>♥"):
        for tokenizer in (one(), one(BYTES), one(listed=LISTED)):
            assert not {PAD, BOS, EOS} & set(tokenizer.encode_src(text))


def test_bytes_that_spell_a_line_end_leave_one_line() -> None:
    tokenizer = one(BYTES)
    pieces = tokenizer.tgt_vocabulary()
    ids = [pieces.index(f"<0x{byte:02X}>") for byte in (0x41, 0x0A, 0x42, 0x00, 0x43, 0xFF)]
    assert tokenizer.decode_tgt(ids) == "A B C\ufffd"


def test_listed_subwords_have_the_ids_of_the_list() -> None:
    tokenizer = one(listed=LISTED)
    assert tokenizer.src_vocabulary()[4:] == LISTED
    assert tokenizer.encode_src("the")[0] in (5, UNK)
    assert all(i == UNK or tokenizer.src_vocabulary()[i] in LISTED for i in tokenizer.encode_src(TEXT[0]))
    assert tokenizer.encode_src("♥")[-1] == 4 + LISTED.index("♥")  # the model does not know it
    assert tokenizer.decode_tgt([5, 6]) == "the a"


def test_a_mark_of_the_target_language_is_one_id_before_the_source() -> None:
    tokenizer = one(listed=LISTED)
    plain = tokenizer.encode_src("the cat")
    assert tokenizer.src.marks == [">>por<<", ">>spa<<"]
    assert tokenizer.encode_src(">>spa<< the cat") == [7, *plain]
    assert tokenizer.encode_src(">>xxx<< the cat")[0] != 7
    marked = tokenizer.marked(">>por<<")
    assert marked.encode_src("the cat") == [4, *plain]
    assert marked.encode_src(">>spa<< the cat") == [7, *plain]
    assert marked.encode_src("  ") == []
    assert marked.fingerprint != tokenizer.fingerprint
    with pytest.raises(ModelError, match="no such mark"):
        tokenizer.marked(">>deu<<")
    with pytest.raises(ModelError, match="it has one target language"):
        one().marked(">>por<<")


def test_reserved_ids_come_last_and_change_no_other() -> None:
    for tokenizer in (one(), two(), one(listed=LISTED)):
        longer = tokenizer.extended(64)
        assert (longer.src_size, longer.tgt_size) == (tokenizer.src_size + 64, tokenizer.tgt_size + 64)
        assert longer.src_vocabulary()[: tokenizer.src_size] == tokenizer.src_vocabulary()
        assert longer.encode_src_batch(TEXT) == tokenizer.encode_src_batch(TEXT)
        assert longer.joint == tokenizer.joint
        assert longer.fingerprint != tokenizer.fingerprint
        assert longer.extended(1).src_size == longer.src_size + 1


@pytest.mark.parametrize("make", [one, two, lambda: one(listed=LISTED).marked(">>spa<<").extended(3)])
def test_what_was_saved_is_loaded_again(make, tmp_path: Path) -> None:
    tokenizer = make()
    (tmp_path / "joint.spm").write_bytes(b"stale")
    (tmp_path / "source.spm").write_bytes(b"stale")
    tokenizer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(tokenizer.file_names)
    loaded = TeacherTokenizer.load(tmp_path)
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.src_vocabulary() == tokenizer.src_vocabulary()
    assert loaded.encode_src_batch(TEXT) == tokenizer.encode_src_batch(TEXT)
    assert loaded.tgt_vocabulary() == tokenizer.tgt_vocabulary()


def test_damaged_files_are_one_clear_error(tmp_path: Path) -> None:
    two().save(tmp_path)
    (tmp_path / "target.spm").write_bytes(b"x")
    with pytest.raises(ModelError, match="not a sentencepiece model"):
        TeacherTokenizer.load(tmp_path)
    (tmp_path / "target.spm").unlink()
    with pytest.raises(ModelError, match="Cannot read the teacher's tokenizer"):
        TeacherTokenizer.load(tmp_path)
    for text in ("", "[]", '{"subwords": 1}', '{"subwords": {}, "reserved": "x", "mark": null}'):
        (tmp_path / VOCABULARY).write_text(text)
        with pytest.raises(ModelError, match="Cannot read the teacher's tokenizer"):
            TeacherTokenizer.load(tmp_path)


def test_a_model_without_an_end_of_sentence_is_one_clear_error() -> None:
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, vocab_size=56, eos_id=-1, minloglevel=3
    )
    with pytest.raises(ModelError, match="no <unk> or no </s>"):
        Vocabulary(model.getvalue(), None, "test")


def test_placeholders_are_the_reserved_ids() -> None:
    side = Vocabulary(train_spm(56), None, "tiny")
    words = TeacherTokenizer(side, side).extended(64)
    text = f"The {placeholder(4)} cat {placeholder(0)}{placeholder(63)} sees {placeholder(5)}houses."
    ids = words.encode_src(text)
    first = words.src_size - 64
    assert [i - first for i in ids if i >= first] == [4, 0, 63, 5]
    assert words.encode_src("The cat sees") + words.encode_src("houses.") == [
        i for i in words.encode_src(f"The cat sees {placeholder(5)}houses.") if i < first
    ]
    written = words.decode_tgt(ids)
    assert [char for char in written if ord(char) >= ord(placeholder(0))] == [
        placeholder(slot) for slot in (4, 0, 63, 5)
    ]
    assert f"The {placeholder(4)} cat" in written
    assert words.encode_tgt(written) == ids
    assert first not in TeacherTokenizer(side, side).extended(8).encode_src(text)
