"""A teacher's attention as alignment, against its own forward pass with weights written out."""

from array import array

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from onepass.alignment.attention import AttentionAligner, Head, attended, choose_head
from onepass.alignment.fast_align import Rows
from onepass.models.autoregressive import BOS
from onepass.models.marian import MarianTransformer
from onepass.nn.attention import MultiHeadAttention
from onepass.objectives.objective import pad_ids
from tiny_post_norm import random_marian, tiny_sizes

SRC = [[5, 6, 7], [8, 9], [4, 5, 6, 7, 8], []]
TGT = [[6, 5], [7, 7, 9, 4], [9, 8, 7], []]


def rows_of(sentences: list[list[int]]) -> Rows:
    return Rows.pack(array("i", (i for ids in sentences for i in ids)), [len(ids) for ids in sentences])


@pytest.fixture
def model() -> MarianTransformer:
    return random_marian(tiny_sizes(norm="post", cell="ssru"), 12)


def written_out(model: MarianTransformer, src: list[int], tgt: list[int]) -> torch.Tensor:
    """Weights [L, H, T + 1, S] of one sentence, as the model computes with when it scores the target."""
    seen: list[torch.Tensor] = []

    def watch(module: MultiHeadAttention, given: tuple) -> None:
        query, key, _, mask = given
        width = model.width // module.heads
        parts = module.projection(query), module.projection(key)
        q, k = (part[..., n * model.width : (n + 1) * model.width] for n, part in enumerate(parts))
        heads = [
            torch.softmax(q[0, :, h : h + width] @ k[0, :, h : h + width].T / width**0.5 + mask[0, 0], dim=-1)
            for h in range(0, model.width, width)
        ]
        seen.append(torch.stack(heads)[:, :, : len(src)])

    for layer in model.decoder:
        layer.source_attention.register_forward_pre_hook(watch)
    with torch.no_grad():
        model.decode(pad_ids([tgt]), model.encode(pad_ids([src])))
    return torch.stack(seen)


def test_the_places_are_where_each_head_looks_most_alone_or_in_a_batch(model: MarianTransformer) -> None:
    src, tgt = SRC[:3], TGT[:3]
    layers = list(attended(model, pad_ids(src), pad_ids(tgt), len(model.decoder) - 1))
    for row in range(3):
        wanted = written_out(model, src[row], tgt[row]).argmax(-1)
        for layer, found in enumerate(layers):
            assert torch.equal(found[row][:, : len(tgt[row]) + 1], wanted[layer])


@pytest.mark.parametrize("after", [False, True])
def test_each_target_token_has_one_link_of_the_head(model: MarianTransformer, after: bool) -> None:
    found = AttentionAligner(model, Head(1, 1, after)).align(rows_of(SRC), rows_of(TGT))
    for row, (src, tgt) in enumerate(zip(SRC[:3], TGT[:3], strict=True)):
        wanted = written_out(model, src, tgt)[1, 1].argmax(-1)[int(after) :][: len(tgt)]
        assert found.src_positions[row].tolist() == wanted.tolist()
        assert found.pharaoh[row] == " ".join(f"{s}-{t}" for t, s in enumerate(wanted.tolist()))
    assert found.pharaoh[3] == ""
    assert len(found.src_positions[3]) == 0


@pytest.mark.parametrize("head", [Head(0, 1, True), Head(1, 0, False)])
def test_the_head_is_chosen_that_agrees_most(model: MarianTransformer, head: Head) -> None:
    random = np.random.default_rng(1)
    src, tgt = (
        rows_of([random.integers(4, 10, size=random.integers(3, 9)).tolist() for _ in range(40)])
        for _ in range(2)
    )
    positions = AttentionAligner(model, head).align(src, tgt).src_positions
    assert choose_head(model, src, tgt, positions) == head


def test_the_position_that_writes_a_token_has_not_read_it(model: MarianTransformer) -> None:
    """Or both ways of reading a head would be one."""
    src = pad_ids([[5, 6, 7]])
    one, other = (list(attended(model, src, pad_ids([ids]), 1)) for ids in ([6, 5], [6, 9]))
    assert all(torch.equal(a[:, :, :2], b[:, :, :2]) for a, b in zip(one, other, strict=True))
    padded = F.pad(pad_ids([[6, 5]]), (1, 0), value=BOS)
    assert model.embed_target(padded).shape == (1, 3, model.width)
