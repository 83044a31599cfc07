"""Tables of words: text files that people edit, and the one reader that gives their lines a type.

A line is a record: its cells are separated by ` | `, and `-` is an empty cell. `[name]` on a line of its own
begins a section, `#` begins a comment line, and an indented line belongs to the record above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from onepass.errors import DataError
from onepass.text.lines import Line, numbered_lines

T = TypeVar("T")


class Row(NamedTuple):
    """A record before it has a type.

    Attributes:
        section: the name of its section; empty before the first one.
        cells: as many as the table has columns; those that its line leaves out are empty.
        below: the indented lines that belong to it, without their indent.
    """

    section: str
    cells: tuple[str, ...]
    below: tuple[str, ...]


class _Block(NamedTuple):
    """A record as it stands in the file."""

    section: str
    line: Line
    below: list[str]


def packaged(package: str, name: str) -> Path:
    """The table of that name in the folder `tables` of a package."""
    from importlib.resources import files  # loads archives and temporary files, which few imports need

    return Path(str(files(package) / "tables" / f"{name}.txt"))


def read_sections(
    table: Path,
    parse: Callable[[Row], T],
    *,
    columns: int,
    least: int | None = None,
    continued: bool = False,
) -> dict[str, tuple[T, ...]]:
    """The records of a table by section, both in the order of the file.

    Args:
        table: the file.
        parse: makes a record of a row; it raises ValueError, saying what is wrong with it.
        columns: how many cells a line has at the most.
        least: how many it has at the least; all if None.
        continued: whether indented lines may stand below a record.

    Raises:
        DataError: the file cannot be read, or a line is malformed; names the file and the line.
    """
    least = columns if least is None else least
    found: dict[str, list[T]] = {}
    for block in _blocks(table):
        try:
            if block.below and not continued:
                raise ValueError("it has indented lines below it")
            cells = _cells(block.line.text, columns, least)
            record = parse(Row(block.section, cells, tuple(block.below)))
        except ValueError as error:
            raise _malformed(table, block.line, str(error)) from None
        found.setdefault(block.section, []).append(record)
    return {section: tuple(records) for section, records in found.items()}


def read_records(
    table: Path, parse: Callable[[Row], T], *, columns: int, least: int | None = None
) -> tuple[T, ...]:
    """The records of all sections, one after the other; arguments and errors as of `read_sections`."""
    sections = read_sections(table, parse, columns=columns, least=least)
    return tuple(record for records in sections.values() for record in records)


def read_lists(table: Path, parse: Callable[[str], T]) -> dict[str, tuple[T, ...]]:
    """The sections of a table that has nothing but words, separated by commas and line ends.

    Args:
        table: the file.
        parse: makes a record of a word; it raises ValueError, saying what is wrong with it.

    Raises:
        DataError: as of `read_sections`.
    """
    sections = read_sections(table, lambda row: tuple(map(parse, alternatives(row.cells[0]))), columns=1)
    return {
        section: tuple(record for line in lines for record in line) for section, lines in sections.items()
    }


def alternatives(cell: str) -> tuple[str, ...]:
    """The parts of a cell that holds several, separated by commas.

    Raises:
        ValueError: one of them is empty.
    """
    parts = tuple(part.strip() for part in cell.split(",")) if cell else ()
    if not all(parts):
        raise ValueError("a comma has nothing before or after it")
    return parts


def _blocks(table: Path) -> Iterator[_Block]:
    section, sections = "", set[str]()
    block: _Block | None = None
    for line in numbered_lines(table):
        text = line.text.strip()
        if not text or text.startswith("#"):
            continue
        if line.text[0].isspace():
            if block is None:
                raise _malformed(table, line, "it is indented, but no record stands above it")
            block.below.append(text)
            continue
        if block is not None:
            yield block
            block = None
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
            if section in sections:
                raise _malformed(table, line, "the section stands twice")
            sections.add(section)
        else:
            block = _Block(section, line, [])
    if block is not None:
        yield block


def _cells(text: str, columns: int, least: int) -> tuple[str, ...]:
    """The cells of a line, filled up to the number of columns."""
    found = [cell.strip() for cell in text.split(" | ")]
    if any(not cell or "|" in (cell[0], cell[-1]) for cell in found):
        raise ValueError("between two ` | ` something must stand, `-` for an empty cell")
    cells = tuple("" if cell == "-" else cell for cell in found)
    if not least <= len(cells) <= columns:
        wanted = str(columns) if least == columns else f"{least} to {columns}"
        raise ValueError(f"it has {len(cells)} cells instead of {wanted}")
    return cells + ("",) * (columns - len(cells))


def _malformed(table: Path, line: Line, why: str) -> DataError:
    return DataError(
        f"The table has a malformed line: {why}",
        where=f"{table}, line {line.number}",
        value=line.text,
        fix="the comment at the top of the file says what a line holds",
    )
