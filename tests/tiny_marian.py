"""Tiny random Marian models, written by the rules of the format and not with the reader's code."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece
from numpy.typing import NDArray

FLOAT32, INT8, INTGEMM8 = 0x404, 0x101, 0x4101
MAGIC = 0xF11A48D5013417F5

ENDING = 2.0
"""Added to the bias of </s>."""

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """What is random besides the weights is said here."""

    width: int = 64
    inner: int = 128
    heads: int = 4
    encoder: int = 2
    decoder: int = 2
    recurrent: bool = True
    activation: str = "relu"
    src_words: int = 56
    tgt_words: int = 56
    joint: bool = True
    tied: bool = True

    def settings(self) -> str:
        """The text of `special:model.yml`."""

        def flag(value: bool) -> str:
            return "true" if value else "false"

        return f"""dec-cell: ssru
dec-cell-base-depth: 2
dec-cell-high-depth: 1
dec-depth: {self.decoder}
dim-emb: {self.width}
dim-rnn: 1024
dim-vocabs:
  - {self.src_words}
  - {self.tgt_words}
enc-cell: gru
enc-cell-depth: 1
enc-depth: {self.encoder}
enc-type: bidirectional
factors-combine: sum
factors-dim-emb: 0
input-types: []
layer-normalization: false
lemma-dependency: ""
lemma-dim-emb: 0
output-omit-bias: false
right-left: false
skip: false
tied-embeddings: {flag(self.tied and not self.joint)}
tied-embeddings-all: {flag(self.tied and self.joint)}
tied-embeddings-src: {flag(self.joint and not self.tied)}
transformer-aan-activation: swish
transformer-aan-depth: 2
transformer-aan-nogate: false
transformer-decoder-autoreg: {"rnn" if self.recurrent else "self-attention"}
transformer-decoder-dim-ffn: 0
transformer-decoder-ffn-depth: 0
transformer-depth-scaling: false
transformer-dim-aan: 2048
transformer-dim-ffn: {self.inner}
transformer-ffn-activation: {self.activation}
transformer-ffn-depth: 2
transformer-guided-alignment-layer: last
transformer-heads: {self.heads}
transformer-no-projection: false
transformer-pool: false
transformer-postprocess: dan
transformer-postprocess-emb: d
transformer-postprocess-top: ""
transformer-preprocess: ""
transformer-tied-layers: []
transformer-train-position-embeddings: false
type: transformer
ulr: false
ulr-dim-emb: 0
ulr-trainable-transformation: false
version: v1.9.56
"""


def random_arrays(shape: Shape, seed: int = 1) -> Arrays:
    """All arrays of a model, matrices as (inputs, outputs); its translations vary and mostly end."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}

    def normal(name: str, rows: int, columns: int, deviation: float, mean: float = 0.0) -> None:
        arrays[name] = rng.normal(mean, deviation, (rows, columns)).astype(np.float32)

    def linear(names: str, prefix: str, inputs: int, outputs: int) -> None:
        for name in names:
            normal(f"{prefix}_W{name}", inputs, outputs, 4.5 * inputs**-0.5)
            normal(f"{prefix}_b{name}", 1, outputs, 0.02)

    def norm(prefix: str) -> None:
        normal(f"{prefix}_ln_scale", 1, width, 0.2, 1.0)
        normal(f"{prefix}_ln_bias", 1, width, 0.02)

    width, inner = shape.width, shape.inner
    for side, layers in (("encoder", shape.encoder), ("decoder", shape.decoder)):
        for number in range(1, layers + 1):
            layer = f"{side}_l{number}"
            if side == "encoder" or not shape.recurrent:
                linear("qkvo", f"{layer}_self", width, width)
                norm(f"{layer}_self_Wo")
            else:
                normal(f"{layer}_rnn_W", width, width, 6 * width**-0.5)
                linear("f", f"{layer}_rnn", width, width)
                norm(f"{layer}_rnn_ffn")
            if side == "decoder":
                linear("qkvo", f"{layer}_context", width, width)
                norm(f"{layer}_context_Wo")
            linear("1", f"{layer}_ffn", width, inner)
            linear("2", f"{layer}_ffn", inner, width)
            norm(f"{layer}_ffn_ffn")
    if shape.joint:
        normal("Wemb", shape.src_words, width, 2 * width**-0.5)
    else:
        normal("encoder_Wemb", shape.src_words, width, 2 * width**-0.5)
        normal("decoder_Wemb", shape.tgt_words, width, 2 * width**-0.5)
    if not shape.tied:
        normal("decoder_ff_logit_out_Wt", shape.tgt_words, width, 2 * width**-0.5)
    normal("decoder_ff_logit_out_b", 1, shape.tgt_words, 0.3)
    arrays["decoder_ff_logit_out_b"][0, 0] += ENDING
    return arrays


def is_matrix(name: str) -> bool:
    """It is in 8 bits where a model is."""
    return "Wemb" in name or name[-3:-1] == "_W" or name.endswith("_W")


def quantised(array: NDArray[np.float32]) -> tuple[NDArray[np.int8], np.float32]:
    """Bytes and multiplier."""
    multiplier = np.float32(127 / np.abs(array).max())
    return np.clip(np.round(array * multiplier), -127, 127).astype(np.int8), multiplier


def as_in_8_bits(arrays: Arrays) -> Arrays:
    """What is left of the matrices in 8 bits."""
    rounded = dict(arrays)
    for name, array in arrays.items():
        if is_matrix(name):
            whole, multiplier = quantised(array)
            rounded[name] = whole.astype(np.float32) / multiplier
    return rounded


def binary_bytes(arrays: Arrays, settings: str, *, eight_bits: bool, alpha: float = 20.0) -> bytes:
    """A binary model; with the scale of each matrix's inputs where it is in 8 bits."""
    items: list[tuple[str, int, Sequence[int], bytes]] = []
    for name, array in sorted(arrays.items()):
        if eight_bits and is_matrix(name):
            whole, multiplier = quantised(array)
            stored = whole if "Wemb" in name else whole.T
            items.append((name, INTGEMM8, array.shape, stored.tobytes() + multiplier.tobytes()))
            if "Wemb" not in name:
                items.append((f"{name}_QuantMultA", FLOAT32, (1, 1), np.float32(alpha).tobytes()))
        else:
            items.append((name, FLOAT32, array.shape, array.tobytes()))
    if eight_bits and "Wemb" in arrays:
        items.append(("none_QuantMultA", FLOAT32, (1, 1), np.float32(alpha).tobytes()))
    text = settings.encode() + b"\0"
    items.append(("special:model.yml", INT8, (len(text),), text))
    return pack(items)


def pack(items: Sequence[tuple[str, int, Sequence[int], bytes]], *, align: int = 256) -> bytes:
    """Name, type, shape and data of each item -> a file."""
    padded = [data + bytes(-len(data) % align) for *_, data in items]
    head = struct.pack("<QQ", 1, len(items))
    for (name, kind, shape, _), data in zip(items, padded, strict=True):
        head += struct.pack("<QQQQ", len(name) + 1, kind, len(shape), len(data))
    for name, *_ in items:
        head += name.encode() + b"\0"
    for _, _, shape, _ in items:
        head += struct.pack(f"<{len(shape)}i", *shape)
    gap = -(len(head) + 8) % align
    return head + struct.pack("<Q", gap) + bytes(gap) + b"".join(padded)


def write_npz(path: Path, arrays: Arrays, settings: str) -> None:
    """Marian's archive."""
    text = np.frombuffer(settings.encode() + b"\0", dtype=np.int8)
    np.savez(path, **arrays, **{"special:model.yml": text})  # type: ignore[arg-type]


TEXT = [
    f"{subject} {verb} {number} {thing} {where}."
    for subject in ("The cat", "A small dog", "My old friend", "Nobody here", "Every teacher")
    for verb in ("sees", "carries", "remembers", "never wants")
    for number in ("one", "two", "seven", "too many")
    for thing in ("houses", "letters", "open windows", "rivers")
    for where in ("at night", "in the garden", "by the sea")
]


def train_spm(words: int, *, kind: str = "unigram", lines: Sequence[str] = TEXT, **options: object) -> bytes:
    """A sentencepiece model with Marian's special ids: </s> 0, <unk> 1."""
    import io

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type=kind,
        vocab_size=words,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        pad_id=-1,
        num_threads=1,
        minloglevel=3,
        **options,
    )
    return model.getvalue()


def shortlist_bytes(lists: Mapping[int, Sequence[int]], words: int, *, first: int = 8) -> bytes:
    """`lex.bin` of the target ids of each source id."""
    rows = [sorted(lists.get(i, ())) for i in range(words)]
    offsets = np.cumsum([0, *map(len, rows)]).astype("<u8")
    flat = np.array([i for row in rows for i in row], dtype="<u4")
    rest = struct.pack("<QQQQ", first, 50, len(offsets), len(flat)) + offsets.tobytes() + flat.tobytes()
    return struct.pack("<QQ", MAGIC, plain_checksum(rest)) + rest


def plain_checksum(data: bytes) -> int:
    """As Marian hashes whole words of 64 bits."""
    seed = 0
    for i in range(len(data) // 8):
        (word,) = struct.unpack_from("<Q", data, 8 * i)
        mixed = word + 0x9E3779B9 + ((seed << 6) % 2**64) + (seed >> 2)
        seed ^= mixed % 2**64
    return seed


def write_teacher(
    folder: Path,
    shape: Shape | None = None,
    *,
    seed: int = 1,
    eight_bits: bool = True,
    pieces: Sequence[str] = (),
) -> Arrays:
    """model.bin, vocab.spm and lex.bin of a joint vocabulary; the arrays, as they are read.

    Some pieces may be in the vocabulary that the text does not have.
    """
    shape = shape or Shape()
    folder.mkdir(parents=True, exist_ok=True)
    arrays = random_arrays(shape, seed)
    (folder / "model.tiny.bin").write_bytes(binary_bytes(arrays, shape.settings(), eight_bits=eight_bits))
    (folder / "vocab.tiny.spm").write_bytes(train_spm(shape.src_words, user_defined_symbols=list(pieces)))
    rng = np.random.default_rng(seed)
    lists = {i: rng.choice(shape.tgt_words, 5, replace=False).tolist() for i in range(shape.src_words)}
    (folder / "lex.tiny.bin").write_bytes(shortlist_bytes(lists, shape.src_words))
    return as_in_8_bits(arrays) if eight_bits else arrays
