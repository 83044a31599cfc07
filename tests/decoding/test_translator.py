"""Text to text: a line's translation depends on the line alone, and its parts add up."""

from pathlib import Path

import pytest
import torch

from onepass.bundle import Bundle
from onepass.decoding.autoregressive import score
from onepass.decoding.translator import Translator
from onepass.decoding.weights import load_model
from onepass.errors import ModelError, UsageError
from onepass.runtime.text_translator import MAX_SRC_TOKENS, Translation
from onepass.text.explain import explain
from tiny_export import random_student
from tiny_run import edit_manifest, finished_run, many_lines, save_random_bundle, tokenizer

LINES = many_lines(24)
SYSTEMS = {
    "greedy": {"of": "teacher"},
    "beam": {"of": "teacher", "beam_size": 3},
    "argmax": {"of": "student"},
    "average": {"of": "student", "average": True},
    "npd": {"of": "student", "num_candidates": 4},
}


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, make_teacher, make_student) -> Path:
    words = tokenizer()
    directory = tmp_path_factory.mktemp("bundles")
    save_random_bundle(directory / "teacher", make_teacher(vocabulary=words.src_size, joint=True), words)
    save_random_bundle(directory / "student", make_student(vocabulary=words.src_size, joint=True), words)
    return directory


def load(bundles: Path, system: str, *, split: bool = False) -> Translator:
    settings = {**SYSTEMS[system], "split": split}
    if "num_candidates" in settings:
        settings["teacher"] = bundles / "teacher"
    return Translator.load(bundles / str(settings.pop("of")), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_line_is_translated_the_same_alone_and_among_others(bundles: Path, system: str) -> None:
    translator = load(bundles, system)
    together = translator.translate(LINES)
    assert len(together) == len(LINES)
    assert together[-1] == together[0]
    for line, expected in list(zip(LINES, together, strict=True))[::3]:
        [alone] = translator.translate([line])
        assert (alone.text, alone.tgt_pieces, alone.fertilities) == (
            expected.text,
            expected.tgt_pieces,
            expected.fertilities,
        )
        assert alone.score == pytest.approx(expected.score, abs=1e-5)


@pytest.mark.parametrize("system", SYSTEMS)
def test_lines_without_letters_pass_as_they_are(bundles: Path, system: str) -> None:
    translator = load(bundles, system)
    fertilities = None if system in ("greedy", "beam") else ()
    for line in ("", " \t\u200b\u200e", " 1,234.50 - 7 "):
        passed = Translation(line, (), (), fertilities, 0.0, translator.fingerprint)
        assert translator.translate([line]) == [passed]
    assert translator.translate([]) == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_fertilities_and_pieces_add_up(bundles: Path, system: str) -> None:
    for line, found in zip(LINES, load(bundles, system).translate(LINES), strict=True):
        words = tokenizer()
        read = line.removesuffix(" 😀")  # which passes
        assert list(found.src_pieces) == words.src_pieces(words.encode_src(read))
        assert "\n" not in found.text
        if SYSTEMS[system]["of"] == "teacher":
            assert not found.fertilities
            continue
        assert found.fertilities is not None
        assert len(found.fertilities) == len(found.src_pieces)
        assert sum(found.fertilities) == len(found.tgt_pieces)
        if found.src_pieces:
            assert found.fertilities
            assert explain(found.src_pieces, found.fertilities, found.tgt_pieces).count("×") == len(
                found.src_pieces
            )


@pytest.mark.parametrize("system", ["greedy", "beam", "npd"])
def test_the_printed_score_is_the_teachers_score_of_the_translation(bundles: Path, system: str) -> None:
    translator = load(bundles, system)
    judge = load_model(Bundle.open(bundles / "teacher"))
    ids = {piece: i for i, piece in enumerate(translator.tokenizer.tgt_vocabulary())}
    short = [line for line in LINES if line.strip(" \t\u200b\u200e") and len(line) < 200]
    for line, found in zip(short, translator.translate(short), strict=True):
        with torch.no_grad():
            read = line.removesuffix(" 😀")  # which passes
            memory = judge.encode(torch.tensor([translator.tokenizer.encode_src(read)]))
            target = torch.tensor([[ids[piece] for piece in found.tgt_pieces]], dtype=torch.int64)
            assert found.score == pytest.approx(float(score(judge, target, memory)), abs=1e-4)


@pytest.mark.parametrize("system", ["greedy", "argmax", "npd"])
def test_the_score_of_a_split_line_is_the_mean_over_all_its_tokens(bundles: Path, system: str) -> None:
    translator = load(bundles, system)
    one, two = "Good morning, my friend.", "Where is it?"
    translator_of_parts = [translator.translate([part])[0] for part in (one, two)]
    end = 0 if system == "argmax" else 1  # the teacher's scores include </s>
    weights = [len(part.tgt_pieces) + end for part in translator_of_parts]
    sums = sum(w * p.score for w, p in zip(weights, translator_of_parts, strict=True))
    [joined] = load(bundles, system, split=True).translate([f"{one}  {two}"])
    assert joined.score == pytest.approx(sums / sum(weights), abs=1e-5)
    assert joined.text == "  ".join(part.text for part in translator_of_parts)


@pytest.mark.parametrize("system", ["greedy", "argmax", "npd"])
@pytest.mark.parametrize("text", ["x" * 600, "word " * 300], ids=["letters", "words"])
def test_a_line_that_is_too_long_is_read_whole(bundles: Path, system: str, text: str) -> None:
    [found] = load(bundles, system).translate([text])
    words = tokenizer()
    assert len(found.src_pieces) >= len(words.encode_src(text)) > MAX_SRC_TOKENS
    assert "".join(found.src_pieces).replace("▁", "") == text.replace(" ", "")
    assert found.tgt_pieces


def test_a_long_line_of_sentences_is_split_without_a_loss(bundles: Path) -> None:
    text = "Where is it? " * 200
    [found] = load(bundles, "argmax").translate([text])
    assert len(found.src_pieces) == len(tokenizer().encode_src(text)) > 2 * MAX_SRC_TOKENS


def test_more_candidates_never_lower_the_teachers_score(bundles: Path) -> None:
    lines = [line for line in LINES if line.strip()]
    of = {"teacher": bundles / "teacher"}
    few, many = (
        Translator.load(bundles / "student", num_candidates=n, **of).translate(lines) for n in (2, 8)
    )
    assert all(b.score >= a.score - 1e-5 for a, b in zip(few, many, strict=True))
    assert any(b.score > a.score + 1e-3 for a, b in zip(few, many, strict=True))
    one = Translator.load(bundles / "student", num_candidates=1, **of).translate(lines)
    assert [t.text for t in one] == [t.text for t in load(bundles, "argmax").translate(lines)]


def test_settings_that_do_not_fit_the_model_are_usage_errors(bundles: Path) -> None:
    teacher, student = bundles / "teacher", bundles / "student"
    for bundle, settings in (
        (teacher, {"average": True}),
        (teacher, {"num_candidates": 2}),
        (teacher, {"teacher": teacher}),
        (teacher, {"beam_size": 0}),
        (student, {"beam_size": 2}),
        (student, {"num_candidates": 2}),
        (student, {"num_candidates": 0}),
        (student, {"num_candidates": 0, "teacher": teacher}),
        (student, {"num_candidates": 2, "average": True, "teacher": teacher}),
    ):
        with pytest.raises(UsageError):
            Translator.load(bundle, **settings)


def test_a_judge_must_be_a_teacher_with_the_same_tokenizer(bundles: Path) -> None:
    student = bundles / "student"
    with pytest.raises(ModelError, match="Only a teacher"):
        Translator.load(student, teacher=student, num_candidates=2)
    with pytest.raises(ModelError, match="different tokenizers"):
        Translator.load(student, teacher=finished_run() / "teacher", num_candidates=2)


def test_a_graph_from_before_the_soft_copy_starts_from_positions(tmp_path: Path) -> None:
    directory = random_student(tmp_path, "dag")
    assert load_model(Bundle.open(directory)).soft_copy
    edit_manifest(directory, lambda manifest: manifest["settings"]["student"].pop("soft_copy"))
    assert not load_model(Bundle.open(directory)).soft_copy
