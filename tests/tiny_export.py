"""Tiny random students of every family, and their exported bundles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from onepass.alignment.lexicon import CorpusFacts, Lexicon
from onepass.bundle import Bundle
from onepass.decoding.weights import build_model, save_bundle
from onepass.export.runtime_bundle import write_graphs
from onepass.models.dag import DAGTransformer
from onepass.models.fertility import FERTILITY_CLASSES, FertilityTransformer
from onepass.runtime.text_translator import Hypotheses
from onepass.settings import StudentSettings, TransformerSettings
from onepass.text.tokenizer import EOS, UNK
from onepass.text.tokenizers import AnyTokenizer
from tiny_post_norm import random_marian, teacher_tokenizer, vary_post_norm
from tiny_run import SIZES, corpus_pairs, save_random_bundle, tokenizer

FAMILIES: dict[str, dict[str, Any]] = {
    "fertility": {},
    "ctc": {"slots": 3},
    "dag": {"slots": 4},
}
"""Settings of a student of each."""
AS_READ: dict[str, dict[str, Any]] = {
    "fertility as read": {"family": "fertility"},
    "ctc as read": {"family": "ctc", "slots": 3, "start": "states"},
    "dag as read": {"family": "dag", "slots": 5, "start": "states"},
}
"""Settings of students arranged as a teacher that was read, and with its tokenizer."""
READ_SIZES = {**SIZES, "norm": "post", "cell": "ssru"}


def words_of_read() -> AnyTokenizer:
    """The tokenizer of the students `AS_READ`."""
    return teacher_tokenizer(tuple(text for pair in corpus_pairs(60) for text in pair))


def random_student(directory: Path, name: str) -> Path:
    """A bundle for training of a student whose translations vary; the fertilities are mostly 0 to 3.

    It is one of `FAMILIES` or `AS_READ`.
    """
    as_read = name in AS_READ
    words, sizes = (words_of_read(), READ_SIZES) if as_read else (tokenizer(), SIZES)
    own = AS_READ[name] if as_read else {"family": name, **FAMILIES[name]}
    settings, family = StudentSettings(dropout=0.0, **own), own["family"]
    torch.manual_seed(2)
    model = build_model(family, TransformerSettings.model_validate(sizes), settings, words)
    with torch.no_grad():
        vary_post_norm(model)
        for part in model.modules():
            if isinstance(part, nn.Linear) and not as_read:
                part.weight *= 2
        if isinstance(model, FertilityTransformer):
            model.fertility.bias.copy_(-torch.arange(FERTILITY_CLASSES))
        elif isinstance(model, DAGTransformer):
            model.tgt_embedding.weight *= 5  # surer words, or the best path has none
    save_bundle(
        directory,
        model,
        words,
        kind=family,
        src="en",
        tgt="de",
        settings={"sizes": sizes, "student": settings.model_dump(mode="json")},
        provenance={},
    )
    return directory


def random_teacher(directory: Path, make_teacher: Callable[..., nn.Module]) -> Path:
    """A bundle for training of a teacher with the tokenizer of the students."""
    words = tokenizer()
    return save_random_bundle(directory, make_teacher(vocabulary=words.src_size, joint=True), words)


def random_read_teacher(directory: Path) -> Path:
    """A bundle of a teacher as one that was read, with the tokenizer of the students `AS_READ`."""
    words = words_of_read()
    save_bundle(
        directory,
        random_marian(TransformerSettings.model_validate(READ_SIZES), words.src_size),
        words,
        kind="autoregressive",
        src="en",
        tgt="de",
        settings={"sizes": READ_SIZES},
        provenance={},
    )
    return directory


def some_facts(words: AnyTokenizer | None = None) -> CorpusFacts:
    """Every source token in an example; in int8 it yields a few target tokens of its own."""
    size = (words or tokenizer()).src_size
    examples = [[i, i + 1] for i in range(UNK, size - 1)]
    yields = EOS + 1 + (np.arange(size)[:, None] + np.arange(5)) % (size - EOS - 1)
    return CorpusFacts(examples, lexicon=Lexicon(yields, np.arange(EOS + 1, size, 3)))


def exported(student: Path, to: Path, teacher: Path | None = None) -> Path:
    """A bundle for the runtime; with a teacher, it has candidates."""
    to.mkdir(parents=True)
    judge, bundle = None if teacher is None else Bundle.open(teacher), Bundle.open(student)
    write_graphs(bundle, to, some_facts(bundle.tokenizer()), teacher=judge)
    return to


def run_graph(path: Path, src_ids: Tensor, **others: np.ndarray) -> Hypotheses:
    """What a student's graph writes."""
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    found: dict[str, np.ndarray] = dict(
        zip(names, session.run(None, {"src_ids": src_ids.numpy(), **others}), strict=True)
    )
    fertilities = None
    if "fertilities" in found:
        fertilities = [
            row[:length].tolist()
            for row, length in zip(found["fertilities"], (src_ids != 0).sum(1).tolist(), strict=True)
        ]
    ids = [[token for token in row if token] for row in found["ids"].tolist()]
    sources = [row[: len(of)] for row, of in zip(found["sources"].tolist(), ids, strict=True)]
    return Hypotheses(ids, found["scores"].tolist(), with_end=False, fertilities=fertilities, sources=sources)
