"""A run does each stage once, and again exactly when what the stage read has changed."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from onepass.errors import DataError, UsageError
from onepass.pipeline.plan import plan
from onepass.pipeline.stage import is_done
from onepass.recipe import load_recipe
from onepass.runtime.cores import available_cores
from tiny_run import (
    STAGES,
    assert_clear_error,
    call,
    copy_of_run,
    finished_run,
    outputs,
    run,
    start,
    tiny_recipe,
    write_recipe,
)


def to_do(recipe_directory: Path, directory: Path, *settings: str) -> set[str]:
    """The stages whose own input has changed."""
    recipe = tiny_recipe(recipe_directory, *settings)
    return {stage.name for stage in plan(recipe) if not is_done(stage, directory)}


def test_a_run_leaves_every_stage_and_its_record() -> None:
    directory = finished_run()
    assert set(outputs(directory)) == set(STAGES)
    assert not list((directory / ".partial").iterdir())
    scratch = ("checkpoint.pt", "kept-", "shards", "ctranslate2", ".partial", "fingerprint")
    kept = [p for s in STAGES for p in (directory / s).rglob("*") if p.name.startswith(scratch)]
    trained = ("teacher", "student", "finetune")
    assert {p.parent for p in kept} == {directory / stage / "state" for stage in trained}
    for stage in trained:  # of the two best validations
        names = sorted(path.name.partition("-")[0] for path in (directory / stage / "state").iterdir())
        assert names == ["checkpoint.pt", "kept", "kept"]
    assert load_recipe(directory.parent / "tiny.toml").to_json() == (directory / "recipe.json").read_text()
    for stage in ("teacher", "student", "finetune"):
        records = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
        updates = [r["update"] for r in records if r["stage"] == stage and "loss" in r]
        assert updates == [1, 2, 3, 4, 5, 6]
        validations = [r for r in records if r["stage"] == stage and "dev_bleu" in r]
        assert [r["update"] for r in validations] == [2, 4, 6]
        assert all(len(r["samples"]) == 3 for r in validations)


def test_a_run_measures_every_system() -> None:
    directory = finished_run() / "evaluate"
    results = json.loads((directory / "results.json").read_text())
    names = [system["name"] for system in results["systems"]]
    assert names == [
        "teacher greedy",
        "teacher beam 4",
        "teacher greedy, CTranslate2",
        "NAT argmax",
        "NAT + FT argmax",
        "NAT + FT argmax, ONNX int8",
        "NAT + FT argmax, ONNX float32",
        "NAT + FT average",
        "NAT + FT NPD 3",
    ]
    assert {path.name for path in (directory / "translations").iterdir()} == {
        f"{name.replace(' ', '-').replace(',', '')}.txt" for name in names
    }
    for path in (directory / "translations").iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) == results["test_sentences"] == 5
    assert results["training"].keys() == {"teacher", "student", "finetune"}
    assert (directory / "samples.txt").read_text(encoding="utf-8").count("\nhyp ") == 5
    assert "NAT + FT NPD 3" in (directory / "table.md").read_text(encoding="utf-8")


def test_a_second_run_skips_every_stage(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    before = outputs(directory)
    log = run(tiny_recipe(tmp_path), directory)
    assert (log.up_to_date, log.run) == (list(STAGES), [])
    assert outputs(directory) == before


@pytest.mark.parametrize(
    ("setting", "stages"),
    [
        ("name=other", set()),
        ("data.filters.max_words=50", {"prepare"}),
        ("data.filters.max_tokens=100", {"prepare", "align"}),
        ("data.augment.unpunctuated=0.5", {"prepare"}),
        ("tokenizer.joint=false", {"prepare"}),
        ("teacher.training.max_updates=9", {"teacher"}),
        ("teacher.model.dropout=0.2", {"teacher", "student", "finetune"}),
        ("distill.beam_size=2", {"distill"}),
        ("align.iterations=3", {"align"}),
        ("student.dropout=0.2", {"student", "finetune"}),
        ("student.finetune.weight=0.5", {"finetune"}),
        ("variants.kd.finetune.reinforce=false", {"finetune-kd", "evaluate"}),
        ("evaluate.bootstrap_samples=20", {"evaluate"}),
        ("seed=2", {"prepare", "teacher", "student", "finetune", "evaluate"}),
        ("variants.raw.distilled=false", {"align-raw", "student-raw", "finetune-raw", "evaluate"}),
        ("variants.raw={distilled = false, finetune = false}", {"align-raw", "student-raw", "evaluate"}),
        ("student.distilled=false", {"align-raw", "student", "finetune", "evaluate"}),
    ],
)
def test_a_changed_setting_is_new_input_of_the_stages_that_read_it(setting: str, stages: set[str]) -> None:
    directory = finished_run()
    assert to_do(directory.parent, directory, setting) == stages


def test_augmenting_changes_the_training_pairs_alone(tmp_path: Path) -> None:
    plain = finished_run() / "prepare"
    recipe = tiny_recipe(tmp_path, "data.augment.unpunctuated=1.0")
    run(recipe, tmp_path / "run", until="prepare")
    augmented = tmp_path / "run/prepare"
    before, after = (
        (path / "train.src").read_text(encoding="utf-8").splitlines() for path in (plain, augmented)
    )
    assert before != after == [line.rstrip(".!?") for line in before]
    for path in plain.iterdir():
        if not path.name.startswith("train.") and path.name != "stage.json":
            assert path.read_bytes() == (augmented / path.name).read_bytes()
    assert len((augmented / "train.src.lengths").read_bytes()) == 4 * len(after)
    assert {path.name for path in augmented.iterdir()} == {path.name for path in plain.iterdir()}


def test_phrases_join_the_training_pairs_after_the_subwords_are_learnt(tmp_path: Path) -> None:
    plain = finished_run() / "prepare"
    tiny_recipe(tmp_path)  # writes the corpus
    phrases = tmp_path / "phrases.tsv"
    phrases.write_text("Goodbye!\tAuf Wiedersehen!\n\t\nCheers!\tProst!\n", encoding="utf-8")
    settings = (f"data.phrases={phrases}", "data.phrase_repeats=3")
    run(tiny_recipe(tmp_path, *settings), tmp_path / "run", until="distill")
    prepared = tmp_path / "run/prepare"
    for side, lines in (("src", ["Goodbye!", "Cheers!"]), ("tgt", ["Auf Wiedersehen!", "Prost!"])):
        before, after = (
            (path / f"train.{side}").read_text(encoding="utf-8").splitlines() for path in (plain, prepared)
        )
        assert after == before + lines * 3
        taught = (tmp_path / f"run/distill/train.{side}").read_text(encoding="utf-8").splitlines()
        assert taught[-6:] == lines * 3  # not what the teacher makes of them
        assert side == "tgt" or not set(taught[:-6]) & set(lines)
    for name in ("joint.model", "dev.src", "dev.src.ids", "filters.json"):
        assert (plain / name).read_bytes() == (prepared / name).read_bytes()
    assert "prepare" not in to_do(tmp_path, tmp_path / "run", *settings)
    phrases.write_text("Goodbye!\tTschüss!\n", encoding="utf-8")
    assert "prepare" in to_do(tmp_path, tmp_path / "run", *settings)


def test_a_changed_corpus_is_new_input(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    assert to_do(tmp_path, directory) == set()
    with open(tmp_path / "corpus/dev.de", "a") as file:
        file.write("\n")
    assert to_do(tmp_path, directory) == {"prepare"}


def test_a_changed_setting_runs_the_stages_behind_it_again(tmp_path: Path) -> None:
    """In processes of their own, as the finished run was: the last bits depend on what ran before."""
    directory = copy_of_run(tmp_path)
    before = outputs(directory)
    command = ("run", tmp_path / "tiny.toml", "--to", directory)
    done = call(*command, "--set", "student.training.max_updates=4")
    assert done.code == 0, done.err
    after = outputs(directory)
    changed = {stage for stage in STAGES if before[stage] != after[stage]}
    assert changed == {"student", "finetune", "evaluate"}
    done = call(*command)
    assert done.code == 0, done.err
    assert done.err.count("up to date") == 4
    assert outputs(directory) == before  # and back


@pytest.mark.skipif(available_cores() == 1, reason="one core: nothing would use another number")
def test_a_run_leaves_the_number_of_threads_as_it_was(tmp_path: Path) -> None:
    """A second run in the same process would otherwise train on other threads and to other bytes."""
    assert torch.get_num_threads() == 1  # conftest.py
    run(tiny_recipe(tmp_path), tmp_path / "run")
    assert torch.get_num_threads() == 1


def test_a_stage_that_writes_the_same_again_ends_the_repetition(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    log = run(tiny_recipe(tmp_path, "distill.shard_lines=7"), directory)
    assert log.run == ["distill"]
    assert log.up_to_date == ["prepare", "teacher", "align", "student", "finetune", "evaluate"]


def test_until_ends_a_run_and_from_does_a_stage_again(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    directory = tmp_path / "run"
    assert run(recipe, directory, until="prepare").run == ["prepare"]
    assert [path.name for path in directory.glob("*/stage.json")] == ["stage.json"]
    assert run(recipe, directory, until="prepare").run == []
    assert run(recipe, directory, until="prepare", start="prepare").run == ["prepare"]


def test_unknown_stages_and_an_empty_range_are_usage_errors(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    with pytest.raises(UsageError, match="--until"):
        run(recipe, tmp_path / "run", until="export")
    with pytest.raises(UsageError, match="--from"):
        run(recipe, tmp_path / "run", start="students")
    with pytest.raises(UsageError, match="--from"):
        run(recipe, tmp_path / "run", start="align", until="teacher")
    assert not (tmp_path / "run").exists()
    done = call("run", tmp_path / "tiny.toml", "--to", tmp_path / "run", "--until", "export")
    assert_clear_error(done, 2, "--until", "export", "evaluate")


def test_a_run_directory_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="directory"):
        run(tiny_recipe(tmp_path), tmp_path / "run")


def test_a_run_can_be_moved_without_its_corpus(tmp_path: Path) -> None:
    copy_of_run(tmp_path / "here")
    shutil.rmtree(tmp_path / "here/corpus")
    os.rename(tmp_path / "here", tmp_path / "there")
    recipe = load_recipe(tmp_path / "there/tiny.toml")
    log = run(recipe, tmp_path / "there/run")
    assert log.up_to_date == list(STAGES)


def test_a_stage_that_needs_the_corpus_says_that_it_is_gone(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    shutil.rmtree(directory / "prepare")
    (tmp_path / "corpus/train.de").unlink()
    with pytest.raises(DataError, match=r"train\.de"):
        run(tiny_recipe(tmp_path), directory)


def test_a_damaged_record_is_a_data_error(tmp_path: Path) -> None:
    directory = copy_of_run(tmp_path)
    (directory / "teacher/stage.json").write_text('{"fingerprint": ')
    with pytest.raises(DataError, match="teacher"):
        run(tiny_recipe(tmp_path), directory)


def test_two_runs_do_not_share_a_directory(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    command = ("run", recipe, "--to", tmp_path / "run", "--until", "prepare")
    first = start(*command)
    try:
        assert first.wait_until((tmp_path / "run/.partial/prepare").exists)
        os.kill(first.pid, signal.SIGSTOP)
        assert_clear_error(call(*command), 2, "Another process", "--to")
        os.kill(first.pid, signal.SIGCONT)
        assert first.wait().code == 0
    finally:
        first.process.kill()
    assert call(*command).code == 0


def test_only_evaluations_take_part_in_a_bench_of_other_settings(tmp_path: Path) -> None:
    done = call("bench", finished_run(), "--to", tmp_path, "--set", "teacher.model.width=32")
    assert_clear_error(done, 2, "teacher.model.width", "evaluate.")
