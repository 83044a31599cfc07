"""Onepass: neural machine translation that writes the whole sentence in one parallel pass.

`Translator` and `Translation` are imported when they are first used, so that `import onepass` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onepass.version import __version__

if TYPE_CHECKING:
    from onepass.loading import Translator
    from onepass.runtime.text_translator import Translation

__all__ = ["Translation", "Translator", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Translator":
        from onepass.loading import Translator

        return Translator
    if name == "Translation":
        from onepass.runtime.text_translator import Translation

        return Translation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
