"""What a command does not need, it does not import."""

import subprocess
import sys
from pathlib import Path

from tiny_run import assert_clear_error, call, copy_of_run, finished_run, outputs, write_recipe

HEAVY = ("torch", "accelerate", "numpy", "ctranslate2", "thot", "datasets", "matplotlib", "sacrebleu")
TRAINING_MACHINE = ("thot", "ctranslate2", "datasets", "matplotlib", "tensorboard")
"""What a machine that only trains may lack."""


def test_the_command_line_starts_without_the_training_wing() -> None:
    code = f"import sys, onepass.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=400)
    assert done.stdout == "[]\n", done.stderr


def test_teacher_and_student_learn_where_aligner_and_ctranslate2_are_missing(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    to = ("run", recipe, "--to", tmp_path / "run")
    done = call(*to, "--until", "teacher", without=TRAINING_MACHINE)
    assert done.code == 0, done.err
    other = copy_of_run(tmp_path / "other", until="align")
    done = call(
        "run", tmp_path / "other/tiny.toml", "--to", other, "--until", "student", without=TRAINING_MACHINE
    )
    assert done.code == 0, done.err
    expected = outputs(finished_run())
    assert outputs(tmp_path / "run")["teacher"] == expected["teacher"]
    assert outputs(other)["student"] == expected["student"]


def test_a_student_translates_where_they_are_missing(tmp_path: Path) -> None:
    student = finished_run() / "student"
    with_all = call("translate", "--model", student, "Where is it?")
    assert with_all.code == 0
    lacking = (*TRAINING_MACHINE, "accelerate", "sacrebleu")
    assert call("translate", "--model", student, "Where is it?", without=lacking) == with_all


def test_what_needs_the_training_wing_says_so_where_it_is_missing(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    for command in (
        ("run", recipe, "--to", tmp_path / "run"),
        ("export", finished_run(), "--to", tmp_path / "bundle"),
        ("bench", finished_run(), "--to", tmp_path / "bench"),
    ):
        done = call(*command, without=("torch", "accelerate"))
        assert_clear_error(done, 1, "not installed", "pip install 'onepass[train]'")
