"""A stage's attempt: which one is gone on with, and which one other processes may join."""

from dataclasses import replace
from pathlib import Path

from onepass.pipeline.stage import Stage, begin, finish, has_begun, is_done, read_record

STAGE = Stage("work", (), {"size": 1}, run=lambda context: None)


def test_an_attempt_of_other_settings_is_not_joined_and_makes_way(tmp_path: Path) -> None:
    assert not has_begun(STAGE, tmp_path)
    directory = begin(STAGE, tmp_path)
    (directory / "half").touch()
    assert has_begun(STAGE, tmp_path)
    assert begin(STAGE, tmp_path) == directory
    assert (directory / "half").exists()
    changed = replace(STAGE, settings={"size": 2})
    assert not has_begun(changed, tmp_path)
    assert begin(changed, tmp_path) == directory
    assert not (directory / "half").exists()
    assert has_begun(changed, tmp_path)
    assert not has_begun(STAGE, tmp_path)


def test_a_finished_stage_has_a_record_and_no_attempt(tmp_path: Path) -> None:
    assert read_record(tmp_path / "work") is None
    (tmp_path / "file").touch()
    assert read_record(tmp_path / "file") is None
    (begin(STAGE, tmp_path) / "made").touch()
    finish(STAGE, tmp_path, seconds=1.0, scratch=())
    assert is_done(STAGE, tmp_path)
    assert not has_begun(STAGE, tmp_path)
    assert not is_done(replace(STAGE, settings={"size": 2}), tmp_path)
