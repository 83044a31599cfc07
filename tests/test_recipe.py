"""Recipes are strict: whatever is wrong in one is an error that names the key."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from onepass.errors import DataError, UsageError
from onepass.evaluation.paper_table import DATA_SETS
from onepass.pipeline.plan import plan
from onepass.recipe import load_recipe, parse_recipe, with_overrides
from onepass.settings import DataSettings, TrainingSettings
from tiny_run import assert_clear_error, call, write_recipe

FOLDER = Path(__file__).parents[1] / "recipes"
RECIPES = sorted(FOLDER.glob("*.toml"))
COMPRESSES = 'variants={{a={{family="ctc"}}, b={{family="ctc", compresses="{}"{}}}}}'


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_of_the_project_load(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert parse_recipe(recipe.to_json(), where="") == recipe


def test_a_setting_that_came_later_is_dumped_only_where_it_is_not_the_default() -> None:
    """So that the stages of runs made before there was the setting stay up to date."""
    assert {"select_by", "cooldown"}.isdisjoint(TrainingSettings().model_dump())
    assert TrainingSettings(cooldown=3).model_dump()["cooldown"] == 3
    sources = {part: {"path": f"{part}.tsv"} for part in ("dev", "test")}
    data = {"src": "en", "tgt": "de", "train": [{"path": "train.tsv"}], **sources}
    assert "augment" not in DataSettings.model_validate(data).model_dump()
    augmented = DataSettings.model_validate(data | {"augment": {"unpunctuated": 0.2}})
    assert augmented.model_dump()["augment"]["unpunctuated"] == 0.2


PAPER = [path for path in RECIPES if path.stem in DATA_SETS]


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_the_commands_in_the_papers_recipes_fit_the_number_of_processes(path: Path) -> None:
    comments = "\n".join(
        line.removeprefix("#") for line in path.read_text().splitlines() if line.startswith("#")
    )
    commands = [
        shlex.split(line) for line in comments.replace("\\\n", " ").splitlines() if str(path.name) in line
    ]
    assert [words[0] for words in commands] == ["onepass", "torchrun", "torchrun"]
    for words, processes in zip(commands, (1, 8, 16), strict=True):
        assert f"recipes/{path.name}" in words
        if processes > 1:
            nodes = int(words[words.index("--nnodes") + 1]) if "--nnodes" in words else 1
            assert nodes * int(words[words.index("--nproc-per-node") + 1]) == processes
        settings = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        recipe = load_recipe(path, settings)
        assert recipe.student.finetune is not None
        for training in (recipe.teacher.training, recipe.student.training, recipe.student.finetune.training):
            assert training.accumulate % processes == 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_says_where_a_stranger_gets_its_data(path: Path, tmp_path: Path) -> None:
    """Its files are here or on the hub, or the error of a run that misses them names the places."""
    here = Path(shutil.copytree(FOLDER, tmp_path / "a/recipes"))
    recipe = load_recipe(here / path.name)
    assert recipe.data.origin
    made = all(origin.startswith("made:") for origin in recipe.data.origin)
    preparing = next(stage for stage in plan(recipe) if stage.name == "prepare")
    assert preparing.files is not None
    sources = [s.path for name in (*DataSettings.CORPORA, "mono") for s in getattr(recipe.data, name)]
    on_hub = {source for source in sources if source.startswith("hf:")}
    if made or on_hub:
        assert preparing.files() or on_hub
        assert on_hub <= set(recipe.data.origin)
        return
    with pytest.raises(DataError) as error:
        preparing.files()
    for origin in recipe.data.origin:
        assert origin.removeprefix("own:") in str(error.value)
    assert str(tmp_path) in str(error.value.where)


def test_where_data_come_from_makes_no_stage_anew(recipe_path: Path) -> None:
    plain, said = (
        load_recipe(recipe_path),
        load_recipe(recipe_path, ["data.origin=https://example.org/a.zip"]),
    )
    assert said.data.origin == ("https://example.org/a.zip",)
    assert [stage.settings for stage in plan(plain)] == [stage.settings for stage in plan(said)]


@pytest.mark.parametrize("origin", ["somewhere", "hf:", "mtdata:a b", "ftp://x", "made:"])
def test_an_origin_has_one_of_four_forms(origin: str, recipe_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.origin"):
        load_recipe(recipe_path, [f"data.origin={origin}"])


def test_there_is_a_recipe_for_each_direction_of_the_paper() -> None:
    assert {path.stem for path in PAPER} == set(DATA_SETS)


def test_a_recipe_comes_back_from_json(recipe_path: Path) -> None:
    settings = ["variants.raw.distilled=false", 'data.train=["a.tsv", {path="hf:./x", columns=["1","2"]}]']
    recipe = load_recipe(recipe_path, settings)
    assert parse_recipe(recipe.to_json(), where="") == recipe
    assert recipe.students()["raw"].distilled is False


def test_a_variant_can_be_left_out(recipe_path: Path) -> None:
    settings = ["variants.raw.distilled=false", "variants.uniform.copy_source=uniform", "variants.raw=false"]
    recipe = load_recipe(recipe_path, settings)
    assert parse_recipe(recipe.to_json(), where="") == recipe
    assert list(recipe.students()) == [None, "uniform"]


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "r.toml"
    path.write_text(
        '[data]\nsrc = "en"\ntgt = "de"\ntrain = "~/train.{lang}"\ndev = "hf:~/dev"\ntest = "~x.{lang}"\n'
    )
    data = load_recipe(path).data
    assert data.train[0].path == f"{tmp_path}/home/train.{{lang}}"
    assert data.dev[0].path == f"hf:{tmp_path}/home/dev"
    assert data.test[0].path == f"{tmp_path}/~x.{{lang}}"


def test_paths_are_relative_to_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recipe(tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    settings = ['data.dev="hf:./set"', 'data.test=["hf:org/name", "phrasebook", "../x.tsv"]']
    data = load_recipe(Path("recipes/tiny.toml"), settings).data
    assert data.train[0].path == str(tmp_path / "recipes/corpus/train.{lang}")
    assert data.dev[0].path == f"hf:{tmp_path}/recipes/set"
    assert [source.path for source in data.test] == ["hf:org/name", "phrasebook", str(tmp_path / "x.tsv")]


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("bogus=1", "bogus"),
        ("teacher.model.widht=64", "teacher.model.widht"),
        ("teacher.model.width='64'", "teacher.model.width"),
        ("teacher.model.width=64.0", "teacher.model.width"),
        ("teacher.model.heads=3", "not a multiple of heads 3"),
        ("student.distilled=False", "student.distilled"),
        ("student.copy_source=random", "student.copy_source"),
        ("student.training.label_smoothing=1", "student.training.label_smoothing"),
        ("student.training.learning_rate=nan", "student.training.learning_rate"),
        ("data.filters.max_length_ratio=0.5", "data.filters.max_length_ratio"),
        ("data.train=[]", "data.train"),
        ("data.train.path=x", "data.train.path=x"),
        ("tokenizer.vocab_size=100000", "tokenizer.vocab_size"),
        ("evaluate.num_candidates=10", "evaluate.num_candidates"),
        ("evaluate.num_candidates=[0]", "evaluate.num_candidates"),
        ("evaluate.num_candidates=[10, 10]", "evaluate.num_candidates"),
        ("seed=1979-05-27", "seed"),
        ("name='two words'", "name"),
        ("variants.raw.distiled=false", "variants.raw.distiled"),
        ("variants.raw.training.warmup=0", "variants.raw.training.warmup"),
        ("variants.Raw.distilled=false", "variants.Raw"),
        ("variants.raw=1", "variants.raw"),
        (COMPRESSES.format("none", ""), "variants.b.compresses: no variant 'none' is before it"),
        (COMPRESSES.format("b", ""), "no variant 'b' is before it"),
        (COMPRESSES.format("a", ", slots=3"), "a is not a ctc student of 3 slots"),
        (COMPRESSES.format("a", ", ffn_width=64"), "variants.b.ffn_width: a has but 32"),
        (COMPRESSES.format("a", ", attend_to='layerwise'"), "variants.b.attend_to: a has 'top'"),
        (COMPRESSES.format("a", ", glancing=[0.5, 0.3]"), "glancing means nothing"),
        ("student.compresses=a", "compresses means nothing for the family fertility"),
        ("no-equals-sign", "no-equals-sign"),
        ("=1", "=1"),
        ("teacher.model.=1", "teacher.model."),
    ],
)
def test_a_bad_setting_is_an_error_that_names_it(recipe_path: Path, setting: str, word: str) -> None:
    with pytest.raises(UsageError) as error:
        load_recipe(recipe_path, [setting])
    assert word in str(error.value)
    assert "pydantic" not in str(error.value)


def test_every_problem_is_named_at_once(recipe_path: Path) -> None:
    with pytest.raises(UsageError, match=r"2 problem.*distill.engine.*align.iterations"):
        load_recipe(recipe_path, ["distill.engine=moses", "align.iterations=0"])


def test_a_section_may_be_missing_but_not_the_data(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("seed = 2\n")
    with pytest.raises(UsageError, match="data: Field required"):
        load_recipe(path)


def test_settings_are_toml_or_else_bare_strings(recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path, ["seed=7", "distill.engine=torch", "evaluate.num_candidates=[2, 5]"])
    assert (recipe.seed, recipe.distill.engine, recipe.evaluate.num_candidates) == (7, "torch", (2, 5))


def test_overrides_of_a_loaded_recipe_keep_the_rest(recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path)
    changed = with_overrides(recipe, ["evaluate.rounds=9"], where="--set")
    assert changed.evaluate.rounds == 9
    assert json.loads(changed.to_json())["teacher"] == json.loads(recipe.to_json())["teacher"]


@pytest.mark.parametrize(
    "content", [None, b"[data", b"name = '\xff'\n"], ids=["missing", "no TOML", "no UTF-8"]
)
def test_a_file_that_is_no_recipe_is_a_usage_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        load_recipe(path)
    assert "bad.toml" in str(error.value)


def test_the_command_line_ends_with_2(tmp_path: Path, recipe_path: Path) -> None:
    done = call("run", recipe_path, "--to", tmp_path / "run", "--set", "teacher.model.widht=1")
    assert_clear_error(done, 2, "teacher.model.widht")
    assert_clear_error(call("run", tmp_path / "absent.toml"), 2, "absent.toml")
    assert not (tmp_path / "run").exists()
