"""What a one-pass student with post-norm takes from the teacher that was read.

Embeddings, encoder and bias, and in each decoder layer the attention to the source, the feed-forward and the
norms. A student deeper than its teacher takes the teacher's last layer again. Its self-attention is new, so
that its share of the sum is small at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from onepass.models.autoregressive import EOS
from onepass.models.marian import NEVER, MarianTransformer
from onepass.models.one_pass import OnePassTransformer
from onepass.models.slots import SlotTransformer
from onepass.models.stepwise import WordByWord

NEW_ATTENTION = 0.3
"""The output of the new self-attention is scaled by it."""

_OF_A_DECODER_LAYER = {
    "source_attention": "source_attention",
    "source_norm": "source_norm",
    "ffn": "ffn",
    "ffn_norm": "ffn_norm",
    "self_norm": "past_norm",
}
"""Parts of a student's layer, and of the teacher's."""
_ROWS_OF_WORDS = ("src_embedding.weight", "tgt_embedding.weight", "word_bias", "output.weight", "output.bias")
"""What has a row for each word, in students and teachers."""


@torch.no_grad()
def start_from_marian(student: OnePassTransformer, teacher: MarianTransformer) -> dict[str, str]:
    """Copies what both have.

    Args:
        student: with post-norm, fresh.
        teacher: of the same width, with the same words.

    Returns:
        The teacher's part for each part of the student's that came from it; one of another size did not.
    """
    theirs, taken = teacher.state_dict(), {}
    for own_part, their_part in _parts(student, teacher):
        own = {
            name: tensor
            for name, tensor in student.state_dict().items()
            if name == own_part or name.startswith(f"{own_part}.")
        }
        sources = {name: theirs[f"{their_part}{name.removeprefix(own_part)}"] for name in own}
        if all(own[name].shape == tensor.shape for name, tensor in sources.items()):
            for name, tensor in sources.items():
                own[name].copy_(tensor)
            taken[own_part] = their_part
    for layer in student.decoder:
        layer.self_attention.output.weight.mul_(NEW_ATTENTION)  # type: ignore[union-attr,operator]
    return taken


@torch.no_grad()
def deepen(student: SlotTransformer, learnt: int) -> None:
    """Makes the decoder's layers after the first `learnt` pass on what they read, nearly as it is.

    Each takes the weights of the last that has learnt, but adds nothing: the ends of its sublayers are 0. A
    norm after a sublayer would still scale what it reads to mean 0 and deviation 1. So it gets the mean and
    the deviation of the states before it, which differ little from place to place.
    """
    every, last = student.decoder, student.decoder[learnt - 1]
    student.decoder = every[:learnt]
    words = torch.linspace(EOS + 1, student.src_embedding.num_embeddings - 1, 1024).long().view(-1, 32)
    states = student.decode(words, student.encode(words)).states
    student.decoder = every
    deviation, mean = float(states.std(-1).mean()), float(states.mean())
    for layer in every[learnt:]:
        layer.load_state_dict(last.state_dict())
        for name, parameter in layer.named_parameters():
            part, kind = name.split(".")[-2:]
            if part in ("output", "outer"):
                parameter.zero_()
            elif student.post_norm and part.endswith("_norm"):
                parameter.fill_(deviation if kind == "weight" else mean)


@torch.no_grad()
def alias_rows(model: nn.Module, ids: Sequence[int], aliases: Sequence[int]) -> None:
    """Makes the rows and the bias of ids that were never written those of their aliases.

    So a student starts to carry placeholders, and its teacher scores them. A model that has learnt to write
    them keeps its own.
    """
    to = torch.tensor(ids)
    rows = {name: part for name, part in model.named_parameters() if name in _ROWS_OF_WORDS}
    biases = [part for part in rows.values() if part.dim() == 1]
    if all((bias[to] <= NEVER / 2).all() for bias in biases):
        for part in rows.values():
            part[to] = part[torch.tensor(aliases)]


def _parts(student: OnePassTransformer, teacher: MarianTransformer) -> Iterator[tuple[str, str]]:
    yield "src_embedding", "src_embedding"
    if not student.joint:  # the student's is also its output layer
        yield "tgt_embedding", "tgt_embedding" if teacher.sizes.tied else "output"
    yield "word_bias", "output.bias"
    for i in range(min(len(student.encoder.layers), len(teacher.encoder.layers))):
        yield f"encoder.layers.{i}", f"encoder.layers.{i}"
    for i in range(len(student.decoder)):
        last = min(i, len(teacher.decoder) - 1)
        for own, their in _OF_A_DECODER_LAYER.items():
            yield f"decoder.{i}.{own}", f"decoder.{last}.{their}"


def reads_as(student: OnePassTransformer, teacher: WordByWord) -> bool:
    """Whether a student's embedding and encoder are the teacher's, weight by weight."""
    own, theirs = student.state_dict(), teacher.state_dict()
    names = [name for name in own.keys() | theirs.keys() if name.startswith(("src_embedding.", "encoder."))]
    return all(
        name in own
        and name in theirs
        and own[name].shape == theirs[name].shape
        and torch.equal(own[name].cpu(), theirs[name].cpu())
        for name in names
    )
