"""The stages of a recipe: which there are, what they read, and that a verb is imported when it runs."""

import subprocess
import sys
from pathlib import Path

from onepass.pipeline.plan import plan
from tiny_run import tiny_recipe

EVERYTHING = (
    "variants.raw.distilled=false",
    "variants.beam={distill_beam=4, finetune=false}",
    'variants.back={family="ctc", back_translations=2, distill_beam=4, init_from_teacher=false}',
    'variants.big={family="ctc", finetune={}}',
    'variants.small={family="ctc", ffn_width=8, compresses="big"}',
    'variants.deep={family="autoregressive", decoder_layers=2}',
)


def test_every_stage_comes_after_what_it_needs(tmp_path: Path) -> None:
    stages = plan(tiny_recipe(tmp_path, *EVERYTHING))
    assert {stage.name: stage.needs for stage in stages} == {
        "prepare": (),
        "teacher": ("prepare",),
        "reverse-teacher": ("prepare",),
        "back-translate2": ("prepare", "reverse-teacher"),
        "distill": ("prepare", "teacher"),
        "align": ("prepare", "distill"),
        "distill-beam4": ("prepare", "teacher"),
        "align-beam4": ("prepare", "distill-beam4"),
        "distill-beam4-back2": ("prepare", "teacher", "back-translate2"),
        "align-beam4-back2": ("prepare", "distill-beam4-back2"),
        "align-raw": ("prepare",),
        "student": ("prepare", "align", "teacher"),
        "finetune": ("prepare", "align", "teacher", "student"),
        "student-raw": ("prepare", "align-raw", "teacher"),
        "finetune-raw": ("prepare", "align-raw", "teacher", "student-raw"),
        "student-beam": ("prepare", "align-beam4", "teacher"),
        "student-back": ("prepare", "align-beam4-back2"),
        "student-big": ("prepare", "align", "teacher"),
        "finetune-big": ("prepare", "student-big"),
        "student-small": ("prepare", "align", "finetune-big"),
        "student-deep": ("prepare", "align", "teacher"),
        "evaluate": (
            *("prepare", "align", "align-beam4", "align-beam4-back2", "align-raw", "teacher"),
            *("student", "finetune", "student-raw", "finetune-raw", "student-beam", "student-back"),
            *("student-big", "finetune-big", "student-small", "student-deep"),
        ),
    }
    names = [stage.name for stage in stages]
    assert all(set(stage.needs) <= set(names[:i]) for i, stage in enumerate(stages))


def test_trainings_alone_are_done_by_all_processes(tmp_path: Path) -> None:
    alone = ("prepare", "distill", "align", "back-translate", "evaluate")
    for stage in plan(tiny_recipe(tmp_path, *EVERYTHING)):
        assert stage.distributed is not stage.name.startswith(alone)


def test_the_teacher_of_the_other_direction_differs_in_its_languages_alone(tmp_path: Path) -> None:
    settings = {stage.name: stage.settings for stage in plan(tiny_recipe(tmp_path, *EVERYTHING))}
    there, back = settings["teacher"], settings["reverse-teacher"]
    assert (there["src"], there["tgt"]) == (back["tgt"], back["src"]) == ("en", "de")
    languages = {"src": "", "tgt": ""}
    assert {**there, **languages} == {**back, **languages}


def test_where_the_corpus_is_does_not_matter_and_what_is_in_it_does(tmp_path: Path) -> None:
    here, there = (plan(tiny_recipe(tmp_path / name))[0] for name in ("here", "there"))
    assert here.settings == there.settings
    assert [path.name for path in here.files()] == [
        f"{s}.{x}" for s in ("train", "dev", "test") for x in ("en", "de")
    ]
    embedded = plan(tiny_recipe(tmp_path / "here", "data.train=phrasebook"))[0].files()
    assert {path.parent.name for path in embedded} == {"corpus", "phrasebook", "german", "scenes", "tables"}
    assert not list((tmp_path / "here").glob("run*"))


def test_the_plan_of_a_run_imports_no_verb() -> None:
    verbs = ("prepare", "train", "distill", "back_translate", "align", "evaluate")
    modules = [*(f"onepass.pipeline.{verb}" for verb in verbs), "torch", "thot", "ctranslate2"]
    code = f"import sys, onepass.pipeline.plan; print([name for name in {modules} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=400)
    assert done.stdout == "[]\n", done.stderr
