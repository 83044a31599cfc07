"""Romanian's ș and ț: one letter each, where text in the world has two.

Fonts and code pages without the comma-below letters left much Romanian text with a cedilla (ş, ţ). To a
tokenizer and to BLEU these are other letters, so corpora and sources are brought to the comma-below form.
"""

from __future__ import annotations

import re
import unicodedata

LANGUAGES = ("ro", "ron", "rum", "mo")
"""Codes of the language; what follows a hyphen or underscore (`ro-RO`) does not matter."""

_COMMA_BELOW = str.maketrans("ŞşŢţ", "ȘșȚț")
_AFFECTED = re.compile("[ŞşŢţ\u0327]")  # ready-made, or with a combining cedilla


def is_romanian(language: str) -> bool:
    """Whether a language code means Romanian."""
    return re.split("[-_]", language)[0].lower() in LANGUAGES


def with_comma_below(text: str) -> str:
    """The text with ș and ț for ş and ţ, also where letter and cedilla are two characters."""
    if not _AFFECTED.search(text):
        return text
    return unicodedata.normalize("NFC", text).translate(_COMMA_BELOW)
