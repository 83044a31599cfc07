"""A bundle that is damaged, incomplete, too new or unknown is one clear error, with exit code 4."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onepass.bundle import (
    CHECKSUM,
    FORMAT,
    INT8_TABLES,
    INT8_WEIGHTS,
    Bundle,
    Card,
    Export,
    Measurement,
    TeacherQuality,
    write_manifest,
)
from onepass.decoding.weights import load_model
from onepass.errors import ModelError
from onepass.files import file_sha256, write_json
from onepass.runtime.describe import describe_bundle
from onepass.runtime.translator import Translator
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


def forget_checksum(bundle: Path) -> None:
    manifest = json.loads((bundle / "bundle.json").read_text())
    del manifest[CHECKSUM]
    write_json(bundle / "bundle.json", manifest)


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
    "newer format": (lambda b: edit(b, lambda m: m.update(format=FORMAT + 1)), "upgrade onepass"),
    "format a string": (lambda b: edit(b, lambda m: m.update(format="2")), "bundle.json"),
    "no format": (lambda b: edit(b, lambda m: m.pop("format")), "bundle.json"),
    "format of before": (lambda b: edit(b, lambda m: m.update(format=0)), "bundle.json"),
    "no checksum": (lambda b: forget_checksum(b), "checksum"),
    "unknown key": (lambda b: edit(b, lambda m: m.update(colour="red")), "`colour` is unknown"),
    "language no text": (lambda b: edit(b, lambda m: m["languages"].update(src=3)), "`languages.src`"),
    "digest no text": (lambda b: edit(b, lambda m: m["files"].update(a=None)), "`files.a` is not a text"),
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


# --- what was measured -------------------------------------------------------


EXPORT = Export(
    command="onepass export RUN",
    recipe="tiny",
    stage="student",
    card=Card("data", "cc0-1.0", "", "limits"),
    machine="a machine",
    versions={"onepass": "0.1.0"},
    measured=(Measurement("int8", 4, 30.5, (29.0, 31.5), "nrefs:1", 50.25, "nc:6", 200, 1.5, 2.5, 19.5),),
    teacher=(TeacherQuality("teacher greedy", 31.0, 51.0),),
)


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A bundle of no file that says how it was exported."""
    about: dict[str, Any] = {"settings": {}, "provenance": {}, "files": []}
    write_manifest(tmp_path, kind="ctc", src="en", tgt="de", export=EXPORT, **about)
    return tmp_path


def test_what_was_measured_is_read_as_it_was_written(measured: Path) -> None:
    assert Bundle.open(measured).export == EXPORT
    edit(measured, lambda m: m["export"].update(rewritten="a command"))
    export = Bundle.open(measured).export
    assert export is not None
    assert export.rewritten == "a command"
    edit(measured, lambda m: m.update(export=None))
    assert Bundle.open(measured).export is None


def test_a_whole_number_may_stand_for_a_number(measured: Path) -> None:
    edit(measured, lambda m: m["export"]["measured"][0].update(bleu=30))
    export = Bundle.open(measured).export
    assert export is not None
    assert (export.measured[0].bleu, type(export.measured[0].bleu)) == (30.0, float)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no object": (lambda m: m.update(export=[]), "`export` is not an object but []"),
    "key missing": (lambda m: m["export"].pop("machine"), "`export.machine` is missing"),
    "key unknown": (lambda m: m["export"]["card"].update(price=3), "`export.card.price` is unknown"),
    "nothing measured": (lambda m: m["export"].update(measured=[]), "`export.measured` is empty"),
    "measured an object": (
        lambda m: m["export"].update(measured={}),
        "`export.measured` is not a list but {}",
    ),
    "a row missing": (
        lambda m: m["export"]["measured"].append(None),
        "`export.measured[1]` is not an object",
    ),
    "a score a text": (
        lambda m: m["export"]["measured"][0].update(bleu="30"),
        '`export.measured[0].bleu` is not a number but "30"',
    ),
    "a score a truth": (
        lambda m: m["export"]["measured"][0].update(chrf=True),
        "`export.measured[0].chrf` is not a number but true",
    ),
    "half a candidate": (
        lambda m: m["export"]["measured"][0].update(num_candidates=1.5),
        "`export.measured[0].num_candidates` is not a whole number but 1.5",
    ),
    "an interval of one": (
        lambda m: m["export"]["measured"][0].update(bleu_interval=[1.0]),
        "`export.measured[0].bleu_interval` has 1 parts and not 2",
    ),
    "a version a number": (
        lambda m: m["export"]["versions"].update(torch=2.1),
        "`export.versions.torch` is not a text but 2.1",
    ),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_record_that_is_not_as_it_should_be_is_an_error_that_names_the_key(
    measured: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    edit(measured, change)
    with pytest.raises(ModelError) as error:
        Bundle.open(measured)
    assert said in str(error.value)
    assert error.value.where == measured / "bundle.json"


# --- older formats -----------------------------------------------------------


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A bundle as version 0.1.0 wrote it: a random student with invented scores."""
    return Path(shutil.copytree(Path(__file__).parent / "fixtures/format-1", tmp_path / "older"))


def test_a_bundle_of_format_1_is_read(older: Path) -> None:
    assert json.loads((older / "bundle.json").read_text())["format"] == 1
    bundle = Bundle.open(older)
    assert bundle.provenance == {"recipe": "tiny", "seed": 1}
    assert bundle.fingerprint == "c90ebb3c820a27c0"
    assert bundle.export == Export(
        command="onepass export runs/tiny --to format-1 --precision int8",
        recipe="tiny",
        stage="student",
        card=Card("A generated corpus.", "cc-by-2.0", "", "It is random."),
        machine="a machine",
        versions={"onepass": "0.1.0"},
        measured=(Measurement("int8", 1, 1.5, (0.0, 2.25), "nrefs:1", 1.0, "nrefs:1", 3, 0.5, 1.0, 0.1),),
        teacher=(TeacherQuality("teacher greedy", 2.0, 3.5),),
    )
    assert "limits: It is random." in describe_bundle(bundle)
    [found] = Translator.load(older).translate(["Where is it?"])
    assert found.tgt_pieces


def test_a_graph_that_holds_its_weights_translates_a_line_alone_as_among_others(older: Path) -> None:
    """As all graphs of version 0.1, it keeps a batch to the words of the batch."""
    assert not {INT8_WEIGHTS, INT8_TABLES} & {*Bundle.open(older).files}
    lines = ["Where is it?", "The castle is old.", "find the house"]
    translator = Translator.load(older, num_threads=1)
    alone = [translator.translate([line])[0] for line in lines]
    assert translator.translate(lines) == alone
    assert all(found.tgt_pieces for found in alone)


def test_a_bundle_of_format_1_that_was_never_exported_is_read(older: Path) -> None:
    edit(older, lambda m: m["provenance"].pop("export"))
    assert Bundle.open(older).export is None


def test_a_bundle_of_format_1_without_a_checksum_is_refused_with_what_to_do(older: Path) -> None:
    forget_checksum(older)
    done = call("translate", "--model", older, "Hello.")
    assert_clear_error(done, 4, "too old", "no checksum", "onepass export")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(provenance=[]), "`provenance` is not an object"),
        (lambda m: m["provenance"].update(export=[]), "`export` is not an object"),
        (lambda m: m["provenance"]["export"].pop("measured"), "`export.measured`"),
        (lambda m: m["provenance"]["export"].update(measured=[3]), "`export.measured` is not an object"),
        (
            lambda m: m["provenance"]["export"]["measured"][0].pop("candidates"),
            "`export.measured[0].num_candidates` is missing",
        ),
    ],
)
def test_a_record_of_format_1_that_is_not_as_it_should_be_is_a_clear_error(
    older: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    edit(older, change)
    with pytest.raises(ModelError) as error:
        Bundle.open(older)
    assert said in str(error.value)


def test_a_flipped_bit_in_a_manifest_of_format_1_is_seen(older: Path) -> None:
    manifest = older / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"bleu": 1.5', '"bleu": 7.5'))
    with pytest.raises(ModelError, match="checksum"):
        Bundle.open(older)


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
