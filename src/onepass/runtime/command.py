"""What `onepass translate` does with a translator: texts, a file or stdin to stdout or a file."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TextIO

from onepass.errors import DataError, UsageError
from onepass.files import replacing
from onepass.runtime.stream import Lines
from onepass.runtime.text_translator import Translation
from onepass.text.explain import Origin, explain_words
from onepass.text.explain import explain as explain_tokens


class Translates(Protocol):
    """Whatever translates lines.

    Attributes:
        copies: it says how often it copied each source token.
        aligns: it can say which source words each word comes from.
    """

    copies: bool
    aligns: bool

    def translate(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> list[Translation]: ...

    def translate_stream(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> Iterator[Translation]: ...

    def doubts(self, line: str, translation: str) -> Sequence[str]: ...


def translate_lines(
    translator: Translates,
    texts: Sequence[str] | None,
    file: Path | None,
    to: Path | None,
    *,
    strict: bool = False,
    as_json: bool = False,
    alignment: bool = False,
    explain: bool = False,
    n_best: int = 1,
) -> None:
    """Translates line by line, in order; a line in is a line out (or more, where it is explained).

    Args:
        translator: any.
        texts: to translate; where there are none or only "-", the lines of `file`, else those of stdin.
        file: UTF-8.
        to: a file that appears when it is whole; else stdout.
        strict: refuse text that is not UTF-8; else it is replaced, and counted on stderr.
        as_json: write an object a line.
        alignment: say in it which source words each word comes from.
        explain: write below each line where its words come from, and of a student with fertilities what each
            source token became.
        n_best: write so many translations of each line, where there are so many: in the JSON, or below it.

    Raises:
        UsageError: the translations cannot be explained, or are wanted as JSON too; stdin or stdout is
            closed.
        DataError: the file cannot be read or the result not be written; strict, and a line is not UTF-8.
    """
    if explain and as_json:
        raise UsageError(
            "The JSON says all that --explain says", where="--explain", fix="take --json --alignment"
        )
    if alignment and not as_json:
        raise UsageError("The alignment is in the JSON", where="--alignment", fix="add --json, or --explain")
    if explain and not (translator.copies or translator.aligns):
        raise UsageError(
            "This model does not say where its words come from",
            where="--explain",
            allowed="a student, exported by this version or newer ones",
            fix="leave out --explain, or name such a model with --model",
        )
    alignment = alignment or (explain and translator.aligns)
    form = partial(_as_json, doubts=translator.doubts) if as_json else _explained if explain else _text
    if texts == ["-"]:
        texts = None
    with _target(to) as output:
        if texts:
            decoded = _decoded(texts, strict=strict)
            translations = translator.translate_stream(decoded, alignment=alignment, n_best=n_best)
            for text, found in zip(decoded, translations, strict=True):
                _write(output, form(text, found))
            _warn_of_replaced(sum(map(str.__ne__, texts, decoded)), len(texts), "texts")
            return
        with _source(file) as (source, size):
            lines = Lines(source, str(file or "stdin"), strict=strict)
            for waiting in _with_progress(lines, source, size, output):
                translated = translator.translate(waiting, alignment=alignment, n_best=n_best)
                for text, found in zip(waiting, translated, strict=True):
                    _write(output, form(text, found))
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


def _write(output: TextIO, line: str) -> None:
    """At once, so that a reader gets whole lines whenever this is stopped."""
    output.write(f"{line}\n")
    output.flush()


def _text(_: str, found: Translation) -> str:
    return "\n  ".join([found.text, *_alternatives(found)])


def _alternatives(found: Translation) -> list[str]:
    return [f"{score:.3f}  {text}" for text, score in found.alternatives or ()]


def _as_json(source: str, found: Translation, *, doubts: Callable[[str, str], Sequence[str]]) -> str:
    said: dict[str, object] = {
        "text": found.text,
        "src_tokens": found.src_pieces,
        "tokens": found.tgt_pieces,
        "fertilities": found.fertilities,
        "score": round(found.score, 6),
        "model": found.model,
        "doubts": list(doubts(source, found.text)),
    }
    if found.alternatives is not None:
        said["alternatives"] = [
            {"text": text, "score": round(score, 6)} for text, score in found.alternatives
        ]
    if found.alignment is not None:
        said["alignment"] = [word._asdict() for word in found.alignment]
    return json.dumps(said, ensure_ascii=False)


def _explained(source: str, found: Translation) -> str:
    lines = [found.text, *_alternatives(found)]
    if found.fertilities is not None:
        lines.append(explain_tokens(found.src_pieces, found.fertilities, found.tgt_pieces))
    if found.alignment is not None:
        words = (
            Origin(found.text[start:end], [source[slice(*place)] for place in sources])
            for start, end, sources in found.alignment
        )
        lines.append(explain_words(words))
    return "\n  ".join(lines)


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
