"""Small drawings as SVG: readable in light and dark, with text that can be selected.

Each has a background of its own, so it is readable on a page of any colour.
"""

from __future__ import annotations

from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]
STYLE = """
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:13px;fill:#1f2328}
.small{font-size:11px}.bold{font-weight:600}.soft{fill:#59636e}.one{fill:#176a88}.word{fill:#a8480f}
.back{fill:#fff;stroke:#d1d9e0}.box{fill:#f6f8fa;stroke:#d1d9e0}.one-box{fill:#d9eef5;stroke:#176a88}
.word-box{fill:#fbe6d8;stroke:#a8480f}.empty{fill:none;stroke:#b7bfc8;stroke-dasharray:3 3}
.line{stroke:#b7bfc8;fill:none}.one-line{stroke:#176a88;fill:none;stroke-width:2}
.word-line{stroke:#a8480f;fill:none;stroke-width:1.5}.dot-one{fill:#176a88}.dot-word{fill:#a8480f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9aa4af}.one{fill:#6cc3df}.word{fill:#f0a070}
.back{fill:#0d1117;stroke:#3d444d}.box{fill:#1b222b;stroke:#3d444d}.one-box{fill:#123442;stroke:#6cc3df}
.word-box{fill:#42230f;stroke:#f0a070}.empty{stroke:#59636e}.line{stroke:#59636e}.one-line{stroke:#6cc3df}
.word-line{stroke:#f0a070}.dot-one{fill:#6cc3df}.dot-word{fill:#f0a070}}
""".replace("\n", "")
LETTER = 7.4
"""Width of a letter at most, in the usual size."""


class Drawing:
    """Shapes in the order in which they are drawn, in pixels from the upper left corner."""

    def __init__(self, width: int, height: int, about: str) -> None:
        self._size, self._about = (width, height), about
        self._parts = [
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" class="back"/>'
        ]

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: Anchor = "start") -> None:
        """Words with the baseline at y."""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def box(self, x: float, y: float, width: float, words: str = "", kind: str = "box") -> None:
        """A box of the height of a line with words in its middle."""
        self._parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="26" rx="5" class="{kind}"/>')
        if words:
            self.text(x + width / 2, y + 17.5, words, anchor="middle")

    def line(self, points: list[tuple[float, float]], kind: str = "line") -> None:
        """A line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" class="{kind}"/>')

    def curve(self, start: tuple[float, float], end: tuple[float, float], kind: str = "line") -> None:
        """From a box down to another one."""
        (x1, y1), (x2, y2) = start, end
        middle = (y1 + y2) / 2
        self._parts.append(
            f'<path d="M{x1:g},{y1:g} C{x1:g},{middle:g} {x2:g},{middle:g} {x2:g},{y2:g}" class="{kind}"/>'
        )

    def arc(self, start: tuple[float, float], end: tuple[float, float], kind: str = "line") -> None:
        """From a box over others to a further one."""
        (x1, y1), (x2, y2) = start, end
        top = min(y1, y2) - 14 - (x2 - x1) / 9
        self._parts.append(
            f'<path d="M{x1:g},{y1:g} Q{(x1 + x2) / 2:g},{top:g} {x2:g},{y2:g}" class="{kind}"/>'
        )

    def dot(self, x: float, y: float, kind: str) -> None:
        """A point of a chart."""
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="5.5" class="{kind}"/>')

    def svg(self) -> str:
        """The file."""
        width, height = self._size
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{escape(self._about, quote=True)}">'
        )
        return "\n".join([head, f"<style>{STYLE}</style>", *self._parts, "</svg>"]) + "\n"


def width_of(words: str) -> float:
    """Of a box for words."""
    return max(34.0, 18 + LETTER * len(words))
