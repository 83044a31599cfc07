"""The sentence pair, the unit every corpus is made of."""

from typing import NamedTuple


class Pair(NamedTuple):
    """A source sentence and one of its translations."""

    src: str
    tgt: str
