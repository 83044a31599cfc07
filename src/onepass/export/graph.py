"""An ONNX graph in the making: operators, constants, and the few compositions that every model needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from onepass.bundle import SCALE
from onepass.export.parameters import Parameters, RoundedRows, Rows, int8_rows
from onepass.files import replacing

OPSET = 18
MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""


class Value(NamedTuple):
    """An input or output of a graph: its type, and a name or a size for each dimension; None: it changes."""

    type: int
    dims: Sequence[str | int | None]


Values = Mapping[str, Value]
Outputs = dict[str, str]
"""Names of values, by what they are."""


class Table(NamedTuple):
    """Rows to look up and to multiply with, [V, D].

    Attributes:
        rows: int8 or float32.
        scales: of the rows, [V]; "": they are float32.
        bias: added to what is multiplied with them, [V]; "": nothing is.
    """

    rows: str
    scales: str
    bias: str = ""


class Range(NamedTuple):
    """The smallest and the largest of some values."""

    low: float
    high: float


class Rounded(NamedTuple):
    """Values as uint8, (value - zero) * scale; the scale and the zero."""

    values: str
    scale: str
    zero: str


class Matrix(NamedTuple):
    """A weight matrix in int8, and its scales.

    Attributes:
        values: [N, K]; `scales` [N].
        by_row: the scales as numbers.
    """

    values: str
    scales: str
    by_row: NDArray[np.float32]


class Step(NamedTuple):
    """Of a loop: whether it goes on, bool []; what the next step starts from; a row of the result."""

    going: str
    state: Outputs
    row: str


class Graph:
    """A graph in the making; every method returns names of values.

    Args:
        ranges: of what is multiplied with a weight matrix, in the order of `factors`: weight matrices are
            int8 with a scale a row, and multiplied with activations rounded to these ranges; None: float32.
        parameters: what int8 matrices are referred to in; None: the graph holds all it needs.
        all_parts: what `choose` chooses from is always computed, so that there are `limits` of all factors.

    Attributes:
        factors: what has been multiplied with a weight matrix so far.
    """

    def __init__(
        self,
        ranges: Sequence[Range] | None,
        parameters: Parameters | None = None,
        *,
        all_parts: bool = False,
    ) -> None:
        self.ranges, self.parameters, self.all_parts = ranges, parameters, all_parts
        self.referred: set[str] = set()
        self.before: list[Any] = []  # nodes that stand before all others
        self.factors: list[str] = []
        self.nodes: list[Any] = []
        self.made = 0
        self.constants: dict[str, NDArray[Any]] = {}

    @property
    def int8(self) -> bool:
        return self.ranges is not None

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """A value known beforehand."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype=dtype)
        return name

    def number(self, value: float) -> str:
        """A float32 number."""
        return self.constant(value, np.float32)

    def halved(self, values: NDArray[np.float32]) -> str:
        """float32 values kept in half the bytes; ONNX Runtime widens them when it loads the graph."""
        return self.cast(self.constant(values, np.float16), TensorProto.FLOAT)

    def weight(self, tensor: Tensor) -> str:
        """A tensor as float32."""
        return self.constant(tensor.detach().float().cpu().numpy(), np.float32)

    def several(self, kind: str, *inputs: str, count: int, domain: str = "", **attributes: Any) -> list[str]:
        """An operator with `count` outputs."""
        outputs = [f"v{self.made}_{i}" for i in range(count)]
        self.made += 1
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """An operator with one output."""
        return self.several(kind, *inputs, count=1, domain=domain, **attributes)[0]

    def choose(
        self, condition: str, then: Callable[[], Outputs], otherwise: Callable[[], Outputs], to: Values
    ) -> Outputs:
        """The outputs of one of two parts of the graph, which have the same ones, described by `to`.

        Args:
            condition: bool [1]; the part that it does not choose is not computed.
        """
        parts = []
        for make in (then, otherwise):
            if self.all_parts:
                outputs = make()
                continue
            outside, self.nodes = self.nodes, []
            outputs = {name: self.op("Identity", value) for name, value in sorted(make().items())}
            described = [helper.make_tensor_value_info(value, *to[name]) for name, value in outputs.items()]
            parts.append(helper.make_graph(self.nodes, "part", [], described))
            self.nodes = outside
        if self.all_parts:
            return outputs
        found = self.several("If", condition, count=len(outputs), then_branch=parts[0], else_branch=parts[1])
        return dict(zip(outputs, found, strict=True))

    def loop(
        self, most: str, state: Outputs, to: Values, step: Callable[[Outputs], Step]
    ) -> tuple[Outputs, str]:
        """Repeats a part of the graph until it stops or has run `most` times.

        Args:
            most: int64 [1].
            state: what the first step starts from, described by `to`, which also describes the `row`.

        Returns:
            The state behind the last step, and the rows of all steps, [steps, ...].
        """
        outside, self.nodes = self.nodes, []
        inputs = {name: f"v{self.made}_{name}" for name in ("number", "going", *state)}
        self.made += 1
        made = step({name: inputs[name] for name in state})
        outputs = {"going": made.going, **{name: made.state[name] for name in state}, "row": made.row}
        outputs = {name: self.op("Identity", value) for name, value in outputs.items()}
        kinds = {**to, "number": Value(TensorProto.INT64, []), "going": Value(TensorProto.BOOL, [])}
        described_inputs, described_outputs = (
            [helper.make_tensor_value_info(value, *kinds[name]) for name, value in side.items()]
            for side in (inputs, outputs)
        )
        body = helper.make_graph(self.nodes, "step", described_inputs, described_outputs)
        self.nodes = outside
        most = self.op("Squeeze", most, self.constant([0]))
        *last, rows = self.several("Loop", most, "", *state.values(), count=len(state) + 1, body=body)
        return dict(zip(state, last, strict=True)), rows

    def scan(self, kept: str, added: str, width: int, start: str = "") -> str:
        """x_t = kept_t x_{t-1} + added_t over the first of the dimensions [T, B, width]; x_0 is `start` or 0.

        Not over another one: there ONNX Runtime ends the process where B is 0.
        """
        outside, self.nodes = self.nodes, []
        inputs = [f"v{self.made}_{name}" for name in ("before", "kept", "added")]
        self.made += 1
        before, *row = inputs
        after = self.op("Add", self.op("Mul", row[0], before), row[1])
        outputs = [after, self.op("Identity", after)]
        described_inputs, described_outputs = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", width]) for name in side]
            for side in (inputs, outputs)
        )
        body = helper.make_graph(self.nodes, "step", described_inputs, described_outputs)
        self.nodes = outside
        shape = self.op("Concat", self.size(added, 1), self.constant([width]), axis=0)
        start = start or self.op("Expand", self.number(0), shape)
        return self.several("Scan", start, kept, added, count=2, body=body, num_scan_inputs=2)[1]

    def cast(self, x: str, to: int) -> str:
        """Another type, of onnx.TensorProto."""
        return self.op("Cast", x, to=to)

    def size(self, x: str, dim: int) -> str:
        """A dimension of x, int64 [1]."""
        return self.op("Shape", x, start=dim, end=dim + 1)

    def range(self, count: str) -> str:
        """0 .. count - 1 for count int64 [1]."""
        scalar = self.op("Squeeze", count, self.constant([0]))
        return self.op("Range", self.constant(0), scalar, self.constant(1))

    def unsqueeze(self, x: str, *dims: int) -> str:
        """New dimensions of size 1."""
        return self.op("Unsqueeze", x, self.constant(dims))

    def rows(self, x: str, first: str, last: str, dim: int = 0) -> str:
        """x[first:last] along a dimension; int64 [1] each."""
        return self.op("Slice", x, first, last, self.constant([dim]))

    def sum(self, x: str, dim: int, *, keep: bool = False) -> str:
        """The sum along a dimension."""
        return self.op("ReduceSum", x, self.constant([dim]), keepdims=int(keep))

    def maximum(self, x: str, dim: int) -> str:
        """The maximum along a dimension."""
        return self.op("ReduceMax", x, self.constant([dim]), keepdims=0)

    def int8_matrix(self, weights: Sequence[Tensor], least: NDArray[np.float32] | float = 0.0) -> Matrix:
        """Matrices below each other, [N, K], rounded row by row.

        Args:
            weights: each [n, K].
            least: no scale is below it, [N].
        """
        parts = [self._int8_part(weight) for weight in weights]
        by_row = np.concatenate([part.by_row for part in parts])
        if (by_row < least).any():  # not as the file has it
            whole = np.concatenate([weight.detach().float().cpu().numpy() for weight in weights])
            return self._int8_constant(int8_rows(whole, np.maximum(least, 1e-12)))
        if len(parts) == 1:
            return parts[0]
        values = self.prepare("Concat", *(part.values for part in parts), axis=0)
        scales = self.prepare("Concat", *(part.scales for part in parts), axis=0)
        return Matrix(values, scales, by_row)

    def _int8_part(self, weight: Tensor) -> Matrix:
        found = None if self.parameters is None else self.parameters.find(weight)
        if found is None:
            return self._int8_constant(int8_rows(weight.detach().float().cpu().numpy()))
        return self._int8_reference(found)

    def _int8_constant(self, rounded: RoundedRows) -> Matrix:
        return Matrix(
            self.constant(rounded.values, np.int8), self.constant(rounded.scales, np.float32), rounded.scales
        )

    def _int8_reference(self, rows: Rows) -> Matrix:
        assert self.parameters is not None
        by_row = self.parameters.rounded(rows.name).scales
        names = [rows.name, rows.name + SCALE]
        self.referred.update(names)
        if (rows.first, rows.last) != (0, len(by_row)):
            limits = [self.constant([value]) for value in (rows.first, rows.last, 0)]
            names = [self.prepare("Slice", name, *limits) for name in names]
        return Matrix(names[0], names[1], by_row[rows.first : rows.last])

    def columns(self, rows: str) -> str:
        """A matrix [N, K] to multiply with, [K, N]."""
        return self.prepare("Transpose", rows, perm=[1, 0])

    def prepare(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator on what is known beforehand: ONNX Runtime computes it when it loads the graph."""
        outside, self.nodes = self.nodes, self.before
        result = self.op(kind, *inputs, **attributes)
        self.nodes = outside
        return result

    def product(self, x: str, columns: str, scales: str, bias: str = "") -> str:
        """x times a matrix [K, N]; of int8, if it has scales."""
        if scales:
            values, scale, zero = self.to_uint8(x)
            return self.op(
                "MatMulIntegerToFloat",
                *[values, columns, scale, scales, zero, "", bias][: 7 if bias else 5],
                domain=MICROSOFT,
            )
        self.factors.append(x)
        y = self.op("MatMul", x, columns)
        return self.op("Add", y, bias) if bias else y

    def next_range(self) -> tuple[str, str]:
        """The scale and the zero of the next factor; what is 0 stays 0."""
        assert self.ranges is not None
        low, high = self.ranges[len(self.factors)]
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max(high - low, 1e-6) / 255
        return self.number(scale), self.constant(round(-low / scale), np.uint8)

    def to_uint8(self, x: str) -> Rounded:
        """A factor as uint8."""
        scale, zero = self.next_range()
        self.factors.append(x)
        return Rounded(self.op("QuantizeLinear", x, scale, zero), scale, zero)

    def linear(self, x: str, weight: Tensor | Sequence[Tensor], bias: Tensor, *, exact: bool = False) -> str:
        """x · weightᵀ + bias.

        Args:
            x: [.., K].
            weight: [N, K], or several below each other.
            bias: [N].
            exact: in float32 always.
        """
        weights = [weight] if isinstance(weight, Tensor) else weight
        if self.int8 and not exact:
            matrix = self.int8_matrix(weights)
            return self.product(x, self.columns(matrix.values), matrix.scales, self.weight(bias))
        return self.product(x, self.weight(torch.cat([*weights]).T.contiguous()), "", self.weight(bias))

    def table(self, weights: Sequence[Tensor], bias: Tensor | None = None) -> Table:
        """Matrices below each other, [V, D], to look up and to multiply with, and what is then added, [V]."""
        added = "" if bias is None else self.weight(bias)
        if not self.int8:
            return Table(self.weight(torch.cat([*weights])), "", added)
        matrix = self.int8_matrix(weights)
        return Table(matrix.values, matrix.scales, added)

    def look_up(self, table: Table, ids: str) -> str:
        """Rows of a table."""
        rows = self.op("Gather", table.rows, ids)
        if not table.scales:
            return rows
        scales = self.unsqueeze(self.op("Gather", table.scales, ids), -1)
        return self.op("Mul", self.cast(rows, TensorProto.FLOAT), scales)

    def split(self, x: str, parts: int) -> list[str]:
        """Equal parts along the last dimension."""
        return self.several("Split", x, count=parts, axis=-1, num_outputs=parts)

    def compact(self, labels: str, keep: str) -> str:
        """The labels of the places to keep, moved to the left, padded with 0: [B, most of a row]."""
        return self.compacted([labels], keep)[0]

    def compacted(self, several: Sequence[str], keep: str) -> list[str]:
        """`compact` of several values, int64 [B, L] each."""
        labels = several[0]
        count = self.op("CumSum", self.cast(keep, TensorProto.INT64), self.constant(1))
        behind = self.size(labels, 1)
        place = self.op("Where", keep, self.op("Sub", count, self.constant(1)), behind)
        shape = self.op("Concat", self.size(labels, 0), self.op("Add", behind, self.constant([1])), axis=0)
        zeros = self.op("Expand", self.constant(0), shape)
        most = self.op("ReduceMax", self.sum(self.cast(keep, TensorProto.INT64), 1), keepdims=0)
        first, last = self.constant([0]), self.unsqueeze(most, 0)
        return [
            self.rows(self.op("ScatterElements", zeros, place, labels, axis=1), first, last, dim=1)
            for labels in several
        ]

    def mean(self, scores: str, counted: str, tokens: str) -> str:
        """Σ scores where `counted`, [B, L], over the number of tokens where `tokens`, at least 1: [B]."""
        total = self.sum(self.op("Where", counted, scores, self.number(0)), 1)
        count = self.sum(self.cast(tokens, TensorProto.FLOAT), 1)
        return self.op("Div", total, self.op("Max", count, self.number(1)))

    @contextmanager
    def same_factors(self) -> Iterator[None]:
        """What is computed in there is again computed behind it, on other values: they share their ranges."""
        first = len(self.factors)
        yield
        del self.factors[first:]

    def limits(self) -> dict[str, str]:
        """The smallest and the largest value of every factor, [factors] each."""
        return {
            name: self.op(
                "Concat", *(self.unsqueeze(self.op(kind, x, keepdims=0), 0) for x in self.factors), axis=0
            )
            for name, kind in (("lows", "ReduceMin"), ("highs", "ReduceMax"))
        }

    def save(
        self,
        path: Path,
        inputs: Values,
        outputs: Values,
        weights: Path | None = None,
        *,
        rewrite: bool = True,
    ) -> None:
        """Writes the graph, and its parameters and tables beside it.

        Args:
            path: of the graph.
            inputs, outputs: described; the outputs must be names of its values.
            weights: where its parameters go, if it has any; tables are beside them.
            rewrite: False where another graph wrote them, and this one refers to them.
        """
        described_inputs, described_outputs = (
            [helper.make_tensor_value_info(name, *value) for name, value in side.items()]
            for side in (inputs, outputs)
        )
        beside: list[TensorProto] = []
        if self.parameters is not None and weights is not None:
            beside = self.parameters.beside(self.referred, self.constants, weights, rewrite=rewrite)
        names = {tensor.name for tensor in beside}
        constants = [
            numpy_helper.from_array(value, name)
            for name, value in self.constants.items()
            if name not in names
        ]
        constants += beside
        graph = helper.make_graph(
            [*self.before, *self.nodes], "onepass", described_inputs, described_outputs, constants
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        with replacing(path) as partial:
            onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), partial)

    def name(self, value: str, name: str) -> None:
        """Gives a value a name of its own."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
