"""The records of a run: what they are called, and which of them students share."""

from pathlib import Path

import pytest

from onepass.alignment.lexicon import LINKS
from onepass.errors import DataError, UsageError
from onepass.pipeline.inventory import (
    REFERENCES,
    BackTranslation,
    Corpus,
    Distillation,
    OnePassModel,
    aligned_corpora,
    back_translations,
    corpus_of,
    evaluated_stages,
    finished_stages,
    larger_model,
    linked_corpus,
    main_model,
    one_pass_models,
    recorded_recipe,
)
from onepass.settings import FinetuneSettings, StudentSettings
from tiny_run import finished_run, tiny_recipe

CTC = 'family="ctc"'


@pytest.mark.parametrize(
    ("distillation", "ending"),
    [
        (Distillation(None, None), ""),
        (Distillation(4, None), "-beam4"),
        (Distillation(None, BackTranslation(2)), "-back2"),
        (Distillation(4, BackTranslation(2)), "-beam4-back2"),
    ],
)
def test_stages_of_a_distillation_have_one_ending(distillation: Distillation, ending: str) -> None:
    corpus = Corpus(distillation, aligned=True)
    assert (distillation.stage, corpus.stage) == (f"distill{ending}", f"align{ending}")
    assert corpus.texts == distillation.stage


def test_references_are_prepared_and_aligned_only_where_a_family_needs_it() -> None:
    fertility, ctc = (
        corpus_of(StudentSettings(family=family, distilled=False)) for family in ("fertility", "ctc")
    )
    assert (fertility.stage, fertility.texts) == ("align-raw", "prepare")
    assert (ctc, ctc.stage, ctc.texts) == (REFERENCES, "prepare", "prepare")
    assert corpus_of(StudentSettings(family="ctc")) == corpus_of(StudentSettings())


def test_a_model_is_called_after_its_variant_whatever_that_is_called(tmp_path: Path) -> None:
    """Also after one that looks like a stage."""
    recipe = tiny_recipe(tmp_path, "variants.student-align.dropout=0.3", "variants.raw-student.dropout=0.4")
    assert list(one_pass_models(recipe)) == [
        "student",
        "finetune",
        "student-student-align",
        "finetune-student-align",
        "student-raw-student",
        "finetune-raw-student",
    ]


def test_equal_students_share_a_stage_and_fine_tunings_their_base(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tmp_path,
        "variants.same.dropout=0.1",
        "variants.kd.finetune.reinforce=false",
        "variants.plain.finetune=false",
        "variants.other={dropout=0.2, finetune=false}",
        "variants.other-kd={dropout=0.2, finetune={reinforce=false}}",
    )
    models = one_pass_models(recipe)
    assert list(models) == ["student", "finetune", "finetune-kd", "student-other", "finetune-other-kd"]
    assert models["finetune"].base == models["finetune-kd"].base == models["student"]
    assert models["finetune-other-kd"].base == models["student-other"]
    assert main_model(recipe) == models["finetune"]
    assert main_model(tiny_recipe(tmp_path, "student.finetune=false")).stage == "student"


def test_a_model_has_the_training_and_the_corpora_of_its_own() -> None:
    tuned = StudentSettings(family="ctc", finetune=FinetuneSettings())
    student = OnePassModel(None, tuned.model_copy(update={"finetune": None}))
    finetuned = OnePassModel(None, tuned, student)
    assert student.training == tuned.training
    assert tuned.finetune is not None
    assert finetuned.training == tuned.finetune.training != tuned.training
    assert [corpus.stage for corpus in student.corpora] == ["align"]
    assert [corpus.stage for corpus in finetuned.corpora] == ["align", "prepare"]
    of_teacher = tuned.model_copy(update={"finetune": FinetuneSettings(references=False)})
    assert [corpus.stage for corpus in OnePassModel(None, of_teacher, student).corpora] == ["align"]
    raw = tuned.model_copy(update={"distilled": False})
    assert OnePassModel(None, raw, student).corpora == (REFERENCES,)
    by_teacher = StudentSettings(finetune=FinetuneSettings())
    assert [corpus.stage for corpus in OnePassModel(None, by_teacher, student).corpora] == ["align"]


def test_what_a_student_makes_smaller_is_fine_tuned_where_that_one_is(tmp_path: Path) -> None:
    small = f'variants.small={{{CTC}, ffn_width=8, compresses="big"}}'
    for finetune, stage in (("false", "student-big"), ("{}", "finetune-big")):
        recipe = tiny_recipe(tmp_path, f"variants.big={{{CTC}, finetune={finetune}}}", small)
        models = one_pass_models(recipe)
        assert larger_model(recipe, models["student-small"].settings) == models[stage]
        assert larger_model(recipe, models["student-big"].settings) is None


def test_corpora_of_a_run_are_there_once_and_in_order(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tmp_path,
        "variants.a.distilled=false",
        "variants.b.distill_beam=4",
        f"variants.c={{{CTC}, back_translations=2}}",
        f"variants.d={{{CTC}, back_translations=10}}",
        f"variants.e={{{CTC}, distilled=false}}",
        "variants.f.dropout=0.3",
    )
    stages = [corpus.stage for corpus in aligned_corpora(recipe)]
    assert stages == ["align", "align-back10", "align-back2", "align-beam4", "align-raw"]
    assert [new.samples for new in back_translations(recipe)] == [2, 10]
    assert evaluated_stages(recipe) == ("prepare", *stages, "teacher", *one_pass_models(recipe))
    alone = 'student={family="ctc", distilled=false, init_from_teacher=false, finetune=false}'
    assert evaluated_stages(tiny_recipe(tmp_path, alone)) == ("prepare", "student")


def test_the_lexicon_of_a_model_is_of_the_links_it_learnt_from(tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tmp_path,
        'variants.raw={family="autoregressive", distilled=false}',
        'variants.beam={family="autoregressive", distill_beam=4}',
    )
    directories = {name: tmp_path / name for name in ("prepare", "align", "align-beam4")}
    assert linked_corpus("teacher", recipe, directories) is None
    for name in ("align", "align-beam4"):
        directories[name].mkdir()
        (directories[name] / LINKS).touch()
    found = {stage: linked_corpus(stage, recipe, directories) for stage in one_pass_models(recipe)}
    assert found["student-raw"] is None
    assert found["student-beam"] == "align-beam4"
    assert linked_corpus("teacher", recipe, directories) == found["student"] == "align"
    del directories["align"]
    assert linked_corpus("teacher", recipe, directories) == "align-beam4"


def test_what_is_not_finished_is_an_error(tmp_path: Path) -> None:
    run = finished_run()
    assert finished_stages(run, ["teacher"]) == {"teacher": run / "teacher"}
    with pytest.raises(DataError, match="student-x is not finished"):
        finished_stages(run, ["teacher", "student-x"])
    assert recorded_recipe(run).name == "tiny"
    with pytest.raises(UsageError, match="not a run directory"):
        recorded_recipe(tmp_path)
