"""Each process of a machine takes a device of its own; the GPUs are stand-ins."""

from pathlib import Path
from typing import Any

import pytest
import torch

from onepass.export import ctranslate2 as engine
from onepass.nn.device import own_device
from onepass.pipeline import back_translate, teacher_engines
from onepass.settings import DistillSettings


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_gpu_it_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device() == torch.device("cpu")


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("said", "count", "index"),
    [
        ({}, 4, 0),
        ({"LOCAL_RANK": "3"}, 4, 3),
        ({"SLURM_LOCALID": "2"}, 4, 2),
        ({"LOCAL_RANK": "1", "SLURM_LOCALID": "2"}, 4, 1),
        ({"LOCAL_RANK": "3"}, 1, 0),  # a launcher that shows each its own
    ],
)
def test_a_process_takes_the_gpu_of_its_place_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], count: int, index: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert own_device() == torch.device("cuda", index)


@pytest.mark.usefixtures("gpus")
def test_ctranslate2_takes_it_where_it_was_built_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 4)
    assert engine.engine_device() == torch.device("cuda", 2)
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    assert engine.engine_device() == torch.device("cpu")


class _ToldError(Exception):
    """What a stand-in was told."""


def _tell(*_: Any, device: torch.device, **__: Any) -> None:
    raise _ToldError(device)


@pytest.mark.usefixtures("gpus")
def test_shards_are_made_on_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of distill in both engines, of back-translation and of evaluate."""
    from onepass.bundle import Bundle
    from onepass.decoding import translator
    from onepass.evaluation.systems import torch_system

    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 4)
    for target in (
        (teacher_engines, "CTranslate2Translator"),
        (translator.Translator, "load"),
        (back_translate, "load_teacher"),
    ):
        monkeypatch.setattr(*target, _tell)
    monkeypatch.setattr(teacher_engines, "export_ctranslate2", lambda *_: None)
    monkeypatch.setattr(teacher_engines, "check_engine", lambda *_: None)
    monkeypatch.setattr(teacher_engines.Teacher, "of_marian", False)
    monkeypatch.setattr(Bundle, "open", lambda _: type("Opened", (), {"tokenizer": lambda _: None})())
    teacher = teacher_engines.Teacher(tmp_path)
    calls = [
        lambda: teacher_engines.make_engine(teacher, DistillSettings(engine="torch"), tmp_path),
        lambda: teacher_engines.make_engine(teacher, DistillSettings(engine="ctranslate2"), tmp_path),
        lambda: back_translate._Sampler(tmp_path, 10, 1),
        lambda: torch_system(str(tmp_path), threads=1),
    ]
    for call in calls:
        with pytest.raises(_ToldError) as told:
            call()
        assert told.value.args == (torch.device("cuda", 3),)


@pytest.mark.usefixtures("gpus")
def test_a_process_group_is_made_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a launcher shows each process its own GPU, the second one has no `cuda:1`."""
    from onepass.pipeline import meeting
    from onepass.pipeline.processes import Place, Team

    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: _tell(device=device))
    monkeypatch.setattr(meeting, "_interface", lambda _: None)
    team = Team(Place(1, 2, 1, 2))
    team.links[0] = type("Connected", (), {"own_address": ""})()  # type: ignore[assignment]
    with pytest.raises(_ToldError) as told:
        meeting._make_group(team, None)
    assert told.value.args == (torch.device("cuda", 0),)
