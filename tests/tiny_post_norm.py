"""Tiny random students arranged as a teacher that was read, and what they have of it."""

import functools
from typing import Any

import torch
from torch import nn

from onepass.models.marian import NEVER as BIAS_OF_NEVER
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.stepwise import build
from onepass.settings import StudentSettings, TransformerSettings
from onepass.text.teacher_tokenizer import TeacherTokenizer, Vocabulary
from onepass.text.tokenizer import EOS, UNK
from tiny_marian import train_spm

RESERVED = 8
"""Ids behind the teacher's own."""


def tiny_sizes(**others: Any) -> TransformerSettings:
    sizes = {
        "width": 16,
        "ffn_width": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "heads": 2,
        "dropout": 0.0,
    }
    return TransformerSettings(**{**sizes, **others})


def vary_post_norm(model: nn.Module) -> None:
    """Varies what is all alike in a fresh student with post-norm: biases of words, norms, how slots start."""
    if not isinstance(model, OnePassTransformer) or not model.post_norm:
        return
    for name, parameter in model.named_parameters():
        if name in ("word_bias", "blank_bias"):
            parameter += 0.5 * torch.randn(parameter.shape)
        elif "norm" in name or name.startswith("from_states"):
            parameter += 0.1 * torch.randn(parameter.shape)
        elif "embedding" in name:
            parameter *= 4


@functools.cache
def teacher_tokenizer(lines: tuple[str, ...]) -> TeacherTokenizer:
    """A teacher's, of one vocabulary for both sides."""
    side = Vocabulary(train_spm(160, lines=lines), None, "a tiny teacher's")
    return TeacherTokenizer(side, side).extended(RESERVED)


def random_marian(sizes: TransformerSettings, vocabulary: int, *, joint: bool = True) -> MarianTransformer:
    """A teacher in eval mode that likes some translations much better than others."""
    torch.manual_seed(4)
    model = build(sizes, StudentSettings(), vocabulary, vocabulary, joint=joint)
    assert isinstance(model, MarianTransformer)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.6)
    return model.eval()


def varied_marian(vocabulary: int, **sizes: Any) -> MarianTransformer:
    """A teacher in eval mode whose translations vary with their sources, and mostly end before the cap."""
    torch.manual_seed(4)
    model = build(tiny_sizes(norm="post", **sizes), StudentSettings(), vocabulary, vocabulary, joint=True)
    assert isinstance(model, MarianTransformer)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "source" in name and parameter.dim() > 1:
                parameter *= 3
        model.src_embedding.weight.normal_(std=0.6)
        model.output.bias.zero_()
        model.output.bias[EOS] += 3
        model.output.bias[UNK] = BIAS_OF_NEVER
    return model.eval()
