"""The models that come with the package: they translate, fit, and say whom their licence asks to name."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from onepass import Translator
from onepass.bundle import Bundle
from onepass.cli.options import DEFAULT_MODEL
from onepass.errors import UsageError
from onepass.evaluation.quality import measure
from onepass.pipeline.inventory import one_pass_models
from onepass.recipe import load_recipe
from onepass.runtime.shipped import REMOVED, shipped_models, usual_models
from tiny_run import assert_clear_error, call

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
NEWS = {side: DATA / f"testsets.en-pt/ntrex-br-dev.{side}" for side in ("en", "pt")}
MOST_BYTES = 32_000_000
OF_FIREFOX = (
    'license: "mpl-2.0"',
    "Mozilla",
    "tatoeba.org",
    "SHA-256 of the teacher's files",
    "- Training by recipe",
)


class About(NamedTuple):
    """What is expected of a model: words of its card, its test set, its least BLEU there."""

    words: tuple[str, ...]
    test_set: dict[str, Path]
    least: float


MODELS = {
    "en-pt": About((*OF_FIREFOX, "Princeton WordNet"), NEWS, 29),
    "pt-en": About((*OF_FIREFOX, "Mac-Morpho"), NEWS, 28),
}


def test_every_shipped_model_is_tested() -> None:
    assert shipped_models().keys() == MODELS.keys()


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_fits_and_names_its_sources(name: str) -> None:
    bundle = Bundle.open(shipped_models()[name])
    assert sum((bundle.directory / file).stat().st_size for file in bundle.files) <= MOST_BYTES
    card = (bundle.directory / "README.md").read_text(encoding="utf-8")
    for words in (*MODELS[name].words, "BLEU", "ms p50"):
        assert words in card
    assert bundle.export is not None
    assert bundle.export.measured[0].bleu > MODELS[name].least


def test_the_default_model_translates() -> None:
    translator = Translator.load(DEFAULT_MODEL)
    found = translator.translate(["Where is the station?", "", "The water is very cold."])
    texts = [translation.text for translation in found]
    assert texts == ["Onde está a estação?", "", "A água é muito fria."]
    assert {translation.model for translation in found} == {translator.bundle.fingerprint}


@pytest.mark.parametrize("num_candidates", [1, 4])
def test_the_default_model_understands_what_people_type(num_candidates: int) -> None:
    typed = ["where is the station?", "Where is the station", "where is the station", "Can you help me"]
    found = Translator.load(DEFAULT_MODEL, num_candidates=num_candidates).translate(typed)
    texts = [translation.text for translation in found]
    assert texts == [
        "onde está a estação?",
        "Onde está a estação",
        "onde está a estação",
        "Você pode me ajudar",
    ]


def test_the_default_model_reads_capitals() -> None:
    typed = ["CAN YOU HELP ME?", "THE MUSEUM IS OPEN TODAY.", "UNESCO", "The museum is open today."]
    texts = [translation.text for translation in Translator.load(DEFAULT_MODEL).translate(typed)]
    assert texts == [
        "VOCÊ PODE ME AJUDAR?",
        "O MUSEU ESTÁ ABERTO HOJE.",
        "UNESCO",
        "O museu está aberto hoje.",
    ]


@pytest.mark.parametrize("line", ["very " * 60 + "good", "no, " * 60], ids=["spaces", "commas"])
def test_many_candidates_of_a_long_line_do_not_end_the_process(line: str) -> None:
    """Its labellings are mostly the same, so some windows of candidates would hold none."""
    program = (
        "import sys; from onepass import Translator\n"
        "translator = Translator.load(sys.argv[1], num_candidates=64, num_threads=1, split=False)\n"
        "print(translator.translate([sys.argv[2]])[0].text)"
    )
    command = [sys.executable, "-c", program, DEFAULT_MODEL, line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr


@pytest.mark.parametrize("name", shipped_models())
def test_the_models_translate_sentences_of_a_text_as_they_do_alone(name: str) -> None:
    translator = Translator.load(name, num_threads=1)
    texts = SENTENCES[translator.bundle.src]
    alone = [translator.translate([text])[0].text for text in texts]
    [together] = translator.translate(["{}  {}\n\n{} {}".format(*texts)])
    assert together.text == "{}  {}\n\n{} {}".format(*alone)


SENTENCES = {
    "en": ["I am tired.", "Where is the station?", "My name is Tom.", "HELP!"],
    "pt": ["Estou cansado.", "Onde fica a estação?", "Meu nome é Tom.", "SOCORRO!"],
}


def test_the_portuguese_model_keeps_what_must_not_change() -> None:
    typed = [
        "Where is the station?",
        "My sister bought a red car.",
        "",
        "The meeting is on 3 May at 10:30; write to anna@example.org.",
        "There are 112 people in the hall.",
        "Hello {name}, your file %s was saved. 😀",
        "The ticket costs $1,234.50.",
    ]
    found = [translation.text for translation in Translator.load("en-pt").translate(typed)]
    assert found[:3] == ["Onde está a estação?", "Minha irmã comprou um carro vermelho.", ""]
    kept = [("3 ", "10:30", "anna@example.org"), ("112 ",), ("{name}", "%s", "😀"), ("1.234,50",)]
    for text, parts in zip(found[3:], kept, strict=True):
        assert all(text.count(part) == 1 for part in parts), text


def test_the_portuguese_model_moves_tags_with_their_words() -> None:
    page = "<p>My sister bought a <b>red</b> car.</p>"
    found = Translator.load("en-pt").translate_html(page)
    assert found == "<p>Minha irmã comprou um carro <b>vermelho</b>.</p>"


@pytest.mark.skipif(not DATA.is_dir(), reason="the test sets are not on this machine")
@pytest.mark.parametrize("name", shipped_models())
def test_the_models_are_as_good_as_their_cards_say(name: str) -> None:
    translator = Translator.load(name, num_candidates=1, split=False)
    bundle, files = translator.bundle, MODELS[name].test_set
    src, ref = (files[side].read_text(encoding="utf-8").splitlines() for side in (bundle.src, bundle.tgt))
    found = measure([translation.text for translation in translator.translate(src)], ref)
    # Other processors round products to other sums.
    assert bundle.export is not None
    assert found.bleu == pytest.approx(bundle.export.measured[0].bleu, abs=0.2)


@pytest.mark.parametrize("name", REMOVED)
def test_a_model_of_an_earlier_version_is_an_error_that_names_its_recipe(name: str, tmp_path: Path) -> None:
    recipe, stage = REMOVED[name]
    assert stage in one_pass_models(load_recipe(ROOT / recipe))
    asked = (
        ("translate", "--model", name, "Hello."),
        ("info", name),
        ("serve", name, "--port", "0"),
        ("probe", name),
        ("web", name, "--to", str(tmp_path / "page")),
    )
    for words in asked:
        assert_clear_error(call(*words), 2, f"where: {name}", recipe, f"--stage {stage}")
    with pytest.raises(UsageError, match=re.escape(recipe)):
        Translator.load(name)


def test_the_usual_models_have_a_direction_each() -> None:
    opened = [Bundle.open(shipped_models()[name]) for name in usual_models()]
    assert [f"{bundle.src}-{bundle.tgt}" for bundle in opened] == usual_models()
    assert DEFAULT_MODEL in usual_models()


def test_the_models_and_the_tables_are_in_the_wheel(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a build leaves its traces where the source is
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", source, "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*map(str, command), "-w", str(tmp_path)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for name, directory in shipped_models().items():
        files = {f"onepass/shipped/{name}/{file}" for file in Bundle.open(directory).files}
        assert {*files, f"onepass/shipped/{name}/bundle.json"} <= packed
    tables = [path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").glob("onepass/*/tables/*")]
    assert {"onepass/phrasebook/tables/nouns.txt", "onepass/corpora/tables/names.txt"} <= {*tables} <= packed
