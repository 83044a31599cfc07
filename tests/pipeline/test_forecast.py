"""The plan of a run: every stage that takes time, with the parameters and tokens it will really have."""

import json
from pathlib import Path

from onepass.pipeline.forecast import measure_corpus, plan_run, render_plan
from onepass.pipeline.plan import plan
from onepass.text.tokenizer import Tokenizer
from tiny_run import call, finished_run, tiny_recipe


def test_every_stage_that_takes_time_is_in_the_plan(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, "variants.raw.distilled=false", "variants.back.back_translations=3")
    planned = plan_run(recipe, probe_seconds=0.0)
    assert {e.stage for e in planned.estimates} == {s.name for s in plan(recipe)} - {"prepare", "evaluate"}
    assert all(e.hours > 0 and e.disk_bytes > 0 for e in planned.estimates)
    assert planned.memory_bytes > 1e8
    text = "\n".join(render_plan(planned))
    assert all(e.stage in text for e in planned.estimates)


def test_parameters_and_tokens_are_those_of_the_run(tmp_path: Path) -> None:
    run = finished_run()
    vocabulary = Tokenizer.load(run / "prepare").src_size
    planned = plan_run(tiny_recipe(tmp_path, f"tokenizer.vocab_size={vocabulary}"), probe_seconds=0.0)
    found = {e.stage: e for e in planned.estimates}
    for stage in ("teacher", "student", "finetune"):
        trained = json.loads((run / stage / "training.json").read_text())
        assert found[stage].parameters == trained["parameters"]
        assert found[stage].tokens == 6 * 600
    assert measure_corpus(tiny_recipe(tmp_path)).pairs == 40


def test_the_command_writes_nothing(tmp_path: Path) -> None:
    tiny_recipe(tmp_path)
    done = call("run", tmp_path / "tiny.toml", "--to", tmp_path / "run", "--plan")
    assert done.code == 0, done.err
    assert "together, at most" in done.out
    assert not (tmp_path / "run").exists()
