"""The weights of an int8 graph in a file of their own, as a training has them: by name, row by row.

`weights.int8.safetensors` has every parameter. Matrices that the graph rounds are int8, `NAME`, with a
scale a row, `NAME.scale`; the rest is float32. The graph refers to them where they lie in the file, and
turns, cuts and joins them in operators that ONNX Runtime computes once, when it loads the graph. So a change
of the exporter writes another graph and leaves the weights, and a training can go on from them. Other large
constants of the graph, such as its shortlist, are in `tables.int8.safetensors`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from onepass.bundle import INT8_TABLES, OF_TEACHER, SCALE
from onepass.files import replacing

INT8_MOST = 64
"""Weights are rounded to -64..64: with more, a CPU that adds two products in 16 bits (AVX2) overflows."""


class RoundedRows(NamedTuple):
    """int8 [N, K] and a scale a row, float32 [N]."""

    values: NDArray[np.int8]
    scales: NDArray[np.float32]


NEAR_STEPS = 1 / 36
"""Mean squared distance to the nearest step; numbers that stand anywhere have 1 / 12."""


def int8_rows(weight: NDArray[np.float32], least: NDArray[np.float32] | float = 1e-12) -> RoundedRows:
    """A matrix [N, K] rounded row by row; no scale is below `least`.

    Rows that were rounded before and have moved little since are rounded by chance (Gupta et al. 2015):
    up with the probability of what is above the lower step. To the nearest step, all would move back.
    """
    scales = np.maximum(np.abs(weight).max(1) / INT8_MOST, least)
    steps = weight / scales[:, None]
    nearest = np.rint(steps)
    away = np.abs(steps - nearest)
    near = (away**2).mean(1) < NEAR_STEPS
    moved = np.where(away < 1e-3, nearest, steps)[near]  # what has not moved stays
    draws = np.random.default_rng(0).random(weight.shape[1]) + moved.sum(
        1, keepdims=True
    )  # a row's are its own
    nearest[near] = np.floor(moved + draws % 1).clip(-INT8_MOST, INT8_MOST)
    return RoundedRows(nearest.astype(np.int8), scales.astype(np.float32))


class Rows(NamedTuple):
    """Some rows of a parameter: its name, the first, and the one after the last."""

    name: str
    first: int
    last: int


class Parameters:
    """The parameters of a student and, under `teacher.`, those of a teacher that differ from the student's.

    Args:
        student: in eval mode.
        teacher: that chooses among candidates in the same graph.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module | None = None) -> None:
        self._arrays: dict[str, NDArray[np.float32]] = {}
        self._names: list[tuple[Tensor, str]] = []
        self._rounded: dict[str, RoundedRows] = {}
        self._add(student, "")
        if teacher is not None:
            self._add(teacher, OF_TEACHER)

    def _add(self, model: nn.Module, prefix: str) -> None:
        for name, parameter in model.named_parameters():  # tied ones once
            array = parameter.detach().float().cpu().numpy()
            same = self._arrays.get(name)
            if same is None or not np.array_equal(same, array):
                name = prefix + name
                self._arrays[name] = array
            self._names.append((parameter, name))

    def find(self, tensor: Tensor) -> Rows | None:
        """Of which rows of which parameter a matrix [N, K] is a view."""
        for parameter, name in self._names:
            if parameter.dim() != 2 or parameter.shape[1:] != tensor.shape[1:]:
                continue
            first, rest = divmod(
                tensor.data_ptr() - parameter.data_ptr(), parameter.element_size() * parameter.size(1)
            )
            inside = rest == 0 and 0 <= first <= parameter.size(0) - tensor.size(0)
            if inside and tensor.stride() == parameter.stride():
                return Rows(name, first, first + tensor.size(0))
        return None

    def rounded(self, name: str) -> RoundedRows:
        """A matrix as int8; it is written so."""
        if name not in self._rounded:
            self._rounded[name] = int8_rows(self._arrays[name])
        return self._rounded[name]

    def beside(
        self,
        referred: Iterable[str],
        constants: Mapping[str, NDArray[Any]],
        weights: Path,
        *,
        rewrite: bool,
    ) -> list[TensorProto]:
        """What a graph refers to of these files, its parameters by name and the large ones of its constants.

        Args:
            referred, constants: of the graph.
            weights: where the parameters go; tables are beside them.
            rewrite: False where another graph wrote them.
        """
        rows = self.save(weights) if rewrite else references(weights)
        refer = save_tables if rewrite else find_tables
        return [rows[name] for name in sorted(referred)] + refer(constants, weights.with_name(INT8_TABLES))

    def save(self, path: Path) -> Mapping[str, TensorProto]:
        """Writes the file; returns how a graph refers to what is int8 and to its scales, by name."""
        tensors: dict[str, NDArray[np.int8] | NDArray[np.float32]] = {}
        for name, array in self._arrays.items():
            found = self._rounded.get(name)
            tensors[name] = array if found is None else found.values
            if found is not None:
                tensors[name + SCALE] = found.scales
        with replacing(path) as partial:
            save_file(tensors, partial)
        return references(path)


LARGE = 1 << 16
"""Bytes of a constant that is written beside the graph."""


def save_tables(constants: Mapping[str, NDArray[Any]], path: Path) -> list[TensorProto]:
    """Writes the large ones of a graph's constants, by their order; returns how the graph refers to them."""
    large = {name: value for name, value in constants.items() if value.nbytes >= LARGE}
    with replacing(path) as partial:
        tables = {
            f"table{number}": np.ascontiguousarray(value) for number, value in enumerate(large.values())
        }
        save_file(tables, partial)
    found = references(path)
    for number, name in enumerate(large):
        found[f"table{number}"].name = name
    return list(found.values())


def find_tables(constants: Mapping[str, NDArray[Any]], path: Path) -> list[TensorProto]:
    """How a graph refers to those of its constants that a file has already, by their values."""
    found, known = [], references(path)
    values = {name: value for name, value in load_file(path).items() if name in known}
    for name, constant in constants.items():
        if constant.nbytes < LARGE:
            continue
        same = next((key for key, value in values.items() if _same(value, constant)), None)
        if same is not None:
            found.append(TensorProto())
            found[-1].CopyFrom(known[same])
            found[-1].name = name
    return found


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other)


_TYPES = {
    "I8": TensorProto.INT8,
    "I16": TensorProto.INT16,
    "I32": TensorProto.INT32,
    "I64": TensorProto.INT64,
    "F16": TensorProto.FLOAT16,
    "F32": TensorProto.FLOAT,
}


def references(path: Path) -> dict[str, TensorProto]:
    """The tensors of a safetensors file as a graph beside it refers to them."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensor = TensorProto(
            name=name,
            data_type=_TYPES[entry["dtype"]],
            dims=entry["shape"],
            data_location=TensorProto.EXTERNAL,
        )
        place = {"location": path.name, "offset": 8 + size + begin, "length": end - begin}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        found[name] = tensor
    return found
