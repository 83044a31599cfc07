"""The teacher in CTranslate2: the engine of distillation, and the rival in speed."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onepass.alignment.lexicon import Lexicon
from onepass.bundle import Bundle
from onepass.decoding.weights import load_teacher
from onepass.errors import ModelError, UsageError
from onepass.files import naming_full_disk, replacing, write_text
from onepass.models.autoregressive import PAD
from onepass.models.marian import MarianTransformer
from onepass.models.one_pass import length_cap
from onepass.nn.attention import MultiHeadAttention
from onepass.nn.device import own_device
from onepass.nn.positions import sinusoidal_positions
from onepass.nn.transformer import FeedForward
from onepass.runtime.text_translator import Hypotheses, TextTranslator
from onepass.text.tokenizers import AnyTokenizer

VOCABULARY_MAP = "vmap.txt"
"""CTranslate2's name of the file that says which words a source can yield."""
MAX_POSITIONS = 1024
CPU = torch.device("cpu")
BATCHES_AHEAD = 2
"""Of each worker, given to CTranslate2 before the first of them is back."""


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().cpu().numpy()


def _fill_linear(spec: Any, weight: Tensor, bias: Tensor) -> None:
    spec.weight, spec.bias = _array(weight), _array(bias)


def _fill_norm(spec: Any, norm: nn.LayerNorm) -> None:
    spec.gamma, spec.beta = _array(norm.weight), _array(norm.bias)


def _fill_attention(spec: Any, attention: MultiHeadAttention, *, to_source: bool) -> None:
    weight, bias = attention.projection.weight, attention.projection.bias
    width = attention.output.in_features
    if to_source:
        _fill_linear(spec.linear[0], weight[:width], bias[:width])
        _fill_linear(spec.linear[1], weight[width:], bias[width:])
    else:
        _fill_linear(spec.linear[0], weight, bias)
    _fill_linear(spec.linear[-1], attention.output.weight, attention.output.bias)


def _fill_ffn(spec: Any, ffn: FeedForward, norm: nn.LayerNorm) -> None:
    _fill_norm(spec.layer_norm, norm)
    _fill_linear(spec.linear_0, ffn.inner.weight, ffn.inner.bias)
    _fill_linear(spec.linear_1, ffn.outer.weight, ffn.outer.bias)


def export_ctranslate2(
    bundle: Bundle, directory: Path, *, quantization: str | None = None, lexicon: Lexicon | None = None
) -> None:
    """Writes a teacher bundle as a CTranslate2 model.

    Args:
        bundle: of a teacher.
        directory: to create.
        quantization: None for float32; otherwise a name CTranslate2 knows, such as "int8".
        lexicon: for a vocabulary map, with which translations can be limited to the words that their
            sources yield.

    Raises:
        ModelError: the bundle is not a teacher's.
        UsageError: CTranslate2 does not know the quantization.
    """
    import ctranslate2

    _check_quantization(quantization)
    model = load_teacher(bundle, purpose="be exported to CTranslate2")
    if isinstance(model, MarianTransformer):
        raise ModelError(
            "CTranslate2 has no model of this kind: Marian's arrangement of layers",
            where=bundle.directory,
            fix="use torch: `onepass translate --model`, or `--engine torch` where there is a choice",
        )
    layers = (len(model.encoder.layers), len(model.decoder))
    heads = model.encoder.layers[0].self_attention.heads  # type: ignore[union-attr]
    spec = ctranslate2.specs.TransformerSpec.from_config(
        layers, heads, pre_norm=True, activation=ctranslate2.specs.Activation.RELU
    )
    positions = sinusoidal_positions(MAX_POSITIONS, model.width).numpy()
    for side, embedding in ((spec.encoder, model.src_embedding), (spec.decoder, model.tgt_embedding)):
        embeddings = side.embeddings[0] if isinstance(side.embeddings, list) else side.embeddings
        embeddings.weight = _array(embedding.weight)
        side.scale_embeddings = True
        side.position_encodings.encodings = positions
    _fill_norm(spec.encoder.layer_norm, model.encoder.norm)
    _fill_norm(spec.decoder.layer_norm, model.decoder_norm)
    spec.decoder.projection.weight = _array(model.tgt_embedding.weight)
    for part, layer in zip(spec.encoder.layer, model.encoder.layers, strict=True):
        _fill_norm(part.self_attention.layer_norm, layer.self_norm)  # type: ignore[arg-type]
        _fill_attention(part.self_attention, layer.self_attention, to_source=False)  # type: ignore[arg-type]
        _fill_ffn(part.ffn, layer.ffn, layer.ffn_norm)  # type: ignore[arg-type]
    for part, layer in zip(spec.decoder.layer, model.decoder, strict=True):
        _fill_norm(part.self_attention.layer_norm, layer.self_norm)  # type: ignore[arg-type]
        _fill_attention(part.self_attention, layer.self_attention, to_source=False)  # type: ignore[arg-type]
        _fill_norm(part.attention.layer_norm, layer.source_norm)  # type: ignore[arg-type]
        _fill_attention(part.attention, layer.source_attention, to_source=True)  # type: ignore[arg-type]
        _fill_ffn(part.ffn, layer.ffn, layer.ffn_norm)  # type: ignore[arg-type]
    tokenizer = bundle.tokenizer()
    spec.register_source_vocabulary(tokenizer.src_vocabulary())
    spec.register_target_vocabulary(tokenizer.tgt_vocabulary())
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = tokenizer.tgt_pieces([2, 3, 1])
    spec.config.decoder_start_token = spec.config.bos_token
    spec.validate()
    spec.optimize(quantization=quantization)
    save_spec(spec, directory, None if lexicon is None else vocabulary_map(lexicon, tokenizer))


def vocabulary_map(lexicon: Lexicon, tokenizer: AnyTokenizer) -> str:
    """CTranslate2's vocabulary map: a line a source token, the first one for every sentence."""
    src, tgt = tokenizer.src_vocabulary(), tokenizer.tgt_vocabulary()
    rows = [("", lexicon.always), *zip(src, (row[row != PAD] for row in lexicon.yields), strict=True)]
    return "".join(f"{piece}\t{' '.join(tgt[i] for i in row)}\n" for piece, row in rows if len(row))


def _check_quantization(name: str | None) -> None:
    from ctranslate2.specs.model_spec import ACCEPTED_MODEL_TYPES

    if name is not None and name not in ACCEPTED_MODEL_TYPES:
        raise UsageError(
            "CTranslate2 does not know this quantization",
            where="quantization",
            value=name,
            allowed=", ".join(ACCEPTED_MODEL_TYPES),
        )


def save_spec(spec: Any, directory: Path, vmap: str | None) -> None:
    """Writes a model, and its vocabulary map if it has one.

    Each file appears whole or not at all, the weights last: where they are, the rest is too.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=directory) as partial:
        with naming_full_disk(directory):
            spec.save(partial)
        if vmap is not None:
            write_text(Path(partial) / VOCABULARY_MAP, vmap)
        for path in sorted(Path(partial).iterdir(), key=lambda path: path.name == "model.bin"):
            with replacing(directory / path.name) as replaced:
                path.replace(replaced)


def engine_device() -> torch.device:
    """This process's device, as far as CTranslate2 was built for it."""
    import ctranslate2

    return own_device() if ctranslate2.get_cuda_device_count() else CPU


def check_compute_type(name: str, device: torch.device = CPU) -> None:
    """Raises UsageError where the device does not have it."""
    import ctranslate2

    supported = ctranslate2.get_supported_compute_types(device.type, device.index or 0)
    if name not in supported:
        raise UsageError(
            "CTranslate2 does not have this compute type here",
            where="compute_type",
            value=name,
            allowed=", ".join(sorted(supported)),
        )


class CTranslate2Translator(TextTranslator):
    """Text to text with an exported teacher.

    Args:
        directory: written by `export_ctranslate2`.
        tokenizer: of the teacher's bundle.
        beam_size: 1 is greedy.
        compute_type: float32, int8, bfloat16 ... as CTranslate2 names them.
        use_vmap: limit each batch to the words of its vocabulary map, which the model must have.
        threads: of one batch; `workers` batches run side by side.
        batch_tokens: most source tokens, padding included, in a batch.
        device: of `engine_device`.

    Attributes:
        description: the engine, for the tables.

    Raises:
        UsageError: the machine does not have the compute type.
    """

    def __init__(
        self,
        directory: Path,
        tokenizer: AnyTokenizer,
        *,
        beam_size: int = 1,
        compute_type: str = "float32",
        use_vmap: bool = False,
        threads: int = 1,
        workers: int = 1,
        batch_tokens: int = 2048,
        device: torch.device = CPU,
    ) -> None:
        import ctranslate2

        super().__init__(
            tokenizer,
            lambda rows: next(self.decode_batches([rows])),
            batch_tokens=batch_tokens,
            batch_size=batch_tokens,  # as many rows of a token as there may be
            workers=workers,
        )
        check_compute_type(compute_type, device)
        torch_threads = torch.get_num_threads()
        self._translator = ctranslate2.Translator(
            str(directory),
            device=device.type,
            device_index=device.index or 0,
            compute_type=compute_type,
            intra_threads=threads,
            inter_threads=workers,
        )
        torch.set_num_threads(torch_threads)  # both share OpenMP, and loading set its number to `threads`
        self._beam_size, self._use_vmap = beam_size, use_vmap
        self._ids = {piece: i for i, piece in enumerate(tokenizer.tgt_vocabulary())}
        self._never = [[piece] for piece in tokenizer.tgt_pieces([0, 2])]
        self.description = f"CTranslate2 {compute_type}" + (", vocabulary map" if use_vmap else "")

    def decode_batches(
        self,
        batches: Sequence[list[list[int]]],
        *,
        alignment: bool = False,
        n_best: int = 1,
        few: bool = False,
    ) -> Iterator[Hypotheses]:
        """What CTranslate2 makes of batches of source ids, in their order; its workers run side by side.

        The cap on the length is the torch engine's; of what is cut there, the score is the whole's.
        """
        waiting: deque[tuple[list[list[int]], list[Any]]] = deque()
        for batch in batches:
            # A few batches ahead: an interrupt waits for those.
            if len(waiting) == BATCHES_AHEAD * self._workers:
                yield self._hypotheses(*waiting.popleft())
            waiting.append((batch, self._start(batch)))
        while waiting:
            yield self._hypotheses(*waiting.popleft())

    def _start(self, batch: list[list[int]]) -> list[Any]:
        """The results to come of a batch, which a worker takes up."""
        results: list[Any] = self._translator.translate_batch(
            [self.tokenizer.src_pieces(row) for row in batch],
            asynchronous=True,
            beam_size=self._beam_size,
            min_decoding_length=0,
            max_decoding_length=max(length_cap(len(row)) for row in batch),
            suppress_sequences=self._never,
            disable_unk=False,
            use_vmap=self._use_vmap,
            return_scores=True,
        )
        return results

    def _hypotheses(self, batch: list[list[int]], results: list[Any]) -> Hypotheses:
        found = [result.result() for result in results]
        ids = [
            [self._ids[piece] for piece in result.hypotheses[0][: length_cap(len(row))]]
            for row, result in zip(batch, found, strict=True)
        ]
        return Hypotheses(ids, [result.scores[0] for result in found], with_end=True)
