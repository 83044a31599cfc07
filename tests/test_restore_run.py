"""What is exported in 8 bits can be read back, but for the rounding."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from onepass.bundle import Bundle
from onepass.decoding.weights import load_model
from onepass.display import Display
from onepass.export.ctranslate2 import export_ctranslate2
from onepass.pipeline.export import export_run_to_ctranslate2
from onepass.pipeline.plan import plan
from restore_run import restore, restore_ctc, restore_teacher
from tiny_export import exported, random_student, random_teacher
from tiny_run import copy_of_run, run, tiny_recipe


def assert_restored(bundle: Path, restore: Callable[[nn.Module, Path], None], path: Path) -> None:
    expected, found = (load_model(Bundle.open(bundle)) for _ in range(2))
    for parameter in found.parameters():
        parameter.data.fill_(torch.nan)
    restore(found, path)
    for name, value in expected.state_dict().items():
        largest = value.abs().max() if value.dim() == 1 else value.abs().amax(1, keepdim=True)
        assert bool(((found.state_dict()[name] - value).abs() <= 0.009 * largest).all()), name


def test_a_student_is_read_back_from_its_graph(tmp_path: Path, make_teacher: Callable) -> None:
    student = random_student(tmp_path / "student", "ctc")
    exported(student, tmp_path / "bundle", random_teacher(tmp_path / "teacher", make_teacher))
    assert_restored(student, restore_ctc, tmp_path / "bundle/student.int8.onnx")


@pytest.mark.usefixtures("no_gradient")
def test_a_teacher_is_read_back_from_ctranslate2(tmp_path: Path, make_teacher: Callable) -> None:
    teacher = random_teacher(tmp_path / "teacher", make_teacher)
    export_ctranslate2(Bundle.open(teacher), tmp_path / "model", quantization="int8")
    assert_restored(teacher, restore_teacher, tmp_path / "model/model.bin")


def test_a_restored_teacher_can_be_trained_on(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path, until="teacher")
    rival = tmp_path / "rival"
    quiet = Display(quiet=True)
    export_run_to_ctranslate2(directory, rival, stage="teacher", quantization="int8", display=quiet)
    recipe = tiny_recipe(tmp_path, "teacher.training.max_updates=1", "teacher.training.learning_rate=1e-30")
    [stage] = (stage for stage in plan(recipe) if stage.name == "teacher")
    restore(stage, recipe, directory, Bundle.open(tmp_path / "rival"), train_on=True)
    run(recipe, directory, until="teacher")
    assert_restored(directory / "teacher", restore_teacher, tmp_path / "rival/model.bin")
