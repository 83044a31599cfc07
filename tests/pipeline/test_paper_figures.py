"""The paper's figures of a finished run."""

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from onepass.decoding.translator import Translator
from onepass.display import Display
from onepass.errors import DataError, UsageError
from onepass.evaluation.paper_figures import training_curves
from onepass.evaluation.quality import measure
from onepass.pipeline.figures import draw_figures
from onepass.pipeline.records import append_record
from onepass.text.lines import read_lines
from tiny_run import call, copy_of_run, finished_run

NAMES = ("fertilities", "samples", "training")


def draw(run: Path, to: Path, *, candidates: int = 20, text: str | None = None) -> dict[str, Any]:
    draw_figures(run, to, 3, candidates, text, Display(quiet=True), command="onepass figures")
    return {name: json.loads((to / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}


def test_a_run_gives_three_figures_with_their_numbers(tmp_path: Path) -> None:
    data = draw(finished_run(), tmp_path)
    for name in NAMES:
        image = imread(tmp_path / f"{name}.png")
        assert 0.005 < (image[..., :3].min(axis=-1) < 0.9).mean() < 0.5
        assert {"command", "seed", "machine", "versions"} <= set(data[name])
    fertilities = data["fertilities"]
    assert fertilities["src"] == read_lines(finished_run() / "prepare/test.src")[0]
    assert sum(fertilities["fertilities"]) == len(fertilities["tgt_pieces"])
    curves = data["training"]["stages"]
    assert {name: (curve["base"], curve["updates"]) for name, curve in curves.items()} == {
        "teacher": (None, [2, 4, 6]),
        "student": (None, [2, 4, 6]),
        "finetune": ("student", [2, 4, 6]),
    }


def test_the_curve_is_noisy_parallel_decoding_and_the_oracle_is_above_it(tmp_path: Path) -> None:
    run = finished_run()
    data = draw(run, tmp_path)["samples"]
    assert data["candidates"] == [1, 2, 5, 10, 20]
    src, ref = (read_lines(run / f"prepare/dev.{side}")[:3] for side in ("src", "tgt"))
    for n, bleu in zip(data["candidates"], data["curves"]["chosen by the teacher"], strict=True):
        translator = Translator.load(run / "finetune", teacher=run / "teacher", num_candidates=n)
        hyp = [t.text for t in translator.translate(src)]
        assert bleu == pytest.approx(measure(hyp, ref, bootstrap_samples=0).bleu, abs=0.005)
    levels = data["levels"]
    assert levels["argmax"]["bleu"] == data["curves"]["chosen by the teacher"][0]
    assert [(name, level["role"]) for name, level in levels.items()] == [
        ("argmax", "student"),
        ("average", "student"),
        ("teacher greedy", "teacher"),
        ("teacher beam 4", "teacher"),
    ]


def test_the_oracle_never_chooses_a_sentence_that_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reference among the candidates, the oracle finds it and the teacher need not."""
    ref = read_lines(finished_run() / "prepare/dev.tgt")[:3]
    texts = [["so nicht", target, "auch so nicht"] for target in ref]
    monkeypatch.setattr(
        "onepass.pipeline.figures._candidates", lambda *_: ((three, [2.0, 1.0, 0.0]) for three in texts)
    )
    curves = draw(finished_run(), tmp_path, candidates=3)["samples"]["curves"]
    assert curves["oracle: best sentence BLEU"][1:] == [100.0, 100.0]
    assert curves["chosen by the teacher"] == [0.0, 0.0, 0.0]


def test_the_command_draws_a_sentence_of_ones_own(tmp_path: Path) -> None:
    done = call(
        "figures", finished_run(), "--sentences", 2, "--candidates", 3, "--text", "Good day", "--to", tmp_path
    )
    assert done.code == 0, done.err
    assert done.out.split() == [word for n in NAMES for word in ("Figure:", str(tmp_path / f"{n}.png"))]
    assert json.loads((tmp_path / "fertilities.json").read_text())["src"] == "Good day"


def test_what_cannot_be_drawn_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run directory"):
        draw(tmp_path, tmp_path)
    with pytest.raises(UsageError, match="nothing to translate"):
        draw(finished_run(), tmp_path / "to", text=" ")
    run = copy_of_run(tmp_path, until="student")
    with pytest.raises(DataError, match="finetune is not finished"):
        draw(run, tmp_path / "to")


def test_a_damaged_record_names_its_line(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path)
    append_record(run / "metrics.jsonl", {})
    lines = len(read_lines(run / "metrics.jsonl"))
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(DataError, match=rf"line {lines + 1}"):
        draw(run, tmp_path / "to")


def test_any_number_of_students_has_its_curves(tmp_path: Path) -> None:
    points = {name: [1, 2] for name in ("updates", "seconds", "dev_loss", "dev_bleu")}
    curve = {"base": None, **points}
    for number in (1, 30):
        stages = {"teacher": curve, **{f"student-{i}": curve for i in range(number)}}
        training_curves({"name": "many", "stages": stages}, tmp_path / "many.png")
        assert imread(tmp_path / "many.png").ndim == 3
