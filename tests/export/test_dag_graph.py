"""What only the exported graph of a DAG student has: its edges."""

from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from onepass.export.onnx import export_onnx


@pytest.mark.usefixtures("no_gradient")
def test_edges_are_not_rounded_to_int8(
    make_slots: Callable, sentences: Sequence[list[int]], tmp_path: Path
) -> None:
    """Rounded ones lead down other paths: a trained graph lost 0.4 BLEU by them."""
    student = make_slots("dag", slots=4)
    export_onnx(student, tmp_path / "student.onnx", examples=sentences)
    constants = {
        numpy_helper.to_array(tensor).tobytes()
        for tensor in onnx.load(tmp_path / "student.onnx").graph.initializer
    }
    for part in (student.edge_query, student.edge_key, student.edge_gate):
        assert part.weight.T.contiguous().numpy().tobytes() in constants
