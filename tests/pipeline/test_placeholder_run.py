"""A run whose student learns placeholders: from the ids of its corpus to texts with their spans."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from onepass.bundle import Bundle
from onepass.decoding.weights import load_model
from onepass.errors import ModelError, UsageError
from onepass.export.runtime_bundle import write_graphs
from onepass.loading import Translator
from onepass.pipeline.exercises import Aliased
from onepass.recipe import load_recipe
from onepass.text.batches import IdPairs
from onepass.text.placeholder_ids import ALIASES, PlaceholderIds
from onepass.text.placeholders import CAPACITY, placeholder
from onepass.text.spans import SpanKind, find_spans
from onepass.text.teacher_tokenizer import TeacherTokenizer
from tiny_export import some_facts, words_of_read
from tiny_marian import TEXT, Shape, write_teacher
from tiny_run import Log, run

PIECES = [piece for kind, count in CAPACITY.items() for piece in ALIASES[kind].split()[:count]]
WORDS = 56 + len(PIECES)
FIXTURES = Path(__file__).parents[1] / "fixtures"
RECIPE = """
[data]
src = "en"
tgt = "pt"
mono = "a.en"
distilled = "a.pt"
held_out = 3

[teacher]
from = "teacher"
licence = "cc-by-4.0"

[distill]
placeholders = 0.5
exercises = 8

[student]
family = "ctc"
start = "states"
slots = 3

[student.training]
batch_tokens = 600
max_updates = 2
warmup = 2
validate_every = 2
precision = "fp32"
encoder_rate = 0.0
"""
LINES = [
    "The cat sees 7 houses and 1 river at https://a.example/x?y=1.",
    "A small dog carries {name} and <b>letters</b> at 3:00.",
    "Nobody here remembers 99, 112 and 2000.",
    "Every teacher sees 1,234.5 houses 😀 by the sea.",
    "The cat sees houses.",
]


def write_corpus(folder: Path) -> None:
    write_teacher(folder / "teacher", Shape(src_words=WORDS, tgt_words=WORDS), pieces=PIECES)
    lines = [line.replace("two", f"{number + 11}") for number, line in enumerate(TEXT[:60])]
    (folder / "a.en").write_text("".join(f"{line}\n" for line in lines))
    (folder / "a.pt").write_text("".join(f"so {line}\n" for line in lines))
    (folder / "mono.toml").write_text(RECIPE)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("placeholders")
    write_corpus(folder)
    log: Log = run(load_recipe(folder / "mono.toml", ()), folder / "run", until="student")
    assert log.run == ["teacher", "prepare", "exercises", "distill", "align", "student"]
    return folder / "run"


def test_a_share_of_the_pairs_has_the_same_placeholders_on_both_sides(finished: Path) -> None:
    placeholders = PlaceholderIds.of_settings(Bundle.open(finished / "student").settings)
    assert placeholders is not None
    pairs = IdPairs.open(finished / "align", "train")
    rows = [
        [sorted(placeholders.within(side[i].tolist())) for side in (pairs.src, pairs.tgt)]
        for i in range(len(pairs))
    ]
    assert all(src == tgt for src, tgt in rows)
    counts = json.loads((finished / "align" / "placeholders.json").read_text())
    made = json.loads((finished / "exercises" / "exercises.json").read_text())
    assert sum(bool(src) for src, _ in rows) == counts["masked"] + made["placeholders kept"]
    assert counts["masked"] > 2
    assert counts["left"] > 2


def test_only_the_ids_are_made_anew_for_another_share(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    plain = ("distill.placeholders=0.0", "distill.exercises=0")
    log = run(load_recipe(tmp_path / "mono.toml", plain), tmp_path / "run", until="align")
    assert log.run == ["teacher", "prepare", "distill", "align"]
    log = run(load_recipe(tmp_path / "mono.toml", ("distill.exercises=0",)), tmp_path / "run", until="align")
    assert log.run == ["align"]


def test_a_student_starts_with_the_rows_of_the_aliases(finished: Path) -> None:
    bundle = Bundle.open(finished / "student")
    placeholders, tokenizer = PlaceholderIds.of_settings(bundle.settings), bundle.tokenizer()
    assert placeholders is not None
    assert [tokenizer.src_pieces([alias])[0] for alias in placeholders.aliases] == PIECES
    rows = load_model(bundle).state_dict()["src_embedding.weight"]
    assert torch.equal(rows[list(placeholders.ids)], rows[list(placeholders.aliases)])
    assert rows[placeholders.first].abs().sum() > 0
    assert load_model(bundle).word_bias[placeholders.first] > -100


def test_embeddings_that_stay_have_those_rows_though_the_bias_has_been_learnt(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    recipe = load_recipe(tmp_path / "mono.toml", ())
    run(recipe, tmp_path / "run", until="student")
    (tmp_path / "run" / "student").rename(tmp_path / "first")
    settings = ("student.init=first", "student.training.encoder_rate=1", "student.training.embedding_rate=0")
    run(load_recipe(tmp_path / "mono.toml", settings), tmp_path / "run", until="student")
    first, second = (load_model(Bundle.open(tmp_path / name)) for name in ("first", "run/student"))
    assert torch.equal(second.src_embedding.weight, first.src_embedding.weight)
    assert not torch.equal(second.word_bias, first.word_bias)


def test_every_span_comes_out_once_in_torch_and_in_the_runtime(finished: Path, tmp_path: Path) -> None:
    student = Bundle.open(finished / "student")
    (tmp_path / "exported").mkdir()
    write_graphs(
        student,
        tmp_path / "exported",
        some_facts(student.tokenizer()),
        teacher=Bundle.open(finished / "teacher"),
    )
    in_torch = Translator.load(finished / "student").translate(LINES)
    exact = Translator.load(tmp_path / "exported", precision="float32", num_candidates=1)
    assert [t.text for t in exact.translate(LINES)] == [t.text for t in in_torch]
    chosen = Translator.load(finished / "student", teacher=finished / "teacher", num_candidates=4)
    everyone = [in_torch, chosen.translate(LINES)]
    everyone += [
        Translator.load(tmp_path / "exported", precision="int8", num_candidates=n).translate(LINES)
        for n in (1, 4)
    ]
    for translations in everyone:
        for line, found in zip(LINES, translations, strict=True):
            spans = Counter(span.text.replace("1,234.5", "1.234,5") for span in find_spans(line))
            assert all(found.text.count(text) >= count for text, count in spans.items())
            assert Counter(span.text for span in find_spans(found.text)) >= spans
            assert not any(piece.startswith("\U000f0000") for piece in found.text)


def test_more_spans_than_placeholders_are_no_loss(finished: Path) -> None:
    numbers = [f"{n}7" for n in range(1, 60)]
    line = "The cat sees " + ", ".join(numbers) + " houses."
    text = Translator.load(finished / "student").translate([line])[0].text
    assert Counter(re.findall(r"\d+", text)) >= Counter(numbers)


def test_terms_of_a_glossary_come_out_as_they_say(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.tsv").write_text("open windows\tjanelas abertas\nhouses\n")
    for glossary in (tmp_path / "terms.tsv", {"open windows": "janelas abertas", "houses": ""}):
        translator = Translator.load(finished / "student", glossary=glossary)
        found = translator.translate(["Nobody sees Open windows or houses.", "OPEN WINDOWS", "The cat."])
        assert "Janelas abertas" in found[0].text
        assert "houses" in found[0].text
        assert found[1].text == "JANELAS ABERTAS"
        assert "janelas" not in found[2].text.lower()


def test_a_glossary_needs_a_model_with_placeholders() -> None:
    with pytest.raises(UsageError, match="learnt no placeholders"):
        Translator.load(FIXTURES / "format-1", glossary={"a": "b"})


def test_a_teacher_sees_each_placeholder_as_its_alias(finished: Path) -> None:
    tokenizer = Bundle.open(finished / "student").tokenizer()
    aliased = Aliased(tokenizer)
    source = f"The cat sees {placeholder(4)} houses."
    assert aliased.shown(source) == "The cat sees 48 houses."
    assert aliased.hidden(source, "houses 48 the") == f"houses {placeholder(4)} the"
    assert aliased.hidden(source, "houses the") is aliased.hidden(source, "48 houses 48") is None
    assert aliased.shown(f"The cat sees {placeholder(4)} houses and 48 rivers.") is None


def test_a_vocabulary_without_the_pieces_has_no_placeholders() -> None:

    few = words_of_read()
    with pytest.raises(ModelError, match="no ids for placeholders"):
        PlaceholderIds.of_tokenizer(few)
    assert isinstance(few, TeacherTokenizer)
    with pytest.raises(
        ModelError, match=f"too few pieces for placeholders of the class {SpanKind.ONE.value}"
    ):
        PlaceholderIds.of_tokenizer(few.extended(64))
