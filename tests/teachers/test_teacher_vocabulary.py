"""A teacher's ids are found again from ours, from sentencepiece models and from lists."""

import json
from pathlib import Path

import numpy as np
import pytest

from onepass.errors import ModelError
from onepass.teachers.vocabulary import our_order, read_tokenizer, read_words
from onepass.text.teacher_tokenizer import load_sentencepiece
from tiny_marian import TEXT, train_spm


def quoted(words: list[str]) -> str:
    """A list of ids as Marian writes it."""
    return "".join(f"{json.dumps(word, ensure_ascii=False)}: {i}\n" for i, word in enumerate(words))


@pytest.fixture
def models(tmp_path) -> list[Path]:
    """Source in unigrams, target in byte pairs."""
    paths = [tmp_path / "source.spm", tmp_path / "target.spm"]
    for path, kind, words in zip(paths, ("unigram", "bpe"), (56, 70), strict=True):
        path.write_bytes(train_spm(words, kind=kind))
    return paths


def test_special_ids_change_places_and_the_others_keep_their_order() -> None:
    assert our_order(6, 1, 0).tolist() == [-1, 1, -1, 0, 2, 3, 4, 5]
    assert our_order(6, 4, 2).tolist() == [-1, 4, -1, 2, 0, 1, 3, 5]


@pytest.mark.parametrize("side", [0, 1])
def test_a_models_own_ids(models, side: int) -> None:
    words, processor = read_words(models[side], None), load_sentencepiece(models[side].read_bytes(), "test")
    for text in TEXT[:30]:
        ids = words.vocabulary.encode(text)
        assert words.order[ids].tolist() == processor.encode(text)
    assert words.order[3] == processor.eos_id() == 0


def test_one_list_of_ids_for_two_models(models, tmp_path) -> None:
    processors = [load_sentencepiece(path.read_bytes(), "test") for path in models]
    known = {piece for p in processors for piece in (p.id_to_piece(i) for i in range(2, len(p)))}
    words = [">>por<<", *sorted(known), "</s>", "<unk>", "<pad>"]
    ids = tmp_path / "opus.vocab.yml"
    ids.write_text(quoted(words), encoding="utf-8")
    tokenizer, src, tgt = read_tokenizer(models, [ids])
    assert tokenizer.joint
    assert tokenizer.src.marks == [">>por<<"]
    for side, encode, processor in (
        (src, tokenizer.encode_src, processors[0]),
        (tgt, tokenizer.encode_tgt, processors[1]),
    ):
        theirs = [words.index(piece) for piece in processor.encode(TEXT[7], out_type=str)]
        assert side.order[encode(TEXT[7])].tolist() == theirs
    assert src.order[[1, 3]].tolist() == [words.index("<unk>"), words.index("</s>")]
    assert tokenizer.decode_tgt(tokenizer.encode_tgt(TEXT[7])) == TEXT[7]
    assert np.array_equal(src.order, tgt.order)


def test_a_list_of_ids_for_each_model(models, tmp_path) -> None:
    paths = [tmp_path / "src.vocab.yml", tmp_path / "trg.vocab.yml"]
    for path, model in zip(paths, models, strict=True):
        processor = load_sentencepiece(model.read_bytes(), "test")
        path.write_text(quoted([processor.id_to_piece(i) for i in range(len(processor))]), encoding="utf-8")
    tokenizer, src, tgt = read_tokenizer(models, paths)
    assert not tokenizer.joint
    assert (len(src.order), len(tgt.order)) == (58, 72)


@pytest.mark.parametrize(
    "text",
    [
        "a: 0\nb: 1\n",
        "</s>: 0\n",
        "</s>: 0\n<unk>: 1\na: 1\n",
        "</s>: 0\n<unk>: 1\na: 3\n",
        "</s>: 0\n<unk>: 1\na: -2\n",
        "</s>: 0\n<unk>: 1\na: two\n",
        "</s>: 0\n<unk>: 1\na: 2.0\n",
        "</s>: 0\n<unk>: 1\na: 99999999999999999999\n",
        "</s>: 0\n<unk>: 1\na: [2]\n",
        "</s>: 0\n<unk>: 1\na: 2\na: 3\n",
        "</s>: 0\n<unk>: 1\n'a: 2\n",
        "[" * 100_000,
        "",
    ],
    ids=range(13),
)
def test_a_damaged_list_of_ids_is_one_clear_error(models, tmp_path, text: str) -> None:
    ids = tmp_path / "vocab.yml"
    ids.write_text(text)
    with pytest.raises(ModelError):
        read_words(models[0], ids)


def test_missing_files_are_one_clear_error(models, tmp_path) -> None:
    with pytest.raises(ModelError, match="Cannot read the teacher's vocabulary"):
        read_words(tmp_path / "other.spm", None)
    with pytest.raises(ModelError, match="Cannot read the teacher's vocabulary"):
        read_words(models[0], tmp_path / "other.yml")
