"""A student's ONNX graph in ONNX Runtime: ids in, ids out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from onepass.errors import ModelError
from onepass.runtime.candidates import candidate_numbers
from onepass.runtime.text import Output
from onepass.text.batches import padded
from onepass.text.tokenizer import PAD


class OnnxEngine:
    """Decodes batches with one graph; may be called by several threads at once.

    Args:
        path: the graph, see `onepass.export.onnx`.
        num_candidates: of noisy parallel decoding; above 1 for a graph that has candidates.
        seed: of their samples.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
    """

    def __init__(self, path: Path, *, num_candidates: int = 1, seed: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        # A batch a thread: products this small are not faster on two, several batches are.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # ONNX Runtime raises classes of its own that share no public base.
            raise ModelError(f"ONNX Runtime cannot load the graph: {error}", where=path) from None
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._uniform = candidate_numbers(num_candidates, seed=seed) if num_candidates > 1 else None

    def __call__(self, rows: Sequence[Sequence[int]]) -> Output:
        """Translates source ids, 1 to MAX_SRC_TOKENS a row."""
        src_ids = padded(rows)
        feeds: dict[str, NDArray[Any]] = {"src_ids": src_ids}
        if self._uniform is not None:
            feeds["uniform"] = self._uniform[:, : src_ids.shape[1]]
        found = dict(zip(self._outputs, self._session.run(None, feeds), strict=True))
        fertilities = None
        if "fertilities" in found:
            rows_of = zip(found["fertilities"].tolist(), rows, strict=True)
            fertilities = [counts[: len(row)] for counts, row in rows_of]
        lengths = np.count_nonzero(found["ids"] != PAD, axis=1).tolist()
        ids = [row[:length] for row, length in zip(found["ids"].tolist(), lengths, strict=True)]
        return Output(ids, found["scores"].tolist(), fertilities, with_end=self._uniform is not None)
