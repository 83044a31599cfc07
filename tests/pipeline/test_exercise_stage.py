"""The stage of exercises: every kind is made, shown to the teacher, checked and counted."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_context import context_for

from onepass.corpora.exercises import KINDS
from onepass.pipeline import exercises
from onepass.pipeline.plan import plan
from onepass.recipe import Recipe, load_recipe

RECIPE = """
[data]
src = "en"
tgt = "pt"
mono = "a.en"
held_out = 3

[teacher]
from = "teacher"

[distill]
exercises = 20

[student]
family = "ctc"
"""
WORDS = {"very": "muito", "big": "grande", "brown": "castanho", "dog": "cão", "the": "o", "barks": "ladra"}
WORDS |= {"here": "aqui", "good": "bom", "morning": "dia", "now": "agora"}
WORDS |= {"at": "às", "by": "até", "until": "até", "after": "desde", "since": "desde", "is": "são"}
SENTENCES = [
    "The very big brown dog barks here.",
    "The dog barks here now.",
    "Good morning!",
    "the brown dog",
]


def translated(line: str) -> str:
    """Word by word; like a teacher, it leaves words in capitals as they are."""
    found = "".join(part for part in line if part.isalnum() or part in " ,:").replace(",", " ,")
    text = " ".join(WORDS.get(word.lower(), word) if not word.isupper() else word for word in found.split())
    mark = line[-1] if line[-1] in ".!" else ""
    return (text[0].upper() + text[1:] if line[0].isupper() else text).replace(" ,", ",") + mark


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *changes: str) -> tuple[Path, list[str]]:
    """The directory of the stage, and all that the teacher saw."""
    seen: list[str] = []

    def engine(lines: Sequence[str]) -> list[str]:
        seen.extend(lines)
        return [translated(line) for line in lines]

    monkeypatch.setattr(exercises, "make_engine", lambda *_: engine)
    (tmp_path / "a.toml").write_text(RECIPE)
    (tmp_path / "prepare").mkdir()
    (tmp_path / "prepare" / "mono.src").write_text("".join(f"{line}\n" for line in SENTENCES * 20))
    inputs = {"prepare": tmp_path / "prepare", "teacher": tmp_path / "teacher"}
    recipe = load_recipe(tmp_path / "a.toml", changes)
    context = context_for(recipe, tmp_path / "exercises", inputs)
    exercises.exercise(context)
    return context.directory, seen


def test_every_kind_is_shown_to_the_teacher_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, seen = made(tmp_path, monkeypatch)
    counts = json.loads((directory / "exercises.json").read_text())
    assert list(counts) == [name for kind in KINDS[1:] for name in (kind, f"{kind} kept")]
    assert all(counts[f"{kind} kept"] == counts[kind] == 20 for kind in ("capitals", "Title Case"))
    assert all(20 >= counts[kind] >= counts[f"{kind} kept"] > 5 for kind in KINDS[1:])
    src, tgt = ((directory / f"train.{side}").read_text().splitlines() for side in ("src", "tgt"))
    assert len(src) == len(tgt) == sum(counts[f"{kind} kept"] for kind in KINDS[1:])
    pairs = set(zip(src, tgt, strict=True))
    assert ("THE DOG BARKS HERE NOW.", "O CÃO LADRA AQUI AGORA.") in pairs
    assert ("The DOG barks here now.", "O CÃO ladra aqui agora.") in pairs
    assert ("The Dog Barks Here Now.", "O Cão Ladra Aqui Agora.") in pairs
    assert any(pair[0].lower().startswith("good morning") for pair in pairs)
    assert any("half past" in source and " e meia" in target for source, target in pairs)
    assert any("very very" in line.replace(",", "") for line in src)
    assert not any(len(line) > 1 and line.isupper() for line in seen)


def stage_settings(recipe: Recipe) -> dict[str, object]:
    (found,) = [stage.settings for stage in plan(recipe) if stage.name == "exercises"]
    return dict(found)


def test_other_kinds_or_languages_make_the_stage_anew(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "a.toml", ())
    assert stage_settings(recipe)["kinds"] == list(KINDS)
    assert stage_settings(load_recipe(tmp_path / "a.toml", ("data.tgt=es",))) != stage_settings(recipe)
