"""A run whose teacher is read, from its files to a student that translates."""

import functools
import json
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from onepass.bundle import Bundle
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.display import Display
from onepass.errors import OnepassError, UsageError
from onepass.files import file_sha256
from onepass.loading import Translator as AnyTranslator
from onepass.models.from_teacher import start_from_marian
from onepass.pipeline.export import export_run
from onepass.pipeline.inventory import first_weights
from onepass.pipeline.read_teacher import RESERVED
from onepass.pipeline.stage import read_record
from onepass.recipe import Recipe, load_recipe
from onepass.runtime.shipped import shipped_models
from onepass.runtime.translator import Translator as RuntimeTranslator
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import read_marian
from onepass.text.lines import read_lines
from onepass.text.teacher_tokenizer import TeacherTokenizer
from tiny_marian import TEXT, Shape, write_teacher
from tiny_run import Log, run

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
licence = "cc-by-4.0"

[distill]
compute_type = "float32"

[student]
family = "ctc"
start = "states"

[student.training]
batch_tokens = 600
max_updates = 4
learning_rate = 1e-3
warmup = 2
validate_every = 2
average = 2
precision = "fp32"
encoder_rate = 0
vocabulary_sample = [10, 4]

[evaluate]
num_candidates = [3]
latency_sentences = 0
bootstrap_samples = 10
"""


def write_recipe(folder: Path, more: str = "") -> Path:
    write_teacher(folder / "teacher", Shape())
    for name, rows in (("train", TEXT[:90]), ("dev", TEXT[90:96]), ("test", TEXT[96:100])):
        for lang in ("en", "pt"):
            (folder / f"{name}.{lang}").write_text("".join(f"{line}\n" for line in rows))
    path = folder / "marian.toml"
    path.write_text(RECIPE + more)
    return path


@functools.cache
def finished() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="onepass-marian-"))
    log = run(load_recipe(write_recipe(folder)), folder / "run")
    assert log.run == ["teacher", "prepare", "distill", "align", "student", "evaluate"]
    return folder


def recipe_in(folder: Path, *overrides: str) -> Recipe:
    return load_recipe(folder / "marian.toml", overrides)


def test_the_bundle_of_the_teacher_is_the_teacher() -> None:
    folder = finished()
    bundle = Bundle.open(folder / "run" / "teacher")
    read = read_marian(find_teacher(str(folder / "teacher")))
    model = load_model(bundle)
    tokenizer = bundle.tokenizer()
    assert tokenizer.fingerprint == read.tokenizer.extended(RESERVED).fingerprint
    for name, tensor in read.model.state_dict().items():
        assert torch.equal(model.state_dict()[name][: len(tensor)], tensor), name
    assert bundle.provenance["teacher"]["licence"] == "cc-by-4.0"
    assert bundle.provenance["teacher"]["sha256"] == {
        path.name: file_sha256(path) for path in find_teacher(str(folder / "teacher")).all
    }
    assert str(folder) not in json.dumps(bundle.provenance)


def test_ids_and_distilled_texts_are_the_teachers() -> None:
    folder = finished()
    tokenizer = Bundle.open(folder / "run" / "teacher").tokenizer()
    assert isinstance(tokenizer, TeacherTokenizer)
    distilled = folder / "run" / "distill"
    lines = read_lines(distilled / "train.src")[:8]
    teacher = Translator.load(folder / "run" / "teacher")
    assert read_lines(distilled / "train.tgt")[:8] == [t.text for t in teacher.translate(lines)]


def test_the_student_starts_from_the_teacher_and_says_so() -> None:
    folder = finished()
    bundle, teacher = (Bundle.open(folder / "run" / stage) for stage in ("student", "teacher"))
    student, marian = load_model(bundle), load_model(teacher)
    # Embeddings and encoder have the rate 0, so they are still the teacher's.
    for name, tensor in student.state_dict().items():
        if name.startswith(("src_embedding", "encoder")):
            assert torch.equal(tensor, marian.state_dict()[name]), name
    changed = student.state_dict()["decoder.0.ffn.inner.weight"]
    assert not torch.equal(changed, marian.state_dict()["decoder.0.ffn.inner.weight"])
    assert bundle.provenance["teacher"] == teacher.provenance["teacher"]
    assert bundle.provenance["started_from"]["teacher"] == start_from_marian(student, marian)  # type: ignore[arg-type]


def test_it_translates_from_the_door_of_all_translators() -> None:
    folder = finished()
    lines = read_lines(folder / "run" / "prepare" / "test.src")
    for options in ({}, {"teacher": folder / "run" / "teacher", "num_candidates": 4}):
        found = AnyTranslator.load(folder / "run" / "student", **options).translate(lines)  # type: ignore[arg-type]
        assert len(found) == len(lines)
    beam = AnyTranslator.load(folder / "run" / "teacher", beam_size=3).translate(lines)
    assert any(t.text for t in beam)


def test_nothing_is_done_again_and_another_teacher_is_read_anew(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    run(load_recipe(path), tmp_path / "run", until="prepare")
    again: Log = run(load_recipe(path), tmp_path / "run", until="prepare")
    assert again.up_to_date == ["teacher", "prepare"]
    write_teacher(tmp_path / "teacher", Shape(), seed=2)
    assert run(load_recipe(path), tmp_path / "run", until="prepare").run == ["teacher", "prepare"]


def test_a_student_starts_from_the_weights_of_another_run(tmp_path: Path) -> None:
    folder = finished()
    write_recipe(tmp_path)
    own = folder / "run" / "student"
    still = ("student.training.encoder_rate=0", "student.training.learning_rate=1e-12")
    recipe = recipe_in(tmp_path, f"student.init={own}", "student.distilled=false", *still)
    run(recipe, tmp_path / "run", until="student")
    bundle = Bundle.open(tmp_path / "run" / "student")
    started = bundle.provenance["started_from"]
    assert started == {
        "weights": "weights.safetensors",
        "sha256": file_sha256(own / "weights.safetensors"),
        "provenance": Bundle.open(own).provenance,
    }
    training = json.loads((own / "training.json").read_text())
    assert started["provenance"]["training"] == {
        "updates": training["updates"],
        "target_tokens": training["tokens"],
    }
    read = {name: read_record(folder / "run" / name) for name in ("prepare", "align", "teacher")}
    assert started["provenance"]["inputs"] == {
        name: record["output"] for name, record in read.items() if record
    }
    before, after = load_model(Bundle.open(own)).state_dict(), load_model(bundle).state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=1e-8, rtol=0)


def test_a_model_is_fine_tuned_from_its_weights_alone(tmp_path: Path) -> None:
    folder = finished()
    write_recipe(tmp_path)
    own = folder / "run" / "student"
    first = (f"student.init={own}", "student.distilled=false", "student.training.max_updates=0")
    tuned = ("student.finetune.training.max_updates=3", "student.finetune.training.batch_tokens=300")
    run(recipe_in(tmp_path, *first, *tuned), tmp_path / "run", until="finetune")
    mixed = recipe_in(tmp_path, *first, *tuned, "student.finetune.remains=0.25")
    run(mixed, tmp_path / "mixed", until="finetune")
    before = load_file(own / "weights.safetensors")
    weights = {
        stage: load_file(tmp_path / "run" / stage / "weights.safetensors")
        for stage in ("student", "finetune")
    }
    for name, tensor in before.items():
        assert torch.equal(weights["student"][name], tensor), name
    assert any(not torch.equal(weights["finetune"][name], tensor) for name, tensor in before.items())
    of_both = load_file(tmp_path / "mixed" / "finetune" / "weights.safetensors")
    for name, tensor in weights["finetune"].items():
        torch.testing.assert_close(of_both[name], 0.25 * before[name] + 0.75 * tensor, msg=name)
    provenance = Bundle.open(tmp_path / "run" / "student").provenance
    assert provenance["training"] == {"updates": 0, "target_tokens": 0}


def test_a_deeper_student_starts_with_layers_that_pass_on(tmp_path: Path) -> None:
    folder = finished()
    write_recipe(tmp_path)
    own = folder / "run" / "student"
    still = ("student.training.encoder_rate=0", "student.training.learning_rate=1e-12")
    learnt = len(
        {name.split(".")[1] for name in load_file(own / "weights.safetensors") if name[:7] == "decoder"}
    )
    deeper = (f"student.decoder_layers={learnt + 1}", f"student.init={own}", "student.distilled=false")
    run(recipe_in(tmp_path, *deeper, *still), tmp_path / "run", until="student")
    before = load_model(Bundle.open(own)).state_dict()
    bundle = Bundle.open(tmp_path / "run" / "student")
    assert "teacher" not in bundle.provenance["started_from"]  # whose layers these are not
    after = load_model(bundle).state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=1e-8, rtol=0)
    new = {name: after[name] for name in after.keys() - before.keys()}
    assert {name.split(".")[1] for name in new} == {str(learnt)}
    for part in ("self_attention.output", "source_attention.output", "ffn.outer"):
        assert new[f"decoder.{learnt}.{part}.weight"].abs().max() < 1e-8


def test_embeddings_that_stay_are_the_teachers_whatever_the_weights_have(tmp_path: Path) -> None:
    folder = finished()
    write_recipe(tmp_path)
    own = load_file(folder / "run" / "student" / "weights.safetensors")
    save_file({name: tensor + 0.5 for name, tensor in own.items()}, tmp_path / "moved.safetensors")
    settings = (
        "student.init=moved.safetensors",
        "student.distilled=false",
        "student.training.encoder_rate=1",
        "student.training.embedding_rate=0",
    )
    run(recipe_in(tmp_path, *settings), tmp_path / "run", until="student")
    bundle = Bundle.open(tmp_path / "run" / "student")
    found = load_model(bundle).state_dict()
    teacher = load_model(Bundle.open(tmp_path / "run" / "teacher")).state_dict()
    torch.testing.assert_close(found["src_embedding.weight"], teacher["src_embedding.weight"], atol=0, rtol=0)
    assert not torch.allclose(found["word_bias"], teacher["output.bias"], atol=0.4)
    assert bundle.provenance["started_from"]["teacher"] == {"src_embedding": "src_embedding"}


def test_what_a_file_of_weights_leaves_out_is_the_teachers(tmp_path: Path) -> None:
    folder = finished()
    write_recipe(tmp_path)
    own = load_file(folder / "run" / "student" / "weights.safetensors")
    teachers = ("src_embedding", "encoder", "word_bias")
    kept = {name: tensor.half() for name, tensor in own.items() if not name.startswith(teachers)}
    save_file(kept, tmp_path / "part.safetensors")
    still = ("student.training.learning_rate=1e-12", "student.distilled=false")
    recipe = recipe_in(tmp_path, "student.init=part.safetensors", *still)
    run(recipe, tmp_path / "run", until="student")
    bundle = Bundle.open(tmp_path / "run" / "student")
    for name, tensor in load_model(bundle).state_dict().items():
        torch.testing.assert_close(tensor, own.get(name, own.get(f"src_{name[4:]}")), atol=2e-3, rtol=2e-3)
    parts = bundle.provenance["started_from"]["teacher"]
    assert {name.partition(".")[0] for name in parts} == set(teachers)
    assert bundle.provenance["started_from"]["weights"] == "part.safetensors"
    del kept["blank_embedding.weight"]  # which no teacher has
    save_file(kept, tmp_path / "part.safetensors")
    with pytest.raises(OnepassError, match="blank_embedding"):
        run(recipe, tmp_path / "other", until="student")


def test_a_shipped_model_is_named_where_a_training_starts_from_it(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    recipe = recipe_in(tmp_path, "student.init=en-pt", "student.distilled=false")
    assert first_weights(str(recipe.student.init)) == shipped_models()["en-pt"]
    (tmp_path / "en-pt").mkdir()  # what is beside the recipe comes first
    recipe = recipe_in(tmp_path, "student.init=en-pt", "student.distilled=false")
    assert recipe.student.init == str(tmp_path / "en-pt")
    with pytest.raises(OnepassError, match="no weights to start from"):
        run(recipe, tmp_path / "run", until="student")
    of_hub = recipe_in(tmp_path, "student.init=hf:someone/model", "student.distilled=false")
    assert of_hub.student.init == "hf:someone/model"


def test_weights_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    recipe = recipe_in(tmp_path, "student.init=nowhere", "student.distilled=false")
    with pytest.raises(OnepassError, match="nowhere"):
        run(recipe, tmp_path / "run", until="student")


def test_a_licence_that_nobody_says_is_asked_for(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    path.write_text(path.read_text().replace('licence = "cc-by-4.0"', ""))
    with pytest.raises(UsageError, match=r"teacher\.licence"):
        run(load_recipe(path), tmp_path / "run")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("teacher.model.width=64", "model means nothing for a teacher that is read"),
        ("teacher.training.warmup=3", "training means nothing for a teacher that is read"),
        ("tokenizer.vocab_size=400", "a teacher that is read has its own"),
        ("distill.engine=ctranslate2", "ctranslate2 cannot have this teacher"),
        ("student.back_translations=1", "trained here"),
        ("student.soft_copy=false", "soft_copy means nothing"),
        ("teacher.training.vocabulary_sample=[1, 1]", "means nothing for a teacher"),
    ],
)
def test_settings_that_would_be_ignored_are_errors(tmp_path: Path, setting: str, message: str) -> None:
    write_recipe(tmp_path)
    with pytest.raises(UsageError, match=message):
        recipe_in(tmp_path, setting)


def test_the_engine_is_torch_unless_told() -> None:
    recipe = recipe_in(finished())
    assert recipe.distill.engine == "torch"
    assert '"from"' in recipe.to_json()


def test_the_student_and_its_teacher_are_exported(tmp_path: Path) -> None:
    run_directory = finished() / "run"
    export_run(
        run_directory,
        tmp_path / "bundle",
        stage=None,
        candidates=True,
        wanted=("float32",),
        display=Display(quiet=True),
        command="onepass export",
    )
    for candidates in (1, 10):
        teacher = run_directory / "teacher" if candidates > 1 else None
        torch_translator = Translator.load(
            run_directory / "student", teacher=teacher, num_candidates=candidates
        )
        expected = torch_translator.translate(TEXT[:40])
        runtime = RuntimeTranslator.load(tmp_path / "bundle", num_candidates=candidates)
        found = runtime.translate(TEXT[:40])
        assert [t.tgt_pieces for t in found] == [t.tgt_pieces for t in expected]
    assert "Licence of the teacher: cc-by-4.0." in (tmp_path / "bundle" / "README.md").read_text()
