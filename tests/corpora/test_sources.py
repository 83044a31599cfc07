"""Corpora: every form is read as it should be, and every damage is one error that says where."""

import bz2
import gzip
import itertools
import lzma
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.corpora import huggingface
from onepass.corpora.sources import Pair, corpus_files, read_pairs
from onepass.errors import DataError, UsageError
from onepass.settings import CorpusSource
from onepass.text.lines import numbered_lines

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

PAIRS = [
    Pair("The kettle is on.", "Der Kessel steht auf dem Herd."),
    Pair("We leave at 7.45.", "Wir fahren um 7.45 Uhr ab."),
    Pair("“Really?” 🙂", "„Wirklich?“ 🙂"),
]


def stream(
    path: str | Path, split: str = "train", src: str = "en", tgt: str = "de", **source: Any
) -> Iterator[Pair]:
    return read_pairs([CorpusSource(path=str(path), **source)], split=split, src=src, tgt=tgt)


def read(path: str | Path, split: str = "train", **options: Any) -> list[Pair]:
    return list(stream(path, split, **options))


def fails(path: str | Path, *expected: object, error: type = DataError, **options: Any) -> None:
    """Reading is one error whose text has all of `expected`."""
    with pytest.raises(error) as caught:
        read(path, **options)
    for text in expected:
        assert str(text) in str(caught.value)
    assert "  to do: " in str(caught.value) or "  allowed: " in str(caught.value)


def write_lines(folder: Path, src: bytes, tgt: bytes, suffix: str = "") -> str:
    for lang, content in (("en", src), ("de", tgt)):
        path = folder / f"train.{lang}{suffix}"
        path.write_bytes(gzip.compress(content) if suffix else content)
    return f"{folder}/train.{{lang}}{suffix}"


def sides(end: str = "\n") -> tuple[bytes, bytes]:
    src, tgt = ("".join(side + end for side in column).encode() for column in zip(*PAIRS, strict=True))
    return src, tgt


# Line files


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_files_are_read_plain_and_gzipped_with_either_line_end(
    tmp_path: Path, suffix: str, end: str
) -> None:
    path = write_lines(tmp_path, *sides(end), suffix=suffix)
    assert read(path) == PAIRS
    assert read(path, src="de", tgt="en") == [Pair(p.tgt, p.src) for p in PAIRS]


@pytest.mark.parametrize(("suffix", "compress"), [(".xz", lzma.compress), (".bz2", bz2.compress)])
def test_line_files_and_tables_may_be_compressed_otherwise(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    for lang, content in zip(("en", "de"), sides(), strict=True):
        (tmp_path / f"train.{lang}{suffix}").write_bytes(compress(content))
    assert read(f"{tmp_path}/train.{{lang}}{suffix}") == PAIRS
    table = "".join(f"{pair.src}\t{pair.tgt}\n" for pair in PAIRS).encode()
    (tmp_path / f"t.tsv{suffix}").write_bytes(compress(table))
    assert read(tmp_path / f"t.tsv{suffix}") == PAIRS


def test_a_damaged_xz_file_is_an_error(tmp_path: Path) -> None:
    for lang in ("en", "de"):
        (tmp_path / f"train.{lang}.xz").write_bytes(lzma.compress(b"one\ntwo\n" * 999)[:-30])
    fails(f"{tmp_path}/train.{{lang}}.xz", "xz file is damaged", "train.en.xz")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_utf_16_with_a_byte_order_mark_is_decoded(tmp_path: Path, suffix: str) -> None:
    src, tgt = (side.decode().encode("utf-16") for side in sides("\r\n"))
    assert read(write_lines(tmp_path, src, tgt, suffix)) == PAIRS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_byte_order_mark_is_an_error(tmp_path: Path, encoding: str) -> None:
    src = "one\ntwo\n".encode(encoding)
    fails(write_lines(tmp_path, src, b"eins\nzwei\n"), "UTF-16", "train.en", "iconv")


def test_the_last_line_needs_no_line_end_and_no_text_is_no_pair(tmp_path: Path) -> None:
    assert read(write_lines(tmp_path, b"one\ntwo", b"eins\nzwei\n")) == [
        Pair("one", "eins"),
        Pair("two", "zwei"),
    ]
    assert read(write_lines(tmp_path, b"", b"")) == []


def test_a_byte_order_mark_is_removed_at_the_start_of_the_file_only(tmp_path: Path) -> None:
    path = write_lines(tmp_path, b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n", b"eins\nzwei\n")
    assert read(path) == [Pair("one", "eins"), Pair("\ufefftwo", "zwei")]


def test_characters_that_are_line_ends_elsewhere_are_text(tmp_path: Path) -> None:
    text = "one\u2028two\u2029three\x85four\x0cfive\x0bsix\x1cseven"
    assert read(write_lines(tmp_path, f"{text}\n".encode(), b"eins\n")) == [Pair(text, "eins")]


def test_romanian_has_its_comma_below_and_other_languages_keep_their_cedilla(tmp_path: Path) -> None:
    for lang, text in {"ro-RO": "Şi ţara s\u0327i Ţara", "tr": "Şişli ş"}.items():
        (tmp_path / f"t.{lang}").write_text(f"{text}\n", encoding="utf-8")
    corpus = [CorpusSource(path=str(tmp_path / "t.{lang}"))]
    [pair] = read_pairs(corpus, split="train", src="ro-RO", tgt="tr")
    assert pair == Pair("Și țara și Țara", "Şişli ş")
    assert list(read_pairs(corpus, split="train", src="tr", tgt="ro-RO")) == [Pair(pair.tgt, pair.src)]


def test_space_around_a_text_goes_and_no_line_break_stays_inside(tmp_path: Path) -> None:
    path = write_lines(tmp_path, "\t one  two \u00a0\r\r\n".encode(), b"eins\rzwei\n")
    assert read(path) == [Pair("one  two", "eins zwei")]


def test_an_empty_line_is_a_pair_so_that_later_lines_stay_together(tmp_path: Path) -> None:
    assert read(write_lines(tmp_path, b"\ntwo\n", b"eins\nzwei\n")) == [Pair("", "eins"), Pair("two", "zwei")]


@settings(deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"))))
def test_lines_are_what_line_feeds_separate(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "text"
    path.write_bytes("".join(f"|{text}|\n" for text in texts).encode())
    lines = list(numbered_lines(path))
    assert [line.text for line in lines] == [f"|{text}|" for text in texts]
    assert [line.number for line in lines] == list(range(1, len(texts) + 1))


def test_invalid_utf8_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path, b"one\ntwo\n", b"eins\nzwei \xfc\n")
    pairs = stream(path)
    assert next(pairs) == Pair("one", "eins")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        next(pairs)
    assert f"{tmp_path}/train.de, line 2, byte 6" in str(caught.value)
    assert "iconv" in str(caught.value)


@pytest.mark.parametrize(("src", "tgt", "short"), [(5, 3, "de"), (2, 4, "en"), (0, 1, "en"), (1, 0, "de")])
def test_unequal_line_counts_give_both_counts(tmp_path: Path, src: int, tgt: int, short: str) -> None:
    path = write_lines(tmp_path, b"x\n" * src, b"y\n" * tgt)
    line = min(src, tgt)
    fails(
        path,
        f"{src} in {tmp_path}/train.en",
        f"{tgt} in {tmp_path}/train.de",
        f"{short}, which ends after line {line}",
    )


def test_a_missing_file_is_noticed_before_anything_is_read(tmp_path: Path) -> None:
    good = write_lines(tmp_path, *sides())
    corpus = [CorpusSource(path=good), CorpusSource(path=f"{tmp_path}/more.{{lang}}")]
    with pytest.raises(DataError, match=r"no such file(.|\n)*more\.en"):
        read_pairs(corpus, split="train", src="en", tgt="de")
    with pytest.raises(DataError, match="no such file"):
        corpus_files(corpus, src="en", tgt="de")


def test_a_cut_gzip_file_names_the_file_and_the_last_good_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path, b"one\ntwo\n", b"eins\nzwei\n", ".gz")
    damaged = tmp_path / "train.de.gz"
    damaged.write_bytes(damaged.read_bytes()[:-4])
    fails(path, "gzip file is damaged", f"{damaged}, after line")


@pytest.mark.parametrize(
    "content", [b"plain text\n", gzip.compress(b"x\n" * 99, mtime=0)[:15] + b"\xff" * 40]
)
def test_what_is_not_gzip_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = write_lines(tmp_path, b"one\n", b"eins\n", ".gz")
    (tmp_path / "train.en.gz").write_bytes(content)
    fails(path, "gzip file is damaged", "train.en.gz")


def test_line_files_are_streamed(tmp_path: Path) -> None:
    path = write_lines(tmp_path, b"x\n" * 200_000 + b"\xff", b"y\n" * 200_000)
    assert list(itertools.islice(stream(path), 2)) == [Pair("x", "y")] * 2


def test_lines_that_describe_a_talk_are_left_out_of_iwslt_training_files(tmp_path: Path) -> None:
    (tmp_path / "train.tags.en-de.en").write_text(
        "<url>http://example.org/1</url>\n<title>Bees</title>\n Bees dance. \n<3 bees, always.\n"
        "<reviewer></reviewer>\nThey hum.\n"
    )
    (tmp_path / "train.tags.en-de.de").write_text(
        "<url>http://example.org/1</url>\n<title>Bienen</title>\n Bienen tanzen. \n<3 Bienen, immer.\n"
        '<translator href="x">A. B.</translator>\n<reviewer>C. D.</reviewer>\nSie summen.\n'
    )
    assert read(tmp_path / "train.tags.en-de.{lang}") == [
        Pair("Bees dance.", "Bienen tanzen."),
        Pair("<3 bees, always.", "<3 Bienen, immer."),
        Pair("They hum.", "Sie summen."),
    ]


def test_tags_are_text_in_other_files(tmp_path: Path) -> None:
    assert read(write_lines(tmp_path, b"<title>\n", b"<title>\n")) == [Pair("<title>", "<title>")]


# Tables


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_a_table_without_header_is_read_by_place(tmp_path: Path, name: str) -> None:
    content = b'7\t one \teins\n8\t"two\tzwei"\tx\r\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read(tmp_path / name) == [Pair("7", "one"), Pair("8", '"two')]
    assert read(tmp_path / name, columns=("2", "1")) == [Pair("eins", "one"), Pair('zwei"', '"two')]


def test_a_table_with_header_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("\ufeffde\tid\ten\r\neins\t1\tone\r\n", newline="")
    assert read(tmp_path / "t.tsv", columns=("en", "de")) == [Pair("one", "eins")]
    fails(tmp_path / "t.tsv", "no column 'english'", "line 1", "de, id, en", columns=("english", "de"))


def test_a_short_row_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("one\teins\ntwo zwei\n")
    fails(tmp_path / "t.tsv", f"{tmp_path}/t.tsv, line 2", "two zwei")
    (tmp_path / "t.tsv").write_text("en\tde\none\teins\n\n")
    fails(tmp_path / "t.tsv", "t.tsv, line 3", columns=("en", "de"))


def test_an_empty_table_has_no_pairs_but_needs_its_header(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").touch()
    assert read(tmp_path / "t.tsv") == []
    fails(tmp_path / "t.tsv", "no column 'en'", columns=("en", "de"))


# Segments


SGM = """<srcset setid="x" srclang="any">
<doc docid="d1">
<hl>
<seg id="1">A &amp; B &lt;3 &#228; &euro; R&D</seg>
</hl>
<p>
<SEG id=2> two
lines </SEG>
</p>
</doc>
</srcset>
"""


def test_wmt_sgm_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "set-src.en.sgm").write_text(SGM)
    (tmp_path / "set-ref.de.sgm").write_text(SGM.replace("two", "zwei"))
    expected = "A & B <3 ä € R&D"
    assert read(tmp_path / "set-{side}.{lang}.sgm") == [
        Pair(expected, expected),
        Pair("two lines", "zwei lines"),
    ]


def test_iwslt_xml_files_are_read(tmp_path: Path) -> None:
    for lang, text in (("en", "Good evening."), ("de", "Guten Abend.")):
        (tmp_path / f"IWSLT16.TED.tst.en-de.{lang}.xml").write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<srcset><doc docid="1">\n'
            f'<title>T</title>\n<seg id="1"> {text} </seg>\n</doc></srcset></mteval>\n'
        )
    assert read(tmp_path / "IWSLT16.TED.tst.en-de.{lang}.xml") == [Pair("Good evening.", "Guten Abend.")]


WMT_XML = """<?xml version='1.0' encoding='utf-8'?>
<dataset id="test">
  <doc origlang="en" id="a">
    <src lang="en"><p><seg id="1">Snow fell.</seg><seg id="2">Lots.</seg></p></src>
    <ref lang="de" translator="A"><p><seg id="1">Es schneite.</seg><seg id="2">Sehr.</seg></p></ref>
    <ref lang="de" translator="B"><p><seg id="1">Schnee fiel.</seg><seg id="2">Viel.</seg></p></ref>
    <hyp system="x"><p><seg id="1">nein</seg></p></hyp>
  </doc>
  <doc origlang="en" id="b">
    <src lang="en"><p><seg id="1">Then sun.</seg></p></src>
    <ref lang="de" translator="B"><p><seg id="1">Dann Sonne.</seg></p></ref>
  </doc>
</dataset>
"""


def test_newer_wmt_xml_holds_both_sides_and_the_first_reference_is_read(tmp_path: Path) -> None:
    path = tmp_path / "newstest.en-de.xml"
    path.write_text(WMT_XML)
    assert read(path) == [
        Pair("Snow fell.", "Es schneite."),
        Pair("Lots.", "Sehr."),
        Pair("Then sun.", "Dann Sonne."),
    ]
    fails(path, "no <seg> elements in the source language", path, src="cs")
    fails(path, "no <seg> elements in the target language", path, tgt="cs")


@pytest.mark.parametrize(
    ("tgt", "line", "counts"),
    [
        ('<seg id="1">a</seg>\n<seg id="2">b</seg>', "src.en.sgm, line 3", "3 in the source, 2 in"),
        (
            '<seg id="1">a</seg>\n\n<seg id="3">c</seg>\n<seg id="4">d</seg>',
            "ref.de.sgm, line 3",
            "3 in the ref",
        ),
    ],
)
def test_different_segments_name_the_first_difference(
    tmp_path: Path, tgt: str, line: str, counts: str
) -> None:
    (tmp_path / "src.en.sgm").write_text("\n".join(f'<seg id="{i}">x</seg>' for i in (1, 2, 3)))
    (tmp_path / "ref.de.sgm").write_text(tgt)
    fails(tmp_path / "{side}.{lang}.sgm", "not have the same segments", line, counts)


@pytest.mark.parametrize("damage", ['<seg id="2">b\n<seg id="3">c</seg>', '<seg id="2">b', '<seg id="2"'])
def test_a_segment_without_end_names_its_line(tmp_path: Path, damage: str) -> None:
    (tmp_path / "src.en.sgm").write_text(f'<seg id="1">a</seg>\n\n{damage}')
    (tmp_path / "ref.de.sgm").write_text('<seg id="1">a</seg>')
    fails(tmp_path / "{side}.{lang}.sgm", "no </seg>", "src.en.sgm, line 3")


# Translation memories

TMX = """<?xml version="1.0"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en"/><body>
<tu><tuv xml:lang="en-GB">
<seg>The <bpt i="1">&lt;b&gt;</bpt>kettle<ept i="1">&lt;/b&gt;</ept> is on.</seg></tuv>
<tuv xml:lang="DE"><seg>Der <hi>Kessel</hi> steht
auf dem Herd.</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Alone.</seg></tuv></tu>
<tu><tuv lang="de"><seg>Wir fahren um 7.45 Uhr ab.</seg></tuv>
<tuv lang="en"><seg>We leave at 7.45.</seg></tuv></tu>
</body></tmx>"""


def test_a_translation_memory_is_read_without_its_mark_up(tmp_path: Path) -> None:
    for name, content in (("m.tmx", TMX.encode()), ("m.tmx.gz", gzip.compress(TMX.encode()))):
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name) == PAIRS[:2]
        assert read(tmp_path / name, src="de", tgt="en") == [Pair(p.tgt, p.src) for p in PAIRS[:2]]


def test_a_translation_memory_of_other_languages_or_damaged_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.tmx"
    path.write_text(TMX)
    fails(path, "both languages", "de, en, en-gb", tgt="pt")
    path.write_text(TMX[:-30])
    fails(path, "damaged", path)


# Hugging Face datasets


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with datasets in every local form."""
    import datasets

    datasets.disable_progress_bars()
    folder = tmp_path_factory.mktemp("hf")
    columns = {"en": [p.src for p in PAIRS], "german": [p.tgt for p in PAIRS], "id": [0, 1, 2]}
    flat = datasets.Dataset.from_dict(columns)
    features = datasets.Features({"translation": datasets.Translation(languages=["de", "en"])})
    rows = {"translation": [{"en": p.src, "de": p.tgt} for p in PAIRS]}
    translation = datasets.Dataset.from_dict(rows, features=features)
    flat.save_to_disk(folder / "flat")
    translation.save_to_disk(folder / "translation")
    splits = {"train": translation, "validation": translation.select([0]), "odd": translation.select([1])}
    datasets.DatasetDict(splits).save_to_disk(folder / "splits")
    for name, part in splits.items():
        part.to_parquet(folder / "parquet" / f"{'test' if name == 'odd' else name}.parquet")
    flat.rename_column("german", "de").to_json(folder / "json" / "train.jsonl")
    return folder


def test_a_saved_dataset_is_read_by_columns(saved: Path) -> None:
    assert read(f"hf:{saved}/flat", columns=("en", "german")) == PAIRS
    assert read(f"hf:{saved}/flat", split="dev", columns=("en", "german")) == PAIRS


@pytest.mark.parametrize("name", ["translation", "splits", "parquet"])
def test_a_translation_feature_is_read_by_language(saved: Path, name: str) -> None:
    assert read(f"hf:{saved}/{name}") == PAIRS
    assert read(f"hf:{saved}/{name}", src="de", tgt="en") == [Pair(p.tgt, p.src) for p in PAIRS]


def test_a_missing_translation_is_an_empty_pair(tmp_path: Path) -> None:
    rows = ['{"translation": {"en": "One.", "de": "Eins."}}', '{"translation": null}']
    rows.append('{"translation": {"en": "Two.", "de": null}}')
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n")
    assert read(f"hf:{tmp_path}") == [Pair("One.", "Eins."), Pair("", ""), Pair("Two.", "")]


@pytest.mark.parametrize("name", ["splits", "parquet"])
def test_dev_is_the_validation_split_and_a_source_may_name_another(saved: Path, name: str) -> None:
    assert read(f"hf:{saved}/{name}", split="dev") == PAIRS[:1]
    other = "odd" if name == "splits" else "test"
    source = CorpusSource(path=f"hf:{saved}/{name}", split=other)
    assert list(read_pairs([source], split="dev", src="en", tgt="de")) == PAIRS[1:2]


def test_columns_named_like_the_languages_need_no_setting(saved: Path) -> None:
    assert read(f"hf:{saved}/json") == PAIRS


def test_a_local_dataset_counts_as_files_and_a_hub_name_does_not(saved: Path) -> None:
    def files(path: str) -> list[Path]:
        return corpus_files([CorpusSource(path=path)], src="en", tgt="de")

    assert files(f"hf:{saved}/parquet") == sorted((saved / "parquet").iterdir())
    assert files("hf:wmt/wmt14") == files("phrasebook") == []


def test_a_missing_dataset_split_or_column_is_an_error_that_says_what_there_is(saved: Path) -> None:
    fails(f"hf:{saved}/nowhere", f"{saved}/nowhere")
    fails(f"hf:{saved}/splits", "no split 'test'", "train, validation, odd", split="test")
    fails(f"hf:{saved}/flat", "no column or language 'de'", "row 1", "en, german, id")
    fails(f"hf:{saved}/flat", "no column or language 'x'", columns=("en", "x"))
    fails(f"hf:{saved}/translation", "no column or language 'fr'", "de, en", tgt="fr")
    fails(f"hf:{saved}/flat", "'id' does not hold text", "row 1", columns=("en", "id"))
    with pytest.raises(DataError, match="saved as a single one"):
        list(
            read_pairs(
                [CorpusSource(path=f"hf:{saved}/flat", split="test")], split="train", src="en", tgt="de"
            )
        )
    fails(f"hf:{saved}/flat", "`config` means nothing", error=UsageError, config="x")
    source = CorpusSource(path=f"hf:{saved}/parquet", split="nothere")
    with pytest.raises(DataError, match="nothere"):
        list(read_pairs([source], split="train", src="en", tgt="de"))


def test_a_damaged_dataset_file_is_an_error(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes((saved / "parquet" / "train.parquet").read_bytes()[:-20])
    fails(f"hf:{tmp_path}", "Cannot read the dataset", tmp_path)


def test_missing_values_read_as_empty_and_line_breaks_as_spaces(tmp_path: Path) -> None:
    import datasets

    columns = {"en": [" one\r\ntwo\n", None], "de": ["eins\nzwei", "drei"]}
    datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / "d")
    assert read(f"hf:{tmp_path}/d") == [Pair("one  two", "eins zwei"), Pair("", "drei")]


def test_a_hub_name_is_loaded_with_its_config_and_split(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[Any] = []

    def load(*args: Any, **kwargs: Any) -> Any:
        asked.append((args, kwargs))
        return [{"translation": {"en": "one", "de": "eins"}}]

    monkeypatch.setattr(huggingface, "_commit", lambda path, config: "0123")
    monkeypatch.setattr(datasets, "load_dataset", load)
    assert read("hf:wmt/wmt14@main", split="dev", config="de-en") == [Pair("one", "eins")]
    assert asked == [(("wmt/wmt14", "de-en"), {"split": "validation", "revision": "0123"})]


def test_an_unreachable_hub_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(datasets, "load_dataset_builder", load)
    fails("hf:wmt/wmt14", "no route to the hub", "hf:wmt/wmt14", "network")


def test_without_the_datasets_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    fails("hf:wmt/wmt14", "onepass[train]", error=UsageError)


# The corpus as a whole


def test_sources_follow_one_another(tmp_path: Path) -> None:
    lines = write_lines(tmp_path, *sides())
    (tmp_path / "t.tsv").write_text("one\teins\n")
    corpus = [CorpusSource(path=str(tmp_path / "t.tsv")), CorpusSource(path=lines)]
    assert list(read_pairs(corpus, split="train", src="en", tgt="de")) == [Pair("one", "eins"), *PAIRS]
    names = [path.name for path in corpus_files(corpus, src="en", tgt="de")]
    assert names == ["t.tsv", "train.en", "train.de"]


@pytest.mark.parametrize("path", ["train.en", "corpus.csv", "set.sgm", "wmt14"])
def test_a_path_of_no_known_form_is_a_usage_error(path: str) -> None:
    fails(path, path, "{lang}", error=UsageError)


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("train.{lang}", {"columns": ("0", "1")}),
        ("train.{lang}", {"config": "x"}),
        ("t.tsv", {"split": "train"}),
        ("phrasebook", {"columns": ("0", "1")}),
        ("a-{side}.{lang}.sgm", {"split": "test"}),
    ],
)
def test_a_setting_that_would_be_ignored_is_a_usage_error(path: str, setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"`{next(iter(setting))}` means nothing"):
        read_pairs([CorpusSource(path=path, **setting)], split="train", src="en", tgt="de")


def test_the_phrasebook_is_read_in_both_directions_and_by_split() -> None:
    for split in ("train", "dev", "test"):
        forward = list(itertools.islice(stream("phrasebook", split), 3))
        backward = list(itertools.islice(stream("phrasebook", split, src="de", tgt="en"), 3))
        assert len(forward) == 3
        assert backward == [Pair(p.tgt, p.src) for p in forward]
    fails("phrasebook", "en-ro", error=UsageError, tgt="ro")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not on this machine")
@pytest.mark.parametrize(
    ("name", "split", "count"),
    [
        ("multi30k.en-de", "dev", 1014),
        ("multi30k.en-de", "test", 1000),
        ("iwslt16.en-de", "dev", 993),
        ("tatoeba.en-de", "train", 165_813),
        ("openmix.en-ro", "dev", 1999),
    ],
)
def test_real_corpora_have_their_known_sizes(name: str, split: str, count: int) -> None:
    src, tgt = name.split(".")[1].split("-")
    pairs = read(SHARED / name / f"{split}.{{lang}}", src=src, tgt=tgt)
    assert len(pairs) == count
    assert all(pair.src and pair.tgt for pair in pairs)


def everyday_phrases(name: str) -> list[list[str]]:
    file = Path(__file__).parents[2] / "recipes" / name
    return [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not on this machine")
def test_no_phrase_that_shipped_models_learn_is_in_a_set_that_they_are_measured_on() -> None:
    for side, learnt in zip(
        ("en", "de"), zip(*everyday_phrases("everyday.en-de.tsv"), strict=True), strict=True
    ):
        for split in ("dev", "test"):
            measured = (SHARED / f"tatoeba.en-de/{split}.{side}").read_text(encoding="utf-8").splitlines()
            assert not set(learnt) & set(measured)


def test_the_other_direction_has_the_same_phrases_each_once() -> None:
    phrases = everyday_phrases("everyday.en-de.tsv")
    others = everyday_phrases("everyday.de-en.tsv")
    assert [de for de, _ in others] == list(dict.fromkeys(de for _, de in phrases))
    assert all([en, de] in phrases for de, en in others)
