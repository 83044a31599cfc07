"""Corpora of a hub: a run knows which commit it has read, and reads that one again."""

import json
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from huggingface_hub import constants

from fake_hub import FakeHub, Repository, fake_hub
from onepass.corpora import huggingface
from onepass.corpora.huggingface import commits
from onepass.display import Display
from onepass.errors import DataError
from onepass.pipeline.run import run_recipe
from onepass.recipe import Recipe
from onepass.settings import CorpusSource
from tiny_run import corpus_pairs, tiny_recipe

NAME = "user/pairs"
AS_COLUMNS = '{path="hf:user/pairs%s",columns=["en","de"]}'


def as_json(count: int) -> bytes:
    rows = (json.dumps({"en": src, "de": tgt}) for src, tgt in corpus_pairs(count))
    return "".join(f"{row}\n" for row in rows).encode()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    datasets.disable_progress_bars()
    with fake_hub() as hub:
        hub.repositories[f"datasets/{NAME}"] = Repository()
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.endpoint)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        huggingface._commit.cache_clear()
        yield hub
    huggingface._commit.cache_clear()


def commit(hub: FakeHub, lines: int) -> str:
    """Another content; what a new process then sees."""
    huggingface._commit.cache_clear()
    return hub.repositories[f"datasets/{NAME}"].commit("main", {"train.jsonl": as_json(lines)})


def prepare(recipe: Recipe, run: Path, until: str = "prepare") -> dict:
    run_recipe(recipe, run, until=until, display=Display(quiet=True), command="")
    return json.loads((run / "prepare/stage.json").read_text())


def recipe_of(folder: Path, revision: str = "") -> Recipe:
    return tiny_recipe(folder, f"data.train={AS_COLUMNS % revision}", "teacher.training.max_updates=2")


def test_a_stage_knows_the_commit_that_it_has_read_and_is_done_again_for_another(
    hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, run = commit(hub, 40), tmp_path / "run"
    recipe = recipe_of(tmp_path)
    record = prepare(recipe, run, until="teacher")
    assert record["reads"]["revisions"] == [f"hf:{NAME}@{first}"]
    bundle = json.loads((run / "teacher/bundle.json").read_text())
    assert bundle["provenance"]["datasets"] == [f"hf:{NAME}@{first}"]
    assert prepare(recipe, run)["finished"] == record["finished"]
    second = commit(hub, 30)
    run_recipe(recipe, run, until="prepare", display=Display(), command="")
    assert (
        f"prepare is done again: hf:{NAME} is at another revision, {second[:12]}" in capsys.readouterr().err
    )
    again = json.loads((run / "prepare/stage.json").read_text())
    assert again["reads"]["revisions"] == [f"hf:{NAME}@{second}"]
    assert len((run / "prepare/train.src").read_text().splitlines()) < 40


def test_a_pinned_commit_is_read_whatever_comes_after_it(hub: FakeHub, tmp_path: Path) -> None:
    first = commit(hub, 40)
    record = prepare(recipe_of(tmp_path), tmp_path / "run")
    commit(hub, 30)
    pinned = prepare(recipe_of(tmp_path, f"@{first}"), tmp_path / "run")
    assert pinned["finished"] == record["finished"]  # to name it is no other content
    assert prepare(recipe_of(tmp_path, f"@{first}"), tmp_path / "new")["output"] == record["output"]


def test_a_run_goes_on_where_the_hub_cannot_be_asked(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, recipe = commit(hub, 40), recipe_of(tmp_path)
    record = prepare(recipe, tmp_path / "run")
    huggingface._commit.cache_clear()
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert commits(recipe.data.train) == [f"hf:{NAME}@{first}"]  # of its cache
    with pytest.raises(DataError, match=f"another revision(.|\n)*{first}"):
        commits([CorpusSource(path=f"hf:{NAME}@{'0' * 40}")])
    huggingface._commit.cache_clear()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "empty")
    with pytest.raises(DataError, match="network"):
        commits(recipe.data.train)
    assert prepare(recipe, tmp_path / "run")["finished"] == record["finished"]


def test_a_run_of_an_older_version_which_noted_no_commit_is_left_as_it_is(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(hub, 40)
    with monkeypatch.context() as older:
        older.setattr("onepass.pipeline.plan.commits", lambda _: [])
        record = prepare(recipe_of(tmp_path), tmp_path / "run")
    assert "revisions" not in record["reads"]
    assert prepare(recipe_of(tmp_path), tmp_path / "run")["finished"] == record["finished"]
