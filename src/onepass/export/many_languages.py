"""M2M-100 and NLLB: teachers of many languages that only distil, with CTranslate2 and their own tokenizer.

They are no teachers of a run: their vocabularies of 128,000 words and more are no student's. What they
translate is a corpus like any other. The languages have the codes of the model's own tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from onepass.errors import ModelError, UsageError
from onepass.export.ctranslate2 import BATCHES_AHEAD, CPU, check_compute_type, save_spec
from onepass.models.one_pass import length_cap
from onepass.teachers.hub import CONFIG, read_json
from onepass.text.batches import batches_for_workers
from onepass.text.lines import one_line

_PAIR = re.compile(r"(\w+)-(\w+)")
_READ = (".json", ".model", ".safetensors")


@dataclass(frozen=True)
class ManyLanguages:
    """A model's folder, and the codes of the two languages that are wanted of it."""

    folder: Path
    src: str
    tgt: str

    @property
    def files(self) -> list[Path]:
        """Those that are read."""
        return sorted(path for path in self.folder.iterdir() if path.is_file() and path.suffix in _READ)


def is_of_many_languages(folder: Path) -> bool:
    """Whether it holds such a model. Raises ModelError where its settings are damaged."""
    config = folder / CONFIG
    return config.is_file() and read_json(config).get("model_type") == "m2m_100"


def many_languages(folder: Path, pair: str | None) -> ManyLanguages:
    """The model for a pair of codes, such as `eng_Latn-deu_Latn`.

    Raises:
        UsageError: there is no pair, or it is none.
    """
    match = _PAIR.fullmatch(pair or "")
    if match is None:
        raise UsageError(
            "A teacher of many languages needs to know which",
            where="--languages",
            value=pair,
            allowed="codes of its tokenizer: en-de for M2M-100, eng_Latn-deu_Latn for NLLB",
        )
    return ManyLanguages(folder, match[1], match[2])


def many_languages_engine(
    teacher: ManyLanguages,
    scratch: Path,
    *,
    beam_size: int,
    compute_type: str,
    batch_tokens: int,
    workers: int,
    device: torch.device = CPU,
) -> Callable[[Sequence[str]], list[str]]:
    """Translates lines; CTranslate2's model is written to `scratch`.

    Raises:
        ModelError: the model cannot be read.
        UsageError: it lacks a language, or the machine the compute type; transformers is not installed.
    """
    import ctranslate2

    check_compute_type(compute_type, device)
    tokenizer = _tokenizer(teacher)
    tokenizer.src_lang = teacher.src
    target, longest = _language(tokenizer, teacher.tgt), _positions(teacher)
    if not (scratch / "model.bin").exists():
        _convert(teacher, tokenizer, scratch)
    threads, ahead = torch.get_num_threads(), BATCHES_AHEAD * workers
    engine = ctranslate2.Translator(
        str(scratch),
        device=device.type,
        device_index=device.index or 0,
        compute_type=compute_type,
        intra_threads=1,
        inter_threads=workers,
    )
    torch.set_num_threads(threads)  # both share OpenMP, and loading set its number

    def start(rows: list[list[str]]) -> list[Any]:
        results: list[Any] = engine.translate_batch(
            rows,
            target_prefix=[[target]] * len(rows),
            asynchronous=True,
            beam_size=beam_size,
            max_input_length=longest,
            max_decoding_length=min(length_cap(max(map(len, rows))), longest - 1),
        )
        return results

    def translate(lines: Sequence[str]) -> list[str]:
        texts = [""] * len(lines)
        filled = [i for i, line in enumerate(lines) if line.strip()]
        read = [tokenizer.encode(lines[i], truncation=True, max_length=longest) for i in filled]
        rows = [tokenizer.convert_ids_to_tokens(ids) for ids in read]
        batches = batches_for_workers([len(row) for row in rows], batch_tokens)
        for first in range(0, len(batches), ahead):  # an interrupt waits for those that are started
            started = batches[first : first + ahead]
            for batch, results in zip(started, [start([rows[i] for i in b]) for b in started], strict=True):
                for i, result in zip(batch, results, strict=True):
                    # The first subword is the language.
                    written = result.result().hypotheses[0][1 : 1 + length_cap(len(rows[i]))]
                    ids = tokenizer.convert_tokens_to_ids(written)
                    texts[filled[i]] = one_line(tokenizer.decode(ids, skip_special_tokens=True))
        return texts

    return translate


def _positions(teacher: ManyLanguages) -> int:
    """The longest text, in subwords; a longer one is cut."""
    path = teacher.folder / CONFIG
    longest = read_json(path).get("max_position_embeddings", 1024)
    if not isinstance(longest, int) or not 1 < longest <= 2**20:
        raise ModelError(
            "The teacher has a setting that is not read",
            where=f"{path}, max_position_embeddings",
            value=longest,
            allowed="a whole number above 1",
        )
    return longest


def _library(folder: Path) -> Any:
    try:
        import transformers
    except ImportError:
        raise UsageError(
            "A teacher of many languages needs the library transformers",
            where=folder,
            fix="pip install 'onepass[multilingual]'",
        ) from None
    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    return library


def _tokenizer(teacher: ManyLanguages) -> Any:
    library = _library(teacher.folder)
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(str(teacher.folder), local_files_only=True)
    except Exception as error:  # the library has no error of its own
        raise _unreadable(teacher, error) from None
    _language(tokenizer, teacher.src)
    return tokenizer


def _language(tokenizer: Any, code: str) -> str:
    """The subword of a language."""
    for token in (f"__{code}__", code):
        if tokenizer.convert_tokens_to_ids(token) not in (None, tokenizer.unk_token_id):
            return token
    raise UsageError(
        "The teacher has no such language",
        where="--languages",
        value=code,
        allowed="codes of its tokenizer, such as en in M2M-100 and eng_Latn in NLLB",
    )


def _convert(teacher: ManyLanguages, tokenizer: Any, to: Path) -> None:
    """Writes CTranslate2's model."""
    from ctranslate2.converters.transformers import M2M100Loader

    class Loader(M2M100Loader):  # type: ignore[misc]
        """With a subword for each id: the languages are no part of `get_vocab` in every release."""

        def get_vocabulary(self, model: Any, tokenizer: Any) -> list[str]:
            return _subwords(tokenizer, model.config.vocab_size)

    if not any(path.suffix == ".safetensors" for path in teacher.files):
        raise ModelError(
            "A file of the teacher is missing",
            where=teacher.folder,
            allowed="weights as .safetensors; a pickle is not read",
            fix="save the model with transformers again",
        )
    model_class = _library(teacher.folder).M2M100ForConditionalGeneration
    try:
        with torch.no_grad():
            model = model_class.from_pretrained(
                str(teacher.folder), local_files_only=True, use_safetensors=True
            )
            spec = Loader()(model.float(), tokenizer)
        spec.validate()
        spec.optimize()
    except Exception as error:  # as above; CTranslate2 has none either
        raise _unreadable(teacher, error) from None
    save_spec(spec, to, None)


def _subwords(tokenizer: Any, count: int) -> list[str]:
    """By id, each once; ids without one have a name that no text has."""
    seen: dict[str, int] = {}
    for i in range(count):
        piece = tokenizer.convert_ids_to_tokens(i)
        missing = (
            piece is None or piece in seen or (piece == tokenizer.unk_token and i != tokenizer.unk_token_id)
        )
        seen[f"<none{i}>" if missing else piece] = i
    return list(seen)


def _unreadable(teacher: ManyLanguages, error: Exception) -> ModelError:
    why = f"{type(error).__name__}: {error}".partition("\n")[0]
    return ModelError(f"The teacher cannot be read: {why}", where=teacher.folder, fix="get the files again")
