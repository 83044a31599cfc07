"""A changed, cut or missing file of a teacher in Hugging Face's format is one clear error: no traceback."""

import json
import pickle
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from onepass.errors import ModelError, OnepassError
from onepass.teachers.find import find_teacher
from onepass.teachers.read import read_teacher_files
from tiny_hub import HubShape, write_hub_teacher
from tiny_marian import train_spm

MODEL, CONFIG, IDS = "model.safetensors", "config.json", "vocab.json"
Change = Callable[[random.Random, Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    write_hub_teacher(folder, HubShape(encoder=1, decoder=1))
    return folder


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """The tiny teacher, to be damaged."""
    return shutil.copytree(whole, tmp_path / "teacher")


def read(folder: Path, *, unpickle: bool = False) -> None:
    read_teacher_files(find_teacher(str(folder), unpickle=unpickle))


def in_json(name: str, change: Callable[[random.Random, dict[str, Any]], object]) -> Change:
    def changed(chance: random.Random, folder: Path) -> None:
        values = json.loads((folder / name).read_text())
        change(chance, values)
        (folder / name).write_text(json.dumps(values))

    return changed


def in_tensors(change: Callable[[random.Random, dict[str, Tensor], str], object]) -> Change:
    """The change gets a tensor's name; one that is not optional."""

    def changed(chance: random.Random, folder: Path) -> None:
        tensors = load_file(folder / MODEL)
        name = chance.choice(sorted(name for name in tensors if name != "final_logits_bias"))
        change(chance, tensors, name)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / MODEL)

    return changed


NEEDED = [
    "model_type",
    "d_model",
    *(
        f"{side}_{name}"
        for side in ("encoder", "decoder")
        for name in ("layers", "ffn_dim", "attention_heads")
    ),
    "activation_function",
    "scale_embedding",
    "vocab_size",
    "eos_token_id",
    "pad_token_id",
]
OTHER_VALUES: list[tuple[str, object]] = [
    ("model_type", "m2m_100"),
    ("model_type", None),
    ("d_model", 64),
    ("d_model", 33),
    ("d_model", "32"),
    ("d_model", 2**60),
    ("encoder_layers", 2),
    ("encoder_layers", 10**9),
    ("decoder_layers", 0),
    ("encoder_ffn_dim", 128),
    ("decoder_attention_heads", 2),
    ("encoder_attention_heads", True),
    ("encoder_attention_heads", 5),
    ("activation_function", "gelu"),
    ("activation_function", ["swish"]),
    ("scale_embedding", False),
    ("scale_embedding", "yes"),
    ("normalize_before", True),
    ("normalize_embedding", True),
    ("static_position_embeddings", False),
    ("vocab_size", 999),
    ("vocab_size", -1),
    ("share_encoder_decoder_embeddings", False),
    ("tie_word_embeddings", False),
    ("eos_token_id", 5),
    ("eos_token_id", [0]),
    ("pad_token_id", 1),
    ("pad_token_id", 10**8),
    ("decoder_start_token_id", 10**8),
    ("decoder_start_token_id", None),
]


def a_setting_less(chance: random.Random, values: dict[str, Any]) -> None:
    del values[chance.choice(NEEDED)]


def another_setting(chance: random.Random, values: dict[str, Any]) -> None:
    name, value = OTHER_VALUES[chance.randrange(len(OTHER_VALUES))]
    values[name] = value


def a_subword_less(chance: random.Random, values: dict[str, Any]) -> None:
    del values[chance.choice(sorted(values))]


def another_id(chance: random.Random, values: dict[str, Any]) -> None:
    subword = chance.choice(sorted(values))
    values[subword] = chance.choice(
        [-1, 1.5, "7", None, True, [3], 10**12, (values[subword] + 1) % len(values)]
    )


def a_subword_more(chance: random.Random, values: dict[str, Any]) -> None:
    values[f"new{chance.random()}"] = len(values)


def no_special(chance: random.Random, values: dict[str, Any]) -> None:
    special = chance.choice(["</s>", "<unk>", "<pad>"])
    values[f"{special}{special}"] = values.pop(special)


def a_tensor_less(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    del tensors[name]


def another_name(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    tensors[f"{name}.{chance.randrange(9)}"] = tensors.pop(name)


def a_tensor_more(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    tensors[f"model.{chance.random()}"] = torch.zeros(3)


def another_shape(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    tensor = tensors[name]
    tensors[name] = chance.choice([tensor[:-1], tensor[None], tensor[..., 1:], tensor.new_zeros(0)])


def no_numbers(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    tensors[name].view(-1)[-1] = chance.choice([float("nan"), float("inf")])


def whole_numbers(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    tensors[name] = tensors[name].int()


def copies_that_differ(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    copy = chance.choice(["model.encoder.embed_tokens.weight", "lm_head.weight"])
    tensors[copy] = tensors["model.shared.weight"] + 1


def positions_that_were_learnt(chance: random.Random, tensors: dict[str, Tensor], name: str) -> None:
    side, width = chance.choice(["encoder", "decoder"]), tensors["model.shared.weight"].size(1)
    tensors[f"model.{side}.embed_positions.weight"] = torch.full((16, width), chance.random())


def cut(*names: str) -> Change:
    def changed(chance: random.Random, folder: Path) -> None:
        path = folder / chance.choice(names)
        data = path.read_bytes()
        path.write_bytes(data[: chance.randrange(len(data))])

    return changed


def garbage(chance: random.Random, folder: Path) -> None:
    name = chance.choice([MODEL, CONFIG, IDS, "source.spm", "target.spm"])
    (folder / name).write_bytes(chance.choice([b"", b"[]", b"[" * 10**5, chance.randbytes(500)]))


def missing(chance: random.Random, folder: Path) -> None:
    (folder / chance.choice([MODEL, IDS, "source.spm", "target.spm"])).unlink()


def a_folder(chance: random.Random, folder: Path) -> None:
    path = folder / chance.choice([MODEL, CONFIG, IDS, "source.spm"])
    path.unlink()
    path.mkdir()


def a_huge_header(chance: random.Random, folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    struct.pack_into("<Q", data, 0, chance.choice([2**40, 2**63, len(data), 0]))
    (folder / MODEL).write_bytes(data)


def leftovers(chance: random.Random, folder: Path) -> None:
    with (folder / MODEL).open("ab") as file:
        file.write(chance.randbytes(chance.randint(1, 300)))


CHANGES: list[Change] = [
    in_json(CONFIG, a_setting_less),
    *[in_json(CONFIG, another_setting)] * 4,
    *[in_json(IDS, change) for change in (a_subword_less, another_id, a_subword_more, no_special)],
    *[in_tensors(change) for change in (a_tensor_less, another_name, a_tensor_more, another_shape)],
    *[in_tensors(change) for change in (no_numbers, whole_numbers, copies_that_differ)],
    in_tensors(positions_that_were_learnt),
    cut(MODEL),
    cut(CONFIG, IDS),
    cut("source.spm", "target.spm"),
    *(garbage, missing, a_folder, a_huge_header, leftovers),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_150_damaged_folders_are_one_clear_error_each(whole, tmp_path, number: int) -> None:
    for seed in range(6):
        folder = shutil.copytree(whole, tmp_path / str(seed))
        CHANGES[number](random.Random(100 * number + seed), folder)
        with pytest.raises(OnepassError) as caught:
            read(folder)
        assert str(folder) in str(caught.value), seed


@pytest.mark.parametrize(("name", "value"), OTHER_VALUES, ids=str)
def test_every_other_setting_is_an_error(copied, name: str, value: object) -> None:
    in_json(CONFIG, lambda _, values: values.update({name: value}))(random.Random(), copied)
    with pytest.raises(ModelError):
        read(copied)


@pytest.mark.parametrize("name", NEEDED)
def test_every_setting_that_is_missing_is_an_error(copied, name: str) -> None:
    in_json(CONFIG, lambda _, values: values.pop(name))(random.Random(), copied)
    with pytest.raises(ModelError):
        read(copied)


def test_another_vocabulary_of_sentencepiece_is_read_with_the_ids_of_the_list(copied) -> None:
    """Nothing ties its subwords to the model but the list of ids: what the list lacks becomes unknown."""
    (copied / "source.spm").write_bytes(train_spm(40))
    read(copied)


class Harm:
    """What a harmful pickle does when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def as_pickle(folder: Path) -> Path:
    tensors = load_file(folder / MODEL)
    (folder / MODEL).unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"


def test_a_pickle_is_read_only_when_it_is_asked_for(copied) -> None:
    as_pickle(copied)
    with pytest.raises(ModelError, match=r"teacher\.unpickle = true"):
        read(copied)
    read(copied, unpickle=True)


@pytest.mark.parametrize("seed", range(20))
def test_a_pickle_that_is_damaged_or_no_record_of_tensors_is_one_clear_error(copied, seed: int) -> None:
    path, chance = as_pickle(copied), random.Random(seed)
    data, touched = path.read_bytes(), copied / "touched"
    changes: list[Callable[[], object]] = [
        lambda: path.write_bytes(data[: chance.randrange(len(data))]),
        lambda: path.write_bytes(chance.randbytes(chance.randrange(500))),
        lambda: torch.save([torch.zeros(3)], path),
        lambda: torch.save({"model.shared.weight": [1.0]}, path),
        lambda: path.write_bytes(pickle.dumps({"model.shared.weight": Harm(touched)})),
    ]
    changes[seed % len(changes)]()
    with pytest.raises(ModelError) as caught:
        read(copied, unpickle=True)
    assert str(path) in str(caught.value)
    assert not touched.exists()
