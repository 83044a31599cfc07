"""What `onepass translate` does with a translator: texts, a file or stdin to stdout or a file."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from onepass.errors import DataError, UsageError
from onepass.files import replacing
from onepass.runtime.stream import Lines
from onepass.runtime.text_translator import Translation
from onepass.text.explain import explain as explained


class Translates(Protocol):
    """Whatever translates lines; `copies`: it says how often it copied each source token."""

    copies: bool

    def translate(self, lines: Iterable[str]) -> list[Translation]: ...

    def translate_stream(self, lines: Iterable[str]) -> Iterator[Translation]: ...


def translate_lines(
    translator: Translates,
    texts: Sequence[str] | None,
    file: Path | None,
    to: Path | None,
    *,
    strict: bool = False,
    as_json: bool = False,
    explain: bool = False,
) -> None:
    """Translates line by line, in order; a line in is a line out (two where it is explained).

    Args:
        translator: any.
        texts: to translate; where there are none or only "-", the lines of `file`, else those of stdin.
        file: UTF-8.
        to: a file that appears when it is whole; else stdout.
        strict: refuse text that is not UTF-8; else it is replaced, and counted on stderr.
        as_json: write an object a line.
        explain: write below each line what each source token became.

    Raises:
        UsageError: the translations cannot be explained, or are wanted as JSON too; stdin or stdout is
            closed.
        DataError: the file cannot be read or the result not be written; strict, and a line is not UTF-8.
    """
    if explain and as_json:
        raise UsageError("The JSON says all that --explain says", where="--explain", fix="leave out one")
    if explain and not translator.copies:
        raise UsageError(
            "This model cannot be explained: it copies no source tokens",
            where="--explain",
            allowed="a student with fertilities",
            fix="leave out --explain, or name such a model with --model",
        )
    if texts == ["-"]:
        texts = None
    with _target(to) as output:
        if texts:
            decoded = _decoded(texts, strict=strict)
            for found in translator.translate_stream(decoded):
                _write(output, [found], as_json=as_json, explain=explain)
            _warn_of_replaced(sum(map(str.__ne__, texts, decoded)), len(texts), "texts")
            return
        with _source(file) as (source, size):
            lines = Lines(source, str(file or "stdin"), strict=strict)
            for waiting in _with_progress(lines, source, size, output):
                _write(output, translator.translate(waiting), as_json=as_json, explain=explain)
        _warn_of_replaced(lines.replaced, lines.count, "lines")


def _decoded(texts: Sequence[str], *, strict: bool) -> list[str]:
    """Arguments, whose bytes that are not UTF-8 arrive as surrogates, with U+FFFD in their place."""
    decoded = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in texts]
    for number, (text, replaced) in enumerate(zip(texts, decoded, strict=True), 1):
        if strict and text != replaced:
            raise DataError(
                "The text is not UTF-8",
                where=f"text {number}",
                fix="convert it to UTF-8, or leave out --strict",
            )
    return decoded


def _warn_of_replaced(count: int, among: int, what: str) -> None:
    if count:
        said = f"{count} of {among} {what} were not UTF-8: bad bytes were replaced"
        print(f"warning: {said}", file=sys.stderr)


def _write(output: TextIO, translations: Iterable[Translation], *, as_json: bool, explain: bool) -> None:
    """Line by line and at once, so that a reader gets whole lines whenever this is stopped."""
    for found in translations:
        line = found.text
        if as_json:
            line = json.dumps(
                {
                    "text": found.text,
                    "src_tokens": found.src_pieces,
                    "tokens": found.tgt_pieces,
                    "fertilities": found.fertilities,
                    "score": round(found.score, 6),
                    "model": found.model,
                },
                ensure_ascii=False,
            )
        elif explain and found.fertilities is not None:
            line += f"\n  {explained(found.src_pieces, found.fertilities, found.tgt_pieces)}"
        output.write(f"{line}\n")
        output.flush()


@contextmanager
def _target(to: Path | None) -> Iterator[TextIO]:
    if to is None:
        if sys.stdout is None:
            raise UsageError("Standard output is closed", fix="name a file with --to")
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    try:
        with replacing(to) as partial, open(partial, "w", encoding="utf-8", newline="\n") as file:
            yield file
    except OSError as error:
        raise DataError(f"Cannot write the translations: {error.strerror}", where=to) from None


@contextmanager
def _source(file: Path | None) -> Iterator[tuple[io.RawIOBase, int]]:
    """The bytes to read, unbuffered, and how many there are (0: unknown)."""
    if file is None:
        if sys.stdin is None:
            raise UsageError("Standard input is closed", fix="give texts, or name a file with --file")
        # Not sys.stdin.buffer: its lock, held by a thread that waits, would break the end of the process.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
            yield stdin, 0
        return
    try:
        opened = open(file, "rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise DataError(f"Cannot read the file: {error.strerror}", where=file) from None
    with opened:
        yield opened, file.stat().st_size


def _with_progress(lines: Lines, source: io.RawIOBase, size: int, output: TextIO) -> Iterator[list[str]]:
    """The lines; where a file is read and a person watches nothing else, with a bar on stderr."""
    if not size or not sys.stderr.isatty() or output.isatty():
        yield from lines
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("translating", total=size)
        for waiting in lines:
            yield waiting
            bar.update(task, completed=source.tell(), description=f"{lines.count:,} lines")
