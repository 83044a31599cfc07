"""Source text alone: which files, in which order, with which translations."""

import gzip
from pathlib import Path

import pytest

from onepass.corpora.mono import mono_files, read_mono
from onepass.corpora.sources import read_pairs
from onepass.errors import DataError, UsageError
from onepass.settings import CorpusSource, DataSettings
from onepass.text.pair import Pair


def data_of(folder: Path, **settings: object) -> DataSettings:
    """Paths start at the folder."""
    paths = {name: [f"{folder}/{p}" for p in settings.pop(name, [])] for name in ("mono", "distilled")}
    return DataSettings.model_validate({"src": "en", "tgt": "pt", **paths, **settings})


def texts(folder: Path, **files: list[str]) -> None:
    for name, lines in files.items():
        (folder / f"{name}.en").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (folder / f"{name}.pt").write_text("".join(f"{line.upper()}\n" for line in lines), encoding="utf-8")


def test_files_are_read_one_after_the_other_plain_and_zipped(tmp_path: Path) -> None:
    texts(tmp_path, b=["one ", "two"])
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(b"three\r\nfour"))
    found = list(read_mono(data_of(tmp_path, mono=["b.en", "a.en.gz"])))
    assert found == [Pair(text, "") for text in ("one", "two", "three", "four")]


def test_a_pattern_names_files_in_order(tmp_path: Path) -> None:
    texts(tmp_path, b=["two"], a=["one"], c=["three"])
    data = data_of(tmp_path, mono=["*.en"])
    assert [pair.src for pair in read_mono(data)] == ["one", "two", "three"]
    assert [path.name for path in mono_files(data)] == ["a.en", "b.en", "c.en"]


def test_translations_belong_to_the_file_of_their_name(tmp_path: Path) -> None:
    texts(tmp_path, b=["two", "more"], a=["one"])
    data = data_of(tmp_path, mono=["*.en"], distilled=["*.pt"])
    assert list(read_mono(data)) == [Pair("one", "ONE"), Pair("two", "TWO"), Pair("more", "MORE")]


def test_single_files_need_no_names_in_common(tmp_path: Path) -> None:
    texts(tmp_path, a=["one"])
    (tmp_path / "a.pt").rename(tmp_path / "other.txt")
    data = data_of(tmp_path, mono=["a.en"], distilled=["other.txt"])
    assert list(read_mono(data)) == [Pair("one", "ONE")]


def test_the_first_lines_of_each_file_are_read(tmp_path: Path) -> None:
    texts(tmp_path, a=["1", "2", "3"], b=["4"])
    for distilled in ([], ["*.pt"]):
        data = data_of(tmp_path, mono=["*.en"], distilled=distilled, mono_lines=2)
        assert [pair.src for pair in read_mono(data)] == ["1", "2", "4"]


def test_a_translation_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    texts(tmp_path, a=["1"], b=["2"])
    (tmp_path / "b.pt").unlink()
    with pytest.raises(DataError, match="do not belong together") as error:
        mono_files(data_of(tmp_path, mono=["*.en"], distilled=["*.pt"]))
    assert error.value.value == "b"


def test_another_number_of_lines_is_an_error(tmp_path: Path) -> None:
    texts(tmp_path, a=["1", "2"])
    (tmp_path / "a.pt").write_text("1\n")
    with pytest.raises(DataError, match="same number of lines"):
        list(read_mono(data_of(tmp_path, mono=["a.en"], distilled=["a.pt"])))


@pytest.mark.parametrize("path", ["none.en", "none*.en"])
def test_a_file_that_is_not_there_is_an_error_before_anything_is_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match=r"none\*?\.en"):
        read_mono(data_of(tmp_path, mono=[path]))


def test_settings_of_datasets_mean_nothing_for_files(tmp_path: Path) -> None:
    texts(tmp_path, a=["1"])
    data = DataSettings.model_validate(
        {"src": "en", "tgt": "pt", "mono": {"path": f"{tmp_path}/a.en", "column": "x"}}
    )
    with pytest.raises(UsageError, match="column"):
        read_mono(data)


@pytest.mark.parametrize(("column", "expected"), [(None, ["one", "two"]), ("other", ["x", ""])])
def test_a_dataset_gives_the_texts_of_a_column(
    tmp_path: Path, column: str | None, expected: list[str]
) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"en": ["one", "two"], "other": ["x", None]}
    datasets.DatasetDict({"train": datasets.Dataset.from_dict(rows)}).save_to_disk(str(tmp_path / "set"))
    source = {"path": f"hf:{tmp_path}/set", **({"column": column} if column else {})}
    data = DataSettings.model_validate({"src": "en", "tgt": "pt", "mono": source})
    assert [pair.src for pair in read_mono(data)] == expected
    assert all(path.is_file() for path in mono_files(data))


def test_the_embedded_corpus_is_source_text_too() -> None:
    settings = {"tgt": "pt", "mono": "phrasebook", "mono_lines": 50}
    for lang in ("en", "de"):
        data = DataSettings.model_validate({"src": lang, **settings})
        texts = [pair.src for pair in read_mono(data)]
        assert len(set(texts)) == 50
        pairs = read_pairs(
            [CorpusSource(path="phrasebook")], split="train", src=lang, tgt="de" if lang == "en" else "en"
        )
        assert set(texts) <= {pair.src for pair in pairs}
    with pytest.raises(UsageError, match="English and German"):
        list(read_mono(DataSettings.model_validate({"src": "fr", **settings})))
