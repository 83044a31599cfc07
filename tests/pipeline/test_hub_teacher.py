"""A run whose teacher is in Hugging Face's format, from its folder to a student in an exported graph."""

import functools
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from onepass.bundle import Bundle
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.display import Display
from onepass.errors import DataError, ModelError, UsageError
from onepass.files import file_sha256
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.pipeline.export import export_run
from onepass.pipeline.teacher_engines import find
from onepass.recipe import load_recipe
from onepass.runtime.translator import Translator as RuntimeTranslator
from onepass.teachers.find import find_teacher
from onepass.teachers.read import read_teacher_files
from onepass.text.lines import read_lines
from tiny_hub import HubShape, write_hub_teacher
from tiny_marian import TEXT
from tiny_run import assert_clear_error, call, run, write_lines

RECIPE = """
[data]
src = "en"
tgt = "pt"
train = "train.{lang}"
dev = "dev.{lang}"
test = "test.{lang}"
filters.drop_identical = false

[teacher]
from = "teacher"

[distill]
compute_type = "float32"

[student]
family = "ctc"

[student.training]
batch_tokens = 600
max_updates = 3
warmup = 2
validate_every = 3
average = 1
precision = "fp32"

[evaluate]
num_candidates = [3]
latency_sentences = 0
bootstrap_samples = 10
"""


def write_recipe(folder: Path) -> Path:
    write_hub_teacher(folder / "teacher", HubShape(ending=4))
    for name, rows in (("train", TEXT[:90]), ("dev", TEXT[90:96]), ("test", TEXT[96:100])):
        for lang in ("en", "pt"):
            write_lines(folder / f"{name}.{lang}", rows)
    (folder / "hub.toml").write_text(RECIPE)
    return folder / "hub.toml"


@functools.cache
def finished() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="onepass-hub-"))
    log = run(load_recipe(write_recipe(folder)), folder / "run")
    assert log.run == ["teacher", "prepare", "distill", "align", "student", "evaluate"]
    return folder


def test_the_bundle_translates_as_the_teacher_that_was_read() -> None:
    folder = finished()
    bundle = Bundle.open(folder / "run" / "teacher")
    read = read_teacher_files(find_teacher(str(folder / "teacher")))
    model = load_model(bundle)
    assert isinstance(model, MarianTransformer)
    assert model.sizes.layers.arithmetic == "transformers"
    src_ids = torch.tensor([read.tokenizer.encode_src(TEXT[0])])
    with torch.no_grad():
        assert torch.equal(model.encode(src_ids).top, read.model.encode(src_ids).top)
    lines = read_lines(folder / "run" / "distill" / "train.src")[:8]
    texts = [t.text for t in Translator.load(folder / "run" / "teacher").translate(lines)]
    assert read_lines(folder / "run" / "distill" / "train.tgt")[:8] == texts
    assert len(set(texts)) > 3


def test_the_licence_of_the_card_goes_into_provenance() -> None:
    folder = finished()
    for stage in ("teacher", "student"):
        said = Bundle.open(folder / "run" / stage).provenance["teacher"]
        assert (said["name"], said["licence"]) == ("teacher", "cc-by-4.0")
        assert set(said["sha256"]) == {p.name for p in find_teacher(str(folder / "teacher")).all}
    assert "cc-by-4.0" in call("info", folder / "run" / "teacher").out


def test_the_student_has_the_teachers_arithmetic_in_torch_and_in_the_graph(tmp_path: Path) -> None:
    folder = finished()
    student = load_model(Bundle.open(folder / "run" / "student"))
    assert isinstance(student, OnePassTransformer)
    assert student.arithmetic == "transformers"
    assert {m.eps for m in student.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-5}
    export_run(
        folder / "run",
        tmp_path / "bundle",
        stage=None,
        candidates=True,
        wanted=("float32",),
        display=Display(quiet=True),
        command="onepass export",
    )
    for candidates in (1, 6):
        teacher = folder / "run" / "teacher" if candidates > 1 else None
        options = {"teacher": teacher, "num_candidates": candidates}
        expected = Translator.load(folder / "run" / "student", **options).translate(TEXT[:30])
        found = RuntimeTranslator.load(tmp_path / "bundle", num_candidates=candidates).translate(TEXT[:30])
        assert [t.tgt_pieces for t in found] == [t.tgt_pieces for t in expected]


def test_distilling_and_translating_alone(tmp_path: Path) -> None:
    folder = finished()
    write_lines(tmp_path / "text.en", TEXT[:12])
    teacher = folder / "teacher"
    to_file = ("--src", tmp_path / "text.en", "--to", tmp_path / "text.pt", "--compute-type", "float32")
    done = call("distill", "--teacher", teacher, *to_file)
    assert done.code == 0, done.err
    reference = Translator.load(folder / "run" / "teacher").translate(TEXT[:12])
    assert read_lines(tmp_path / "text.pt") == [t.text for t in reference]
    assert find(str(teacher)).languages == ("en", "pt")
    options = ("--engine", "fxtranslate", "--compute-type", "float32")
    failed = call(
        "distill", "--teacher", teacher, "--src", tmp_path / "text.en", "--to", tmp_path / "new", *options
    )
    assert_clear_error(failed, 4, "reads its own models alone")


def test_other_languages_and_a_pickle_are_errors_before_anything_runs(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    with pytest.raises(UsageError, match="other languages"):
        run(load_recipe(path, ["data.src=pt", "data.tgt=en"]), tmp_path / "run")
    weights, pickle = tmp_path / "teacher" / "model.safetensors", tmp_path / "teacher" / "pytorch_model.bin"
    torch.save(load_file(weights), pickle)
    weights.unlink()
    with pytest.raises(DataError, match=r"teacher\.unpickle"):
        run(load_recipe(path), tmp_path / "run")
    asked = load_recipe(path, ["teacher.unpickle=true", "distill.engine=torch"])
    assert run(asked, tmp_path / "run", until="teacher").run == ["teacher"]
    record = Bundle.open(tmp_path / "run" / "teacher").provenance["teacher"]
    assert record["sha256"]["pytorch_model.bin"] == file_sha256(pickle)


def test_a_name_on_the_hub_is_no_path_and_settings_of_reading_need_a_teacher_to_read(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    recipe = load_recipe(path, ["teacher.from=hf:somebody/model"])
    assert recipe.teacher.from_ == "hf:somebody/model"
    path.write_text(RECIPE.replace('from = "teacher"', "unpickle = true"))
    with pytest.raises(UsageError, match="unpickle means nothing for a teacher that is trained"):
        load_recipe(path)


def test_the_mark_of_a_target_language_is_before_every_source(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    write_hub_teacher(tmp_path / "teacher", marks=(">>por<<", ">>pob<<"))
    for mark in (None, ">>pob<<"):
        changes = [f"teacher.mark={mark}"] if mark else []
        log = run(load_recipe(path, changes), tmp_path / "run", until="teacher")
        assert log.run == ["teacher"]
        tokenizer = Bundle.open(tmp_path / "run" / "teacher").tokenizer()
        first = tokenizer.src_pieces(tokenizer.encode_src(TEXT[0]))[0]
        assert (first == ">>pob<<") == (mark is not None)
    with pytest.raises(ModelError, match=">>pob<<, >>por<<"):
        run(load_recipe(path, ["teacher.mark=>>deu<<"]), tmp_path / "run", until="teacher")
