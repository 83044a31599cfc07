"""A teacher in Hugging Face's format computes and writes what the library transformers does with it."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from onepass.decoding.autoregressive import beam_search, greedy
from onepass.models.autoregressive import BOS, EOS, PAD
from onepass.models.marian import MarianTransformer
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import MarianTeacher
from onepass.teachers.read import read_teacher_files
from onepass.text.batches import padded
from tiny_hub import HubShape, transformers_library, write_hub_teacher
from tiny_marian import TEXT

pytestmark = [
    pytest.mark.usefixtures("no_gradient"),
    pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses"),
]
LINES = TEXT[:240:4]
LONGEST = 60
"""Words of a translation that are compared; where both engines have more they need not end."""

SHAPES = {
    "one vocabulary, swish": HubShape(ending=4),
    "one vocabulary, relu": HubShape(activation="relu", heads=2, encoder=1, decoder=3, seed=3),
    "two vocabularies, swish": HubShape(joint=False, seed=6, ending=2),
    "two vocabularies, relu": HubShape(joint=False, activation="relu", seed=6, ending=2),
    "output layer of its own": HubShape(tied=False, seed=8),
    "nothing shared": HubShape(joint=False, tied=False, activation="relu", seed=7, ending=2),
}


@cache
def written(name: str) -> tuple[Path, Any]:
    """The folder of a teacher, and the model of transformers that was saved to it."""
    folder = Path(mkdtemp(prefix="onepass-hub-"))
    return folder, write_hub_teacher(folder, SHAPES[name])


def read(folder: Path) -> MarianTeacher:
    return read_teacher_files(find_teacher(str(folder)))


class Ids:
    """Between our target ids and theirs, by the names of the subwords."""

    def __init__(self, teacher: MarianTeacher, folder: Path) -> None:
        options = {"separate_vocabs": True} if (folder / "target_vocab.json").exists() else {}
        self.theirs = transformers_library().MarianTokenizer.from_pretrained(folder, **options)
        listed = self.theirs.target_encoder if options else self.theirs.encoder
        self.of_tgt = torch.tensor([listed.get(piece, -1) for piece in teacher.tokenizer.tgt_vocabulary()])
        self.ours = {theirs: ours for ours, theirs in enumerate(self.of_tgt.tolist())}

    def inputs(self, lines: Sequence[str]) -> dict[str, Tensor]:
        return dict(self.theirs(list(lines), return_tensors="pt", padding=True))

    def found(self, rows: Tensor) -> list[list[int]]:
        """Ours of what transformers wrote, without the start, the end and the padding."""
        return [[self.ours[i] for i in row if self.ours[i] not in (PAD, EOS)] for row in rows.tolist()]


def batch(teacher: MarianTeacher, lines: Sequence[str]) -> Tensor:
    return torch.from_numpy(padded(teacher.tokenizer.encode_src_batch(lines)))


def our_logits(teacher: MarianTeacher, src_ids: Tensor, tgt_ids: Tensor) -> Tensor:
    memory = teacher.model.encode(src_ids)
    return teacher.model.logits(teacher.model.decode(tgt_ids, memory))


@pytest.mark.parametrize("name", SHAPES)
def test_every_score_is_that_of_transformers(name: str) -> None:
    folder, model = written(name)
    teacher, model = read(folder), deepcopy(model).double()  # in float32 either is a little off
    teacher.model.double()
    ids = Ids(teacher, folder)
    tgt_ids = torch.from_numpy(padded(teacher.tokenizer.encode_tgt_batch(TEXT[1:241:4])))
    ours = our_logits(teacher, batch(teacher, LINES), tgt_ids)
    start = F.pad(ids.of_tgt[tgt_ids], (1, 0), value=model.config.decoder_start_token_id)
    theirs = model(**ids.inputs(LINES), decoder_input_ids=start).logits
    words = [i for i in range(ours.size(-1)) if i not in (PAD, BOS)]
    real = F.pad(tgt_ids, (1, 0), value=BOS) != PAD
    expected = theirs[real][:, ids.of_tgt[words]]
    assert expected.std() > 1
    torch.testing.assert_close(ours[real][:, words], expected, atol=1e-4, rtol=0)
    assert (ours[..., [PAD, BOS]] < -1e8).all()


def generate(model: Any, inputs: dict[str, Tensor], **options: Any) -> Tensor:
    """What transformers writes, without the word that it starts from."""
    forbidden = [[model.config.pad_token_id]]
    rows: Tensor = model.generate(
        **inputs, do_sample=False, max_new_tokens=LONGEST, bad_words_ids=forbidden, **options
    )
    return rows[:, 1:]


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_writes_what_transformers_writes(name: str) -> None:
    folder, model = written(name)
    teacher = read(folder)
    ids = Ids(teacher, folder)
    expected = ids.found(generate(model, ids.inputs(LINES), num_beams=1))
    assert [row[:LONGEST] for row in greedy(teacher.model, batch(teacher, LINES)).ids] == expected
    assert len({tuple(row) for row in expected}) >= 10
    assert sum(1 < len(row) < LONGEST for row in expected) >= 5


@pytest.mark.parametrize("name", SHAPES)
def test_a_beam_writes_what_that_of_transformers_writes(name: str) -> None:
    """Where it has all its hypotheses before the longest output: there transformers cuts, and ours ends."""
    folder, model = written(name)
    teacher, beams = read(folder), 4
    ids = Ids(teacher, folder)
    options = {"num_beams": beams, "num_return_sequences": beams, "early_stopping": True}
    rows = generate(model, ids.inputs(LINES), length_penalty=1.0, **options).view(len(LINES), beams, -1)
    complete = (rows == model.config.eos_token_id).any(-1).all(-1)
    found = beam_search(teacher.model, batch(teacher, LINES), beam_size=beams).ids
    expected = ids.found(rows[complete, 0])
    assert [row for row, whole in zip(found, complete, strict=True) if whole] == expected
    assert sum(len(row) > 1 for row in expected) >= 10


def test_arithmetic_of_marian_is_another() -> None:
    """What a wrong wire would give: frequencies and norms of Marian change these scores."""
    teacher = read(written("one vocabulary, swish")[0])
    sizes = replace(teacher.sizes, layers=replace(teacher.sizes.layers, arithmetic="marian"))
    other = MarianTransformer(sizes).eval()
    other.load_state_dict(teacher.model.state_dict())
    src_ids = batch(teacher, LINES)
    ours, theirs = (model.encode(src_ids).top for model in (teacher.model, other))
    assert (ours - theirs).abs().max() > 0.1


@pytest.mark.parametrize("name", ["one vocabulary, swish", "two vocabularies, relu"])
def test_texts_have_the_ids_that_transformers_gives_them(name: str) -> None:
    folder, _ = written(name)
    teacher = read(folder)
    ids = Ids(teacher, folder)
    listed = ids.theirs.encoder
    texts = [*TEXT[:60], "Zebras & quills, ÄÖ 12.5%?", "two  spaces", "x"]
    spelt = [teacher.tokenizer.src_pieces(row) for row in teacher.tokenizer.encode_src_batch(texts)]
    end = ids.theirs.eos_token_id
    assert [[*(listed[piece] for piece in row), end] for row in spelt] == ids.theirs(texts)["input_ids"]
    rows = teacher.tokenizer.encode_tgt_batch(TEXT[:60])
    theirs = [ids.theirs.decode(ids.of_tgt[row].tolist(), skip_special_tokens=True) for row in rows]
    assert teacher.tokenizer.decode_tgt_batch(rows) == theirs == TEXT[:60]


def test_marks_of_target_languages_are_words(tmp_path: Path) -> None:
    write_hub_teacher(tmp_path, marks=(">>por<<", ">>pob<<"))
    teacher = read(tmp_path)
    ids = Ids(teacher, tmp_path)
    assert teacher.tokenizer.src.marks == [">>pob<<", ">>por<<"]
    [row] = teacher.tokenizer.encode_src_batch([">>por<< The cat sees two rivers."])
    theirs = ids.theirs(">>por<< The cat sees two rivers.")["input_ids"]
    assert ids.of_tgt[row].tolist() == theirs[:-1]
    assert teacher.tokenizer.marked(">>pob<<").encode_src("x")[0] != row[0]


def test_the_decoder_may_start_from_any_word(tmp_path: Path) -> None:
    model = write_hub_teacher(tmp_path)
    config = (tmp_path / "config.json").read_text()
    pad, end = model.config.pad_token_id, model.config.eos_token_id
    before, after = (f'"decoder_start_token_id": {i}' for i in (pad, end))
    assert before in config
    (tmp_path / "config.json").write_text(config.replace(before, after))
    teacher = read(tmp_path)
    ids = Ids(teacher, tmp_path)
    theirs = model(**ids.inputs(LINES), decoder_input_ids=torch.full((len(LINES), 1), end)).logits[:, 0]
    ours = our_logits(teacher, batch(teacher, LINES), torch.zeros(len(LINES), 0, dtype=torch.int64))[:, 0]
    torch.testing.assert_close(ours[:, 3:], theirs[:, ids.of_tgt[3:]], atol=1e-4, rtol=1e-5)


def test_old_files_name_a_shared_matrix_several_times_and_hold_positions(tmp_path: Path) -> None:
    """As a pickle of an older release of transformers does, which is read when it is asked for."""
    model = write_hub_teacher(tmp_path)
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    assert "model.encoder.embed_positions.weight" in state
    assert "model.decoder.embed_tokens.weight" in state
    torch.save(state, tmp_path / "pytorch_model.bin")
    new = read(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    files = find_teacher(str(tmp_path), unpickle=True)
    assert files.model.name == "pytorch_model.bin"
    old = read_teacher_files(files)
    assert set(old.sha256) == {"pytorch_model.bin", "config.json", "vocab.json", "source.spm", "target.spm"}
    for name, tensor in new.model.state_dict().items():
        torch.testing.assert_close(old.model.state_dict()[name], tensor, atol=2e-3, rtol=1e-3)
