"""The ablation: the paper's twelve rows, sharing what they share, resumable, scored."""

import json
from pathlib import Path

from onepass.pipeline.ablate import ROWS, ablation_recipe, run_ablation, trained_stages
from onepass.pipeline.inventory import one_pass_models
from onepass.pipeline.plan import plan
from tiny_run import Log, call, copy_of_run, tiny_recipe


def test_the_rows_share_what_they_have_in_common(tmp_path: Path) -> None:
    recipe = ablation_recipe(tiny_recipe(tmp_path))
    stages = [stage.name for stage in plan(recipe)]
    assert len(stages) == len(set(stages))
    corpora = [name for name in stages if name.startswith(("distill", "align"))]
    assert sorted(corpora) == ["align", "align-beam4", "align-raw", "distill", "distill-beam4"]
    models = one_pass_models(recipe)
    assert {"teacher", *models} == {name for name in stages if name not in corpora} - {"prepare", "evaluate"}
    assert sum(model.base is None for model in models.values()) == 7
    trained = trained_stages(recipe)
    assert len(set(trained.values())) == len(ROWS) == 12
    assert set(trained.values()) == set(models)
    assert (trained["fertility"], trained["kd-bp-rl"]) == ("student", "finetune")
    assert models[trained["uniform-kd-bp"]].base == models[trained["uniform"]]
    assert all(models[trained[name]].base == models["student"] for name in ("rl", "bp", "kd-bp", "kd-bp-rl"))


def test_a_recipe_that_distills_by_beam_search_has_its_greedy_rows_too(tmp_path: Path) -> None:
    recipe = ablation_recipe(tiny_recipe(tmp_path, "distill.beam_size=4"))
    names = {stage.name for stage in plan(recipe)}
    assert {"distill", "distill-beam1"} <= names
    assert "distill-beam4" not in names


def test_an_ablation_trains_what_is_missing_and_scores_every_row(tmp_path: Path) -> None:
    run = copy_of_run(tmp_path)
    log = Log()
    run_ablation(tiny_recipe(tmp_path), run, display=log, command="onepass ablate")
    assert log.up_to_date == ["prepare", "teacher", "distill", "align", "student", "finetune"]
    results = json.loads((run / "ablation/ablation.json").read_text())
    assert [row["name"] for row in results["rows"]] == [row.name for row in ROWS]
    assert all(0 <= row["bleu"] <= 100 and 0 <= row["bleu_of_teacher"] <= 100 for row in results["rows"])
    table = (run / "ablation/ablation.md").read_text().splitlines()
    assert len(table) == 2 + len(ROWS)
    assert "26.52" in table[-1]
    done = call("ablate", tmp_path / "tiny.toml", "--to", run)
    assert done.code == 0, done.err
    assert done.err.count("up to date") == len(log.up_to_date) + len(log.run)
    assert done.out.splitlines() == table
