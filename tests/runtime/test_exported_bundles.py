"""An exported bundle writes in ONNX Runtime what its student writes in torch, however it is asked."""

import functools
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onepass.bundle import FORMAT, Bundle
from onepass.decoding.translator import Translator as TorchTranslator
from onepass.errors import ModelError, UsageError
from onepass.export.runtime_bundle import write_graphs
from onepass.files import file_sha256
from onepass.runtime import engine, shipped
from onepass.runtime.engine import OnnxEngine
from onepass.runtime.text_translator import Hypotheses, Translation
from onepass.runtime.translator import Translator
from onepass.runtime.windows import WINDOW, WINDOW_CHARACTERS
from tiny_export import AS_READ, FAMILIES, some_facts
from tiny_run import edit_manifest, finished_run, many_lines

LINES = many_lines(40)
WITH_CANDIDATES = ("fertility", "ctc", "fertility as read", "ctc as read")
SYSTEMS = [*((name, 1) for name in (*FAMILIES, *AS_READ)), *((name, 4) for name in WITH_CANDIDATES)]


def load(bundles: Path, family: str = "fertility", candidates: int = 1, **settings: Any) -> Translator:
    settings = {"precision": "float32", "num_threads": 1, **settings}
    return Translator.load(bundles / f"{family}.exported", num_candidates=candidates, **settings)


def judge_of(bundles: Path, family: str) -> Path:
    """The teacher that chooses among a student's candidates."""
    return bundles / ("teacher as read" if family in AS_READ else "teacher")


def written(translations: list[Translation]) -> list[tuple[object, ...]]:
    return [(t.text, t.src_pieces, t.tgt_pieces, t.fertilities) for t in translations]


@functools.cache
def in_torch(bundles: Path, family: str, candidates: int) -> list[Translation]:
    """Of LINES; only to be read."""
    teacher = judge_of(bundles, family) if candidates > 1 else None
    torch = TorchTranslator.load(bundles / family, teacher=teacher, num_candidates=candidates)
    return torch.translate(LINES, alignment=True)


@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_it_writes_what_torch_writes(bundles: Path, family: str, candidates: int) -> None:
    expected = in_torch(bundles, family, candidates)
    assert len({t.text for t in expected}) > 10
    found = load(bundles, family, candidates).translate(LINES, alignment=True)
    assert written(found) == written(expected)
    assert [t.alignment for t in found] == [t.alignment for t in expected]
    assert len({t.alignment for t in found}) > 10
    assert {t.fertilities is None for t in found} == {not family.startswith("fertility")}  # empty lines, too
    assert [t.score for t in found] == pytest.approx([t.score for t in expected], abs=1e-4)


@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_it_writes_the_same_where_the_corpus_has_but_the_words_that_it_writes_alone(
    bundles: Path, family: str, candidates: int, tmp_path: Path
) -> None:
    student = Bundle.open(bundles / family)
    teacher = judge_of(bundles, family) if candidates > 1 else None
    expected = in_torch(bundles, family, candidates)
    tgt_pieces = {piece for t in in_torch(bundles, family, 1) for piece in t.tgt_pieces}
    vocabulary = student.tokenizer().tgt_vocabulary()
    used = np.array([i for i, piece in enumerate(vocabulary) if piece in tgt_pieces])
    assert len(used) < len(vocabulary) / 2
    judge = None if teacher is None else Bundle.open(teacher)
    facts = some_facts(student.tokenizer())._replace(vocabulary=used)
    write_graphs(student, tmp_path, facts, teacher=judge)
    found = Translator.load(tmp_path, precision="float32", num_candidates=candidates).translate(LINES)
    assert written(found) == written(expected)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_a_line_is_translated_the_same_alone_and_among_others(
    bundles: Path, family: str, candidates: int, precision: str
) -> None:
    translator = load(bundles, family, candidates, precision=precision)
    together = translator.translate(LINES)
    alone = load(bundles, family, candidates, precision=precision, batch_size=1).translate(LINES)
    assert written(alone) == written(together)
    assert [t.score for t in alone] == pytest.approx([t.score for t in together], abs=2e-3)
    assert [t.text for t in together[40:42]] == ["", LINES[41]]
    assert together[-1].text == together[0].text
    backwards = load(bundles, family, candidates, precision=precision).translate(LINES[::-1])
    assert written(backwards[::-1]) == written(together)


def test_an_int8_graph_with_the_words_of_a_batch_has_batches_of_one_sentence(
    bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    shutil.copytree(bundles / "ctc.exported", old)
    edit_manifest(old, lambda manifest: manifest["settings"].pop("shortlist"))
    sizes: list[int] = []
    run = OnnxEngine.__call__

    def counted(engine: OnnxEngine, rows: list[list[int]]) -> Hypotheses:
        sizes.append(len(rows))
        return run(engine, rows)

    monkeypatch.setattr(OnnxEngine, "__call__", counted)
    for directory, precision, most in (
        (old, "int8", 1),
        (old, "float32", 9),
        (bundles / "ctc.exported", "int8", 9),
    ):
        sizes.clear()
        Translator.load(directory, precision=precision, num_threads=1).translate(["the old castle"] * 9)
        assert max(sizes) == most


@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_int8_is_the_usual_precision_and_translates(bundles: Path, family: str, candidates: int) -> None:
    translator = load(bundles, family, candidates, precision=None)
    assert translator.precision == "int8"
    found = translator.translate(LINES)
    assert [bool(t.src_pieces) for t in found] == [bool(line.strip(" \t\u200b\u200e")) for line in LINES]
    assert len({t.text for t in found}) > 10


@pytest.mark.parametrize("family", WITH_CANDIDATES)
def test_many_candidates_of_long_lines_are_decoded_a_few_at_a_time(
    bundles: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    together = load(bundles, family, 12).translate(LINES)
    monkeypatch.setattr(engine, "CANDIDATE_TOKENS", 40)
    assert written(load(bundles, family, 12).translate(LINES)) == written(together)


@pytest.mark.parametrize("family", WITH_CANDIDATES)
def test_more_candidates_and_another_seed_give_other_translations(bundles: Path, family: str) -> None:
    few, many, other = (
        load(bundles, family, count, seed=seed).translate(LINES) for count, seed in ((4, 1), (12, 1), (4, 2))
    )
    assert (written(few) == written(other)) == family.startswith("ctc")  # whose candidates are not drawn
    assert all(b.score >= a.score - 1e-5 for a, b in zip(few, many, strict=True))
    assert any(b.score > a.score + 1e-3 for a, b in zip(few, many, strict=True))


def test_a_stream_is_translated_a_window_at_a_time(bundles: Path) -> None:
    consumed = yielded = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for number in range(3000):
            consumed += 1
            yield "" if number % 7 == 0 else f"no {number}"

    translator = load(bundles)
    stream = translator.translate_stream(lines())

    def pieces(line: str) -> list[str]:
        return translator.tokenizer.src_pieces(translator.tokenizer.encode_src(line))

    assert consumed == 0
    for number, translation in enumerate(stream):
        assert consumed - yielded <= WINDOW
        assert list(translation.src_pieces) == pieces("" if number % 7 == 0 else f"no {number}")
        yielded += 1
    assert (consumed, yielded) == (3000, 3000)


@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_threads_may_share_a_translator(bundles: Path, family: str, candidates: int) -> None:
    translator = load(bundles, family, candidates, num_threads=4)
    parts = [LINES[start:] + LINES[:start] for start in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(translator.translate, parts))
    alone = written(load(bundles, family, candidates).translate(LINES))
    assert list(map(written, together)) == [alone[start:] + alone[:start] for start in range(4)]


def test_long_lines_end_a_window_early(bundles: Path, monkeypatch) -> None:
    translated: list[int] = []

    def translate(lines: list[str], *, alignment: bool, n_best: int) -> list[Translation]:
        translated.append(len(lines))
        return original(lines, alignment=alignment, n_best=n_best)

    translator = load(bundles)
    original = translator.translate
    monkeypatch.setattr(translator, "translate", translate)
    lines = ["word " * (WINDOW_CHARACTERS // 10), "short", ""] * 3
    found = list(translator.translate_stream(lines))
    assert [bool(f.src_pieces) for f in found] == [True, True, False] * 3
    assert translated == [4, 5]


@pytest.mark.parametrize(("family", "candidates"), SYSTEMS)
def test_the_number_of_threads_changes_nothing(bundles: Path, family: str, candidates: int) -> None:
    one, two = (load(bundles, family, candidates, num_threads=n).translate(LINES) for n in (1, 2))
    assert written(one) == written(two)


# --- errors ------------------------------------------------------------------


def test_a_text_is_no_list_of_lines(bundles: Path) -> None:
    translator = load(bundles)
    with pytest.raises(UsageError, match="not a list"):
        translator.translate("Yes.")
    with pytest.raises(UsageError, match="not a list"):
        list(translator.translate_stream("Yes."))


@pytest.mark.parametrize("name", ["num_threads", "num_candidates", "batch_size"])
def test_a_number_below_one_is_a_usage_error(bundles: Path, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        Translator.load(bundles / "fertility.exported", **{name: 0})  # type: ignore[arg-type]


def test_what_a_bundle_does_not_have_is_a_usage_error(bundles: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no teacher that chooses"):
        load(bundles, "dag", 2)
    with pytest.raises(UsageError, match="1 to 64"):
        load(bundles, "ctc", 65)
    bundle = copy(bundles, tmp_path)
    edit(bundle, lambda files: [files.pop(name) for name in list(files) if "float32" in name])
    for candidates in (1, 2):
        with pytest.raises(UsageError, match="allowed: int8"):
            Translator.load(bundle, precision="float32", num_candidates=candidates)
        assert Translator.load(bundle, num_candidates=candidates).precision == "int8"


def test_a_teacher_of_another_arrangement_cannot_choose(bundles: Path, tmp_path: Path) -> None:
    for student, teacher in (("ctc", "teacher as read"), ("ctc as read", "teacher")):
        judge = Bundle.open(bundles / teacher)
        with pytest.raises(UsageError, match="norms after its layers"):
            write_graphs(Bundle.open(bundles / student), tmp_path, some_facts(), teacher=judge)
    assert not list(tmp_path.iterdir())


def test_a_bundle_for_training_is_a_model_error(bundles: Path) -> None:
    for bundle in (bundles / "fertility", bundles / "teacher", finished_run() / "student"):
        with pytest.raises(ModelError, match="onepass export"):
            Translator.load(bundle)


def test_a_shipped_model_has_a_name(bundles: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match="no shipped model"):
        Translator.load("en-fr")
    shutil.copytree(bundles / "ctc.exported", tmp_path / "en-fr")
    expected = Translator.load(bundles / "ctc.exported").translate(LINES)
    assert Translator.load("en-fr").translate(LINES) == expected
    with pytest.raises(ModelError, match=r"xx-yy(.|\n)*one of: en-fr"):
        Translator.load("xx-yy")
    monkeypatch.chdir(tmp_path.parent)
    Path("en-fr").mkdir()  # a corpus, say
    assert Translator.load("en-fr").translate(LINES) == expected


def copy(bundles: Path, to: Path) -> Path:
    return Path(shutil.copytree(bundles / "fertility.exported", to / "bundle"))


def edit(bundle: Path, change: Callable[[dict[str, str]], Any]) -> None:
    edit_manifest(bundle, lambda manifest: change(manifest["files"]))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def swap(path: Path) -> None:
    other = path.with_name(SWAPPED_WITH[path.name])
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


DAMAGES = {"truncated": truncate, "flipped": flip_a_bit, "missing": Path.unlink, "swapped": swap}
SWAPPED_WITH = {
    "student.int8.onnx": "student.float32.onnx",
    "student.float32.onnx": "student.int8.onnx",
    "joint.model": "student.int8.onnx",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", SWAPPED_WITH)
def test_a_damaged_file_is_named(bundles: Path, tmp_path: Path, name: str, damage: str) -> None:
    bundle = copy(bundles, tmp_path)
    DAMAGES[damage](bundle / name)
    with pytest.raises(ModelError, match=r"missing|damaged") as error:
        Translator.load(bundle)
    named = [name, SWAPPED_WITH[name]] if damage == "swapped" else [name]
    assert error.value.where in [bundle / name for name in named]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\x0a\x3a\xff\xff\xff\x7f"])
def test_garbage_with_the_right_checksum_is_a_model_error(
    bundles: Path, tmp_path: Path, content: bytes
) -> None:
    bundle = copy(bundles, tmp_path)
    path = bundle / "student.int8.onnx"
    path.write_bytes(content)
    edit(bundle, lambda files: files.update({path.name: file_sha256(path)}))
    with pytest.raises(ModelError, match="ONNX Runtime cannot load") as error:
        Translator.load(bundle)
    assert error.value.where == path


def test_half_a_graph_with_the_right_checksum_is_a_model_error(bundles: Path, tmp_path: Path) -> None:
    bundle = copy(bundles, tmp_path)
    path = bundle / "student.int8.onnx"
    truncate(path)
    edit(bundle, lambda files: files.update({path.name: file_sha256(path)}))
    with pytest.raises(ModelError, match="ONNX Runtime cannot load"):
        Translator.load(bundle)


def test_a_newer_format_is_refused(bundles: Path, tmp_path: Path) -> None:
    bundle = copy(bundles, tmp_path)
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**manifest, "format": FORMAT + 1}))
    with pytest.raises(ModelError, match="upgrade onepass"):
        Translator.load(bundle)
