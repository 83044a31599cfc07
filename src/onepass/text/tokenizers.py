"""The kinds of tokenizers, and which of them a directory holds."""

from __future__ import annotations

from pathlib import Path

from onepass.text.teacher_tokenizer import VOCABULARY, TeacherTokenizer
from onepass.text.tokenizer import Tokenizer

AnyTokenizer = Tokenizer | TeacherTokenizer
"""One trained here, or that of a teacher which was read."""


def load_tokenizer(directory: Path) -> AnyTokenizer:
    """Reads what either kind has saved.

    Raises:
        ModelError: a file is missing or damaged.
    """
    kind = TeacherTokenizer if (directory / VOCABULARY).exists() else Tokenizer
    return kind.load(directory)
