"""A bundle that is damaged, incomplete, too new or unknown is one clear error, with exit code 4."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onepass.bundle import Bundle, write_manifest
from onepass.decoding.weights import load_model
from onepass.errors import ModelError
from onepass.files import file_sha256, write_json
from tiny_run import assert_clear_error, call, save_random_bundle, tokenizer
from tiny_run import edit_manifest as edit


@pytest.fixture(scope="session")
def whole_bundle(tmp_path_factory, make_student) -> Path:
    words = tokenizer()
    return save_random_bundle(
        tmp_path_factory.mktemp("bundle") / "student",
        make_student(vocabulary=words.src_size, joint=True),
        words,
    )


@pytest.fixture
def bundle(tmp_path: Path, whole_bundle: Path) -> Path:
    return Path(shutil.copytree(whole_bundle, tmp_path / "student"))


def flip_a_byte(bundle: Path) -> None:
    content = bytearray((bundle / "weights.safetensors").read_bytes())
    content[-7] ^= 1
    (bundle / "weights.safetensors").write_bytes(content)


def replace_weights(bundle: Path, content: bytes) -> None:
    """Damaged, but with the checksum of the damaged file."""
    (bundle / "weights.safetensors").write_bytes(content)
    digest = file_sha256(bundle / "weights.safetensors")
    edit(bundle, lambda m: m["files"].update({"weights.safetensors": digest}))


def truncate_manifest(bundle: Path) -> None:
    content = (bundle / "bundle.json").read_bytes()
    (bundle / "bundle.json").write_bytes(content[: len(content) // 2])


def forget_tokenizer(bundle: Path) -> None:
    (bundle / "joint.model").unlink()
    edit(bundle, lambda m: m["files"].pop("joint.model"))


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "flipped byte": (flip_a_byte, "weights.safetensors"),
    "weights missing": (lambda b: (b / "weights.safetensors").unlink(), "weights.safetensors"),
    "weights not listed": (
        lambda b: [
            edit(b, lambda m: m["files"].pop("weights.safetensors")),
            (b / "weights.safetensors").unlink(),
        ],
        "weights.safetensors",
    ),
    "weights no safetensors": (
        lambda b: replace_weights(b, b"\x08\0\0\0\0\0\0\0{garbage"),
        "weights.safetensors",
    ),
    "weights empty": (lambda b: replace_weights(b, b""), "weights.safetensors"),
    "tokenizer missing": (lambda b: (b / "joint.model").unlink(), "joint.model"),
    "tokenizer not listed": (forget_tokenizer, "tokenizer"),
    "manifest missing": (lambda b: (b / "bundle.json").unlink(), "bundle.json"),
    "manifest truncated": (truncate_manifest, "bundle.json"),
    "manifest no UTF-8": (lambda b: (b / "bundle.json").write_bytes(b"\xff"), "bundle.json"),
    "manifest a list": (lambda b: write_json(b / "bundle.json", []), "bundle.json"),
    "files a list": (lambda b: edit(b, lambda m: m.update(files=["joint.model"])), "bundle.json"),
    "no languages": (lambda b: edit(b, lambda m: m.pop("languages")), "bundle.json"),
    "languages a string": (lambda b: edit(b, lambda m: m.update(languages="en")), "bundle.json"),
    "newer format": (lambda b: edit(b, lambda m: m.update(format=2)), "upgrade onepass"),
    "format a string": (lambda b: edit(b, lambda m: m.update(format="1")), "bundle.json"),
    "unknown kind": (lambda b: edit(b, lambda m: m.update(kind="diffusion")), "diffusion"),
    "kind of another model": (lambda b: edit(b, lambda m: m.update(kind="autoregressive")), "weights"),
    "settings missing": (lambda b: edit(b, lambda m: m["settings"].pop("student")), "settings"),
    "settings unknown": (lambda b: edit(b, lambda m: m["settings"]["sizes"].update(experts=8)), "experts"),
    "settings no table": (lambda b: edit(b, lambda m: m.update(settings=None)), "settings"),
    "other sizes": (lambda b: edit(b, lambda m: m["settings"]["sizes"].update(width=32)), "weights"),
    "fewer layers": (lambda b: edit(b, lambda m: m["settings"]["sizes"].update(encoder_layers=1)), "weights"),
}


def test_a_whole_bundle_opens(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    assert (opened.kind, opened.src, opened.tgt) == ("fertility", "en", "de")
    load_model(opened)


@pytest.mark.parametrize(("damage", "word"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_a_model_error(bundle: Path, damage: Callable[[Path], Any], word: str) -> None:
    damage(bundle)
    with pytest.raises(ModelError) as error:
        load_model(Bundle.open(bundle))
    assert word in str(error.value)
    assert str(bundle) in str(error.value)


@pytest.mark.parametrize(
    "name", ["flipped byte", "tokenizer missing", "manifest truncated", "newer format", "unknown kind"]
)
def test_the_command_line_ends_with_4(bundle: Path, name: str) -> None:
    damage, word = DAMAGE[name]
    damage(bundle)
    done = call("translate", "--model", bundle, "Hello.")
    assert_clear_error(done, 4, word)
    assert done.out == ""


def test_a_directory_without_a_bundle_and_a_file_are_model_errors(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(ModelError, match="no model here"):
            Bundle.open(path)


def test_the_manifest_holds_the_checksum_of_every_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    write_manifest(
        tmp_path,
        kind="k",
        src="en",
        tgt="de",
        settings={"width": 1},
        provenance={"seed": 3},
        files=["b", "a"],
    )
    bundle = Bundle.open(tmp_path)
    assert (bundle.settings, bundle.provenance) == ({"width": 1}, {"seed": 3})
    (tmp_path / "b").write_text("c")
    with pytest.raises(ModelError, match="checksum"):
        Bundle.open(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "bundle.json"]


def test_no_bit_of_a_manifest_may_change_what_it_says(bundle: Path) -> None:
    path = bundle / "bundle.json"
    whole = path.read_bytes()
    said = json.loads(whole)
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            Bundle.open(bundle)
        except ModelError:
            continue
        assert json.loads(flipped) == said  # a space became another
