"""What `onepass translate` does with documents: a file, stdin or arguments to a file or stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from onepass.errors import UsageError
from onepass.files import replacing
from onepass.markup.files import read_document, translate_document
from onepass.markup.passages import Aligns


def translate_documents(
    translator: Aligns, texts: Sequence[str] | None, file: Path | None, to: Path | None, name: str
) -> None:
    """Translates documents of a format.

    Args:
        translator: made by `Translator.load`.
        texts: documents; where there are none or only "-", the one in `file`, else that of stdin.
        file: of the format.
        to: a file that appears when it is whole; else stdout.
        name: of the format, of `FORMATS`.

    Raises:
        UsageError, DataError: as `translate_document`, or a file cannot be read or written.
    """
    if texts and texts != ["-"]:
        found = b"".join(
            translate_document(translator, text.encode("utf-8", "replace"), name, where=f"text {number}")
            + b"\n"
            for number, text in enumerate(texts, 1)
        )
    elif file is not None:
        found = translate_document(translator, read_document(file), name, where=file)
    else:
        if sys.stdin is None:
            raise UsageError("Standard input is closed", fix="give texts, or name a file with --file")
        found = translate_document(translator, sys.stdin.buffer.read(), name, where="stdin")
    if to is not None:
        with replacing(to) as partial:
            partial.write_bytes(found)
        return
    if sys.stdout is None:
        raise UsageError("Standard output is closed", fix="name a file with --to")
    sys.stdout.flush()
    sys.stdout.buffer.write(found)
    sys.stdout.buffer.flush()
