"""Tiny random models of Marian in Hugging Face's format, made and saved by transformers itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from sentencepiece import SentencePieceProcessor

from tiny_marian import TEXT, train_spm

FORBIDDEN = -1e4
"""Bias of padding: transformers forbids it, but after its share of the probability has gone."""


@dataclass(frozen=True)
class HubShape:
    """A tiny model; with its seed and what is added to the bias of </s>, its translations vary and end."""

    width: int = 32
    inner: int = 64
    heads: int = 4
    encoder: int = 2
    decoder: int = 2
    activation: str = "swish"
    joint: bool = True
    tied: bool = True
    seed: int = 1
    ending: float = 3.0


def transformers_library() -> Any:
    """The library; the test is skipped where it is not installed."""
    return pytest.importorskip("transformers", reason="transformers is not installed")


def write_vocabularies(folder: Path, *, joint: bool, marks: tuple[str, ...] = ()) -> list[dict[str, int]]:
    """source.spm, target.spm and vocab.json (two without `joint`); </s>, <unk> first, <pad> last, as OPUS-MT.

    The sides learn from other lines, so that neither's ids are those of sentencepiece.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    for name, size, lines in (("source", 56, TEXT[::2]), ("target", 52, TEXT[1::2])):
        model = train_spm(size, lines=lines)
        (folder / f"{name}.spm").write_bytes(model)
        processor = SentencePieceProcessor(model_proto=model)
        pieces.append([processor.id_to_piece(i) for i in range(2, len(processor))])
    sides = [[*marks, *sorted({*pieces[0], *pieces[1]})]] if joint else [[*marks, *pieces[0]], pieces[1]]
    ids = [{piece: i for i, piece in enumerate(["</s>", "<unk>", *side, "<pad>"])} for side in sides]
    for name, listed in zip(("vocab.json", "target_vocab.json"), ids, strict=False):
        (folder / name).write_text(json.dumps(listed))
    return ids


def make_model(ids: list[dict[str, int]], shape: HubShape, **others: Any) -> Any:
    """A MarianMTModel in eval mode; `others` are of its settings."""
    library = transformers_library()
    torch.manual_seed(shape.seed)
    config = library.MarianConfig(
        vocab_size=len(ids[0]),
        decoder_vocab_size=len(ids[-1]),
        d_model=shape.width,
        encoder_ffn_dim=shape.inner,
        decoder_ffn_dim=shape.inner,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_layers=shape.encoder,
        decoder_layers=shape.decoder,
        activation_function=shape.activation,
        scale_embedding=True,
        share_encoder_decoder_embeddings=shape.joint,
        tie_word_embeddings=shape.tied,
        pad_token_id=ids[-1]["<pad>"],
        eos_token_id=ids[-1]["</s>"],
        decoder_start_token_id=ids[-1]["<pad>"],
        forced_eos_token_id=None,
        max_position_embeddings=256,
        **others,
    )
    model = library.MarianMTModel(config).eval()
    if shape.joint:  # without `tied`, transformers unties the sides, too
        model.model.encoder.embed_tokens = model.model.decoder.embed_tokens = model.model.shared
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_positions" in name:
                continue
            if "layer_norm" in name:
                parameter.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
            elif parameter.dim() == 1:
                parameter.normal_(0, 0.1)
            else:
                parameter.normal_(0, (2.6 if "layers" in name else 1.3) * shape.width**-0.5)
        for side, listed in (("encoder", ids[0]), ("decoder", ids[-1])):
            getattr(model.model, side).embed_tokens.weight[listed["<pad>"]] = 0
        if not shape.tied:
            model.lm_head.weight[ids[-1]["<pad>"]] = 0
        model.final_logits_bias.normal_(0, 0.3)
        model.final_logits_bias[0, ids[-1]["</s>"]] += shape.ending
        model.final_logits_bias[0, ids[-1]["<pad>"]] = FORBIDDEN
    return model


def write_hub_teacher(
    folder: Path, shape: HubShape | None = None, *, marks: tuple[str, ...] = (), **others: Any
) -> Any:
    """A folder as it is downloaded from the hub; the model."""
    shape = shape or HubShape()
    ids = write_vocabularies(folder, joint=shape.joint, marks=marks)
    model = make_model(ids, shape, **others)
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlanguage:\n- en\n- pt\nlicense: cc-by-4.0\n---\n# A tiny model\n")
    (folder / "tokenizer_config.json").write_text('{"source_lang": "en", "target_lang": "pt"}')
    return model
