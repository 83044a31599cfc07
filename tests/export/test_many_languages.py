"""M2M-100 and NLLB distil: CTranslate2 writes what the library transformers writes with the same weights."""

import functools
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch

from onepass.errors import ModelError, OnepassError, UsageError
from onepass.export.many_languages import many_languages, many_languages_engine
from onepass.pipeline import distill
from onepass.pipeline.shards import translated
from onepass.pipeline.teacher_engines import check_engine, find
from onepass.settings import DistillSettings
from onepass.teachers.find import find_teacher
from onepass.text.lines import CutLines, read_lines
from tiny_hub import transformers_library, write_hub_teacher
from tiny_marian import TEXT
from tiny_run import assert_clear_error, call, write_lines

pytestmark = pytest.mark.usefixtures("no_gradient")
LINES = TEXT[:60:2]
LANGUAGES = 100
LONGEST = 30


@functools.cache
def pieces_and_model() -> tuple[list[str], bytes]:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_writer=model,
        model_type="bpe",
        vocab_size=70,
        num_threads=1,
        minloglevel=3,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(i) for i in range(3, len(processor))], model.getvalue()


@functools.cache
def written(kind: str) -> tuple[Path, Any]:
    """The folder of a tiny random model of one of the kinds, and the model."""
    library = transformers_library()
    folder = Path(tempfile.mkdtemp(prefix="onepass-many-"))
    pieces, model = pieces_and_model()
    ids = {piece: i for i, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    if kind == "m2m100":
        (folder / "sentencepiece.bpe.model").write_bytes(model)
        (folder / "vocab.json").write_text(json.dumps(ids))
        files = (str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
        tokenizer = library.M2M100Tokenizer(*files)
        size = len(ids) + LANGUAGES + 8
    else:
        languages = ["eng_Latn", "por_Latn", "deu_Latn"]
        tokenizer = library.NllbTokenizer(vocab=ids, merges=[], additional_special_tokens=languages)
        size = len(tokenizer)
    config = library.M2M100Config(
        vocab_size=size,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        max_position_embeddings=128,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
    )
    torch.manual_seed(1)
    made = library.M2M100ForConditionalGeneration(config).eval()
    for name, parameter in made.named_parameters():
        if parameter.dim() == 2:  # much of the source, so that translations vary
            parameter.normal_(0, (5 if "encoder_attn" in name else 2) * 32**-0.5)
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder, made


PAIRS = {"m2m100": ("en", "pt", "__pt__"), "nllb": ("eng_Latn", "por_Latn", "por_Latn")}


def letters(text: str) -> str:
    """The first ones; transformers spells a word without a name as <unk>, which changes spaces beside it."""
    return text.replace("<unk>", "").replace(" ", "")[:LONGEST]


def transformers_texts(kind: str, beam_size: int) -> list[str]:
    """What transformers writes of each line alone."""
    folder, model = written(kind)
    src, _, token = PAIRS[kind]
    tokenizer = transformers_library().AutoTokenizer.from_pretrained(folder)
    tokenizer.src_lang = src
    texts = []
    for line in LINES:
        [row] = model.generate(
            **tokenizer([line], return_tensors="pt"),
            forced_bos_token_id=tokenizer.convert_tokens_to_ids(token),
            num_beams=beam_size,
            do_sample=False,
            early_stopping=beam_size > 1,
            max_new_tokens=60,
        )
        texts.append(letters(tokenizer.decode(row[2:], skip_special_tokens=True)))  # </s>, the language
    return texts


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("kind", PAIRS)
def test_it_writes_what_transformers_writes(kind: str, beam_size: int, tmp_path: Path) -> None:
    """Beams of random models seldom end, and where they are cut the engines choose otherwise now and then."""
    folder, _ = written(kind)
    teacher = many_languages(folder, "-".join(PAIRS[kind][:2]))
    translate = many_languages_engine(
        teacher, tmp_path, beam_size=beam_size, compute_type="float32", batch_tokens=300, workers=1
    )
    found = [letters(text) for text in translate([*LINES, " "])]
    expected = [*transformers_texts(kind, beam_size), ""]
    same = sum(a == b for a, b in zip(found, expected, strict=True))
    assert same == len(expected) if beam_size == 1 else same >= 0.8 * len(expected)
    assert len(set(expected)) >= 5


def test_the_languages_change_what_is_written(tmp_path: Path) -> None:
    folder, _ = written("nllb")
    texts = {}
    for number, pair in enumerate(("eng_Latn-por_Latn", "eng_Latn-deu_Latn", "deu_Latn-por_Latn")):
        translate = many_languages_engine(
            many_languages(folder, pair),
            tmp_path / str(number),
            beam_size=1,
            compute_type="float32",
            batch_tokens=300,
            workers=1,
        )
        texts[pair] = tuple(translate(LINES))
    assert len(set(texts.values())) == 3


def test_a_line_longer_than_the_models_positions_is_cut(tmp_path: Path) -> None:
    teacher = many_languages(written("m2m100")[0], "en-pt")
    translate = many_languages_engine(
        teacher, tmp_path, beam_size=1, compute_type="float32", batch_tokens=300, workers=1
    )
    assert all(translate([" ".join(LINES), LINES[0]]))
    assert translate([" ", ""]) == ["", ""]


def test_a_file_is_distilled(tmp_path: Path) -> None:
    folder, _ = written("m2m100")
    write_lines(tmp_path / "text.en", LINES[:5])
    command = ("distill", "--teacher", folder, "--src", tmp_path / "text.en", "--to", tmp_path / "text.pt")
    done = call(*command, "--languages", "en-pt")
    assert done.code == 0, done.err
    assert [letters(text) for text in read_lines(tmp_path / "text.pt")] == transformers_texts("m2m100", 1)[:5]
    assert_clear_error(call(*command), 2, "needs to know which")


def test_another_pair_does_not_take_its_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = written("m2m100")
    write_lines(tmp_path / "text.en", LINES[:5])
    shards = []

    def spy(scratch, teacher, settings, crew):
        shards.append(scratch.name)
        return translated(CutLines(scratch / distill.SOURCES, 3), scratch, lambda part, _: list(part))

    monkeypatch.setattr(distill, "_shards", spy)
    settings = DistillSettings()
    for pair in ("en-pt", "en-de", "de-pt", "en-pt"):
        teacher = find(str(folder), pair)
        distill.distill_file(
            tmp_path / "text.en", teacher, tmp_path / "text", settings, progress=lambda *_: None
        )
    assert shards[0] == shards[3]
    assert len(set(shards)) == 3


@pytest.mark.parametrize("pair", ["xx-pt", "en-xx", "en", "en-pt-de", "-pt", ""])
def test_languages_that_it_does_not_have_are_errors(tmp_path: Path, pair: str) -> None:
    with pytest.raises(UsageError, match="--languages"):
        many_languages_engine(
            many_languages(written("m2m100")[0], pair),
            tmp_path,
            beam_size=1,
            compute_type="float32",
            batch_tokens=300,
            workers=1,
        )


def test_it_is_no_teacher_of_a_run_and_has_one_engine(tmp_path: Path) -> None:
    folder, _ = written("m2m100")
    with pytest.raises(ModelError, match="onepass distill --languages"):
        find_teacher(str(folder))
    teacher = find(str(folder), "en-pt")
    assert (teacher.usual_engine, teacher.of_marian, teacher.languages) == ("ctranslate2", False, None)
    for engine in ("torch", "fxtranslate"):
        with pytest.raises(UsageError, match="This engine cannot have the teacher"):
            check_engine(teacher, DistillSettings.model_validate({"engine": engine}))
    write_hub_teacher(tmp_path)
    with pytest.raises(UsageError, match="one pair of languages"):
        find(str(tmp_path), "en-pt")


@pytest.mark.parametrize("name", ["vocab.json", "model.safetensors", "config.json", "tokenizer_config.json"])
def test_damaged_and_missing_files_are_one_clear_error(tmp_path: Path, name: str) -> None:
    folder, _ = written("m2m100")
    for change in ("missing", "cut"):
        copied = shutil.copytree(folder, tmp_path / change)
        data = (copied / name).read_bytes()
        (copied / name).unlink()
        if change == "cut":
            (copied / name).write_bytes(data[: len(data) // 2])
        elif name in ("config.json", "tokenizer_config.json"):
            continue  # without them it is no such model, or has the usual tokenizer
        with pytest.raises(OnepassError) as caught:
            many_languages_engine(
                find(str(copied), "en-pt").many,  # type: ignore[arg-type]
                tmp_path / "scratch",
                beam_size=1,
                compute_type="float32",
                batch_tokens=300,
                workers=1,
            )
        assert str(copied) in str(caught.value)
        assert not (tmp_path / "scratch" / "model.bin").exists()
