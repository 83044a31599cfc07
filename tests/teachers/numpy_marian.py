"""Marian's Transformer in plain numpy and float64, one sentence and one position at a time: a reference.

It takes arrays by Marian's names and Marian's own ids (</s> 0), and knows nothing of the reader.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
END = 0


class NumpyMarian:
    """Args: arrays by name; heads and activation of the settings."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]], heads: int, activation: str = "relu") -> None:
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
        self.heads, self.activation = heads, activation
        self.src = self.arrays.get("Wemb", self.arrays.get("encoder_Wemb"))
        self.tgt = self.arrays.get("Wemb", self.arrays.get("decoder_Wemb"))
        self.out = self.arrays.get("decoder_ff_logit_out_Wt", self.tgt)
        self.width = self.src.shape[1]

    def layers(self, side: str) -> list[str]:
        numbers = {int(name.split("_")[1][1:]) for name in self.arrays if name.startswith(f"{side}_l")}
        return [f"{side}_l{number}" for number in sorted(numbers)]

    def position(self, t: int) -> Array:
        half = self.width // 2
        return np.array(
            [
                np.sin(t * 1e-4 ** ((c % half) / (half - 1)) + (np.pi / 2 if c >= half else 0))
                for c in range(self.width)
            ]
        )

    def affine(self, x: Array, prefix: str, name: str) -> Array:
        return x @ self.arrays[f"{prefix}_W{name}"] + self.arrays[f"{prefix}_b{name}"][0]

    def norm(self, x: Array, prefix: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return (
            centred / deviation * self.arrays[f"{prefix}_ln_scale"][0] + self.arrays[f"{prefix}_ln_bias"][0]
        )

    def attend(self, x: Array, seen: Array, prefix: str) -> Array:
        """x [D] over seen [S, D]."""
        query = self.affine(x, prefix, "q").reshape(self.heads, -1)
        keys, values = (self.affine(seen, prefix, n).reshape(len(seen), self.heads, -1) for n in "kv")
        mixed = []
        for head in range(self.heads):
            scores = keys[:, head] @ query[head] / np.sqrt(query.shape[1])
            weights = np.exp(scores - scores.max())
            mixed.append(weights / weights.sum() @ values[:, head])
        return self.affine(np.concatenate(mixed), prefix, "o")

    def feed_forward(self, x: Array, layer: str) -> Array:
        inner = self.affine(x, f"{layer}_ffn", "1")
        inner = np.maximum(inner, 0) if self.activation == "relu" else inner / (1 + np.exp(-inner))
        return self.norm(x + self.affine(inner, f"{layer}_ffn", "2"), f"{layer}_ffn_ffn")

    def encode(self, ids: list[int]) -> Array:
        x = np.stack([self.src[i] * np.sqrt(self.width) + self.position(t) for t, i in enumerate(ids)])
        for layer in self.layers("encoder"):
            attended = np.stack([self.attend(row, x, f"{layer}_self") for row in x])
            x = self.norm(x + attended, f"{layer}_self_Wo")
            x = self.feed_forward(x, layer)
        return x

    def start(self, ids: list[int]) -> "Decoding":
        return Decoding(self, self.encode(ids))

    def greedy(self, ids: list[int], most: int) -> list[int]:
        """Marian's ids with </s> at the end, to its ids without it."""
        decoding, found = self.start(ids), list[int]()
        while len(found) < most:
            best = int(decoding.step(found[-1] if found else None).argmax())
            if best == END:
                break
            found.append(best)
        return found


class Decoding:
    """One sentence; the state of each layer is its cell, or what it has seen."""

    def __init__(self, model: NumpyMarian, source: Array) -> None:
        self.model, self.source, self.t = model, source, 0
        self.cells: dict[str, Array] = {}
        self.seen: dict[str, list[Array]] = {}

    def step(self, last: int | None) -> Array:
        """The word before (None at first) -> logits."""
        model = self.model
        x = model.position(self.t)
        if last is not None:
            x = x + model.tgt[last] * np.sqrt(model.width)
        self.t += 1
        for layer in model.layers("decoder"):
            if f"{layer}_rnn_W" in model.arrays:
                x = model.norm(x + self.recur(x, layer), f"{layer}_rnn_ffn")
            else:
                seen = self.seen.setdefault(layer, [])
                seen.append(x)
                x = model.norm(x + model.attend(x, np.stack(seen), f"{layer}_self"), f"{layer}_self_Wo")
            attended = model.attend(x, self.source, f"{layer}_context")
            x = model.norm(x + attended, f"{layer}_context_Wo")
            x = model.feed_forward(x, layer)
        return x @ model.out.T + model.arrays["decoder_ff_logit_out_b"][0]

    def recur(self, x: Array, layer: str) -> Array:
        gate = 1 / (1 + np.exp(-self.model.affine(x, f"{layer}_rnn", "f")))
        before = self.cells.get(layer, np.zeros_like(x))
        self.cells[layer] = gate * before + (1 - gate) * (x @ self.model.arrays[f"{layer}_rnn_W"])
        return np.maximum(self.cells[layer], 0)
