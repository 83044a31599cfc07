"""Students of other families go through the same pipeline."""

import json
from pathlib import Path

import pytest
import torch

from onepass.bundle import Bundle
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.display import Display
from onepass.errors import UsageError
from onepass.families import DAG as DAG_FAMILY
from onepass.models.autoregressive import AutoregressiveTransformer
from onepass.pipeline.figures import draw_figures
from onepass.pipeline.forecast import plan_run
from onepass.pipeline.inventory import one_pass_models
from onepass.pipeline.plan import plan
from onepass.pipeline.prepare import SPLITS
from onepass.text.lines import read_lines
from tiny_rehearsal import here
from tiny_run import assert_clear_error, call, copy_of_run, run, tiny_recipe

CTC = 'variants.glat={family="ctc", glancing=[0.5, 0.3]}'
DAG = 'variants.dag={family="dag", slots=4}'
FINETUNE = 'finetune.training={max_updates=4, validate_every=2, batch_tokens=600, precision="fp32"}'
RAW = 'variants.raw={family="ctc", slots=3, distilled=false}'


def test_a_run_trains_measures_and_translates_with_ctc(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    recipe = tiny_recipe(tmp_path, CTC, RAW, DAG)
    needs = {stage.name: stage.needs for stage in plan(recipe)}
    assert needs["student-raw"] == ("prepare", "teacher")
    assert needs["student-glat"] == ("prepare", "align", "teacher")
    log = run(recipe, directory)
    assert log.run == ["student-glat", "student-raw", "student-dag", "evaluate"]
    results = json.loads((directory / "evaluate/results.json").read_text())
    names = {system["name"]: system["model"] for system in results["systems"]}
    assert names["CTC + GLAT"] == "student-glat"
    assert names["CTC"] == "student-raw"
    assert {names[f"DAG {search}"] for search in DAG_FAMILY.searches} == {"student-dag"}
    records = map(json.loads, read_lines(directory / "metrics.jsonl"))
    terms = [set(r) for r in records if r["stage"] == "student-glat" and "loss" in r]
    assert all({"tokens", "infeasible", "revealed"} <= keys for keys in terms)
    lines = read_lines(directory / "prepare/test.src")
    together = Translator.load(directory / "student-raw").translate(lines)
    for line, translation in zip(lines, together, strict=True):
        [alone] = Translator.load(directory / "student-raw").translate([line])
        assert (alone.text, alone.fertilities) == (translation.text, None)
        assert alone.score == pytest.approx(translation.score, abs=1e-5)


def test_a_student_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    small = 'variants.small={family="ctc", ffn_width=8, compresses="glat"}'
    recipe = tiny_recipe(tmp_path, CTC, f"variants.glat.{FINETUNE}", small)
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["student-small"].needs == ("prepare", "align", "finetune-glat")
    assert run(recipe, directory).run == ["student-glat", "finetune-glat", "student-small", "evaluate"]
    smaller, larger = (
        load_model(Bundle.open(directory / name)) for name in ("student-small", "finetune-glat")
    )
    assert smaller.get_submodule("decoder.0.ffn.inner").out_features == 8
    assert larger.get_submodule("decoder.0.ffn.inner").out_features == 32
    results = json.loads((directory / "evaluate/results.json").read_text())
    assert {"CTC + GLAT + FT", "CTC compressed"} <= {system["name"] for system in results["systems"]}
    here(monkeypatch)
    assert "student-small" in [estimate.stage for estimate in plan_run(recipe, probe_seconds=0.1).estimates]


def test_ctc_and_the_graph_are_fine_tuned_on_the_references(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    recipe = tiny_recipe(tmp_path, CTC, DAG, *(f"variants.{name}.{FINETUNE}" for name in ("glat", "dag")))
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["finetune-glat"].needs == ("prepare", "student-glat")
    assert [c.stage for c in one_pass_models(recipe)["finetune-glat"].corpora] == ["align", "prepare"]
    made = ["student-glat", "finetune-glat", "student-dag", "finetune-dag"]
    assert run(recipe, directory).run == [*made, "evaluate"]
    results = json.loads((directory / "evaluate/results.json").read_text())
    names = {system["name"]: system["model"] for system in results["systems"]}
    assert names["CTC + GLAT + FT"] == names["CTC + GLAT + FT, ONNX int8"] == "finetune-glat"
    assert names["DAG + FT marginal"] == names["DAG + FT, 3 candidates"] == "finetune-dag"
    records = map(json.loads, read_lines(directory / "metrics.jsonl"))
    terms = [set(r) for r in records if r["stage"] == "finetune-dag" and "loss" in r]
    assert len(terms) == 4
    assert all({"bigrams", "length"} <= keys for keys in terms)
    before, after = (load_model(Bundle.open(directory / f"{kind}-glat")) for kind in ("student", "finetune"))
    assert not torch.equal(before.src_embedding.weight, after.src_embedding.weight)


def test_without_a_teacher_a_student_can_be_fine_tuned_too(tmp_path: Path) -> None:
    alone = 'student={family="ctc", distilled=false, init_from_teacher=false, finetune={}}'
    stages = [stage.name for stage in plan(tiny_recipe(tmp_path, alone))]
    assert stages == ["prepare", "student", "finetune", "evaluate"]


def test_a_student_learns_from_back_translations_too(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    back = 'variants.back={family="ctc", back_translations=2}'
    recipe = tiny_recipe(tmp_path, back)
    made = ["reverse-teacher", "back-translate2", "distill-back2", "align-back2", "student-back", "evaluate"]
    assert run(recipe, directory).run == made
    reverse = Bundle.open(directory / "reverse-teacher")
    assert (reverse.src, reverse.tgt) == ("de", "en")
    new = read_lines(directory / "back-translate2/train.src")
    known = {line for split in SPLITS for line in read_lines(directory / f"prepare/{split}.src")}
    assert new
    assert len(set(new)) == len(new)
    assert known.isdisjoint(new)
    distilled, plain = (read_lines(directory / name / "train.src") for name in ("distill-back2", "distill"))
    assert distilled == plain + new
    translated = Translator.load(directory / "teacher").translate(new)
    assert read_lines(directory / "distill-back2/train.tgt")[len(plain) :] == [t.text for t in translated]


def test_back_translations_of_references_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="distilled = true"):
        tiny_recipe(tmp_path, "variants.a={distilled=false, back_translations=1}")


def test_an_autoregressive_student_of_another_depth_is_a_rival(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    deep = 'variants.deep={family="autoregressive", encoder_layers=3, decoder_layers=1}'
    recipe = tiny_recipe(tmp_path, deep)
    assert run(recipe, directory).run == ["student-deep", "evaluate"]
    model = load_model(Bundle.open(directory / "student-deep"))
    assert isinstance(model, AutoregressiveTransformer)
    assert (len(model.encoder.layers), len(model.decoder)) == (3, 1)
    results = json.loads((directory / "evaluate/results.json").read_text())
    bleu = {system["name"]: system["bleu"] for system in results["systems"]}
    assert {"AR student greedy", "AR student greedy, CTranslate2"} <= set(bleu)


def test_a_student_may_have_a_depth_of_its_own(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "student.encoder_layers=2")
    settings = {stage.name: stage.settings for stage in plan(recipe)}
    assert settings["student"]["sizes"]["encoder_layers"] == 2
    assert settings["teacher"]["model"]["encoder_layers"] == 1
    assert "encoder_layers" not in settings["student"]  # as it was before there was such a setting


def test_settings_of_another_family_are_errors(tmp_path: Path) -> None:
    of_teacher = 'variants.a={family="ctc", finetune={backprop=false}}'
    of_references = "student.finetune.references=false"
    sampled = "student.finetune.training.vocabulary_sample=[3, 2]"
    for setting in (
        "variants.a={slots=3}",
        of_teacher,
        of_references,
        sampled,
        "student.glancing=[0.5, 0.3]",
    ):
        with pytest.raises(UsageError, match="means nothing for the family"):
            tiny_recipe(tmp_path, setting)


def test_settings_of_another_family_are_not_in_what_a_stage_was_made_with(tmp_path: Path) -> None:
    for stage in plan(tiny_recipe(tmp_path, CTC)):
        if stage.name == "student":
            assert not {"slots", "glancing"} & set(stage.settings)
        if stage.name == "student-glat":
            assert not {"copy_source", "positional_attention", "finetune"} & set(stage.settings)


def test_what_only_fertilities_have_is_a_clear_error(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="finetune")
    run(tiny_recipe(tmp_path, CTC, DAG), directory, until="student-dag")
    model = ("--model", directory / "student-glat")
    teacher = ("--teacher", directory / "teacher", "--candidates", 2)
    assert call("translate", "Hello", *model, *teacher).code == 0
    assert_clear_error(call("translate", "Hello", *model, "--search", "greedy"), 2, "search")
    assert call("translate", "Hello", *model).code == 0
    dag = ("--model", directory / "student-dag")
    assert call("translate", "Hello", *dag, *teacher).code == 0
    assert_clear_error(call("translate", "Hello", *dag, *teacher, "--search", "greedy"), 2, "marginal")
    assert_clear_error(call("translate", "Hello", *dag, "--search", "wide"), 2, "viterbi")
    assert call("translate", "Hello", *dag, "--search", "viterbi").code == 0


def test_a_run_without_fertilities_has_its_training_curves(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="align")
    recipe = tiny_recipe(tmp_path, 'student.family="ctc"', "student.finetune=false")
    run(recipe, directory, until="student")
    draw_figures(directory, tmp_path / "to", 2, 2, None, Display(quiet=True), command="onepass figures")
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["training.json", "training.png"]


def test_a_fine_tuning_for_bigrams_has_a_curve_of_its_bleu_alone(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="align")
    recipe = tiny_recipe(tmp_path, 'student.family="ctc"', "student.finetune={}", f"student.{FINETUNE}")
    run(recipe, directory, until="finetune")
    draw_figures(directory, tmp_path / "to", 2, 2, None, Display(quiet=True), command="onepass figures")
    curves = json.loads((tmp_path / "to/training.json").read_text())["stages"]
    assert all(loss is not None for loss in curves["student"]["dev_loss"])
    finetuning = curves["finetune"]
    assert finetuning["dev_loss"] == [None] * len(finetuning["updates"])
    assert len(finetuning["dev_bleu"]) == len(finetuning["updates"]) > 0


def test_without_distillation_there_is_no_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny_recipe(
        tmp_path,
        'student={family="ctc", glancing=[0.5, 0.1], distilled=false, init_from_teacher=false}',
        'student.training={max_updates=2, validate_every=2, batch_tokens=600, precision="fp32"}',
        "evaluate.latency_sentences=2",
        "evaluate.rounds=1",
        "evaluate.batch_sizes=[1]",
    )
    log = run(recipe, tmp_path / "run")
    assert log.run == ["prepare", "student", "evaluate"]
    results = json.loads((tmp_path / "run/evaluate/results.json").read_text())
    names = ["", ", ONNX int8", ", ONNX float32"]
    assert [system["name"] for system in results["systems"]] == [f"CTC + GLAT{name}" for name in names]
    assert (results["rivals"], results["baseline"]) == ([], None)
    assert set(results["training"]) == {"student"}
    assert (tmp_path / "run/evaluate/latency-against-length.png").exists()
    done = call("bench", tmp_path / "run", "--set", "evaluate.latency_sentences=0")
    assert done.code == 0, done.err
    here(monkeypatch)
    assert [estimate.stage for estimate in plan_run(recipe, probe_seconds=0.1).estimates] == log.run
