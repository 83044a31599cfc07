"""The reader of tables: what their lines mean, and one clear error for a line that is wrong."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from onepass.errors import DataError
from onepass.text.tables import Row, alternatives, read_lists, read_records, read_sections

TABLE = """\
# Fruit. A line is:
# name | weight | colours

apple | 180 | red, green
- | 1
[sour ones]
  # an indented comment is one, too
lemon | 100 | yellow
    sour
    # not sweet

    very sour
sloe | 3 | -
"""


class Fruit(NamedTuple):
    name: str
    weight: int
    colours: tuple[str, ...]


def fruit(row: Row) -> Fruit:
    name, weight, colours = row.cells
    return Fruit(name, int(weight), alternatives(colours))


def write(directory: Path, text: str) -> Path:
    table = directory / "fruit.txt"
    table.write_bytes(text.encode())
    return table


def test_records_by_section_in_the_order_of_the_file(tmp_path: Path) -> None:
    table = write(tmp_path, TABLE)
    assert read_sections(table, fruit, columns=3, least=2, continued=True) == {
        "": (Fruit("apple", 180, ("red", "green")), Fruit("", 1, ())),
        "sour ones": (Fruit("lemon", 100, ("yellow",)), Fruit("sloe", 3, ())),
    }
    rows = read_sections(table, lambda row: row, columns=3, least=2, continued=True)["sour ones"]
    assert rows == (
        Row("sour ones", ("lemon", "100", "yellow"), ("sour", "very sour")),
        Row("sour ones", ("sloe", "3", ""), ()),
    )


def test_records_of_all_sections(tmp_path: Path) -> None:
    table = write(tmp_path, "[b]\nx | 1 | z\n\n[a]\ny | 2 | -\r\n")
    assert read_records(table, fruit, columns=3) == (Fruit("x", 1, ("z",)), Fruit("y", 2, ()))


def test_a_bar_inside_a_word_divides_nothing(tmp_path: Path) -> None:
    table = write(tmp_path, "ab|holen | [du|ihr|Sie]\n")
    assert read_records(table, lambda row: row.cells, columns=2) == (("ab|holen", "[du|ihr|Sie]"),)


def test_lists_of_words_go_over_line_ends(tmp_path: Path) -> None:
    table = write(tmp_path, "[few]\n1, 2\n3\n\n[none]\n[one]\n4\n")
    assert read_lists(table, int) == {"few": (1, 2, 3), "one": (4,)}


MALFORMED = [
    ("apple | 1 | red\npear | 2\n", 2, "pear | 2", "2 cells instead of 3"),
    ("apple | 1 | red | round", 1, "apple | 1 | red | round", "4 cells instead of 3"),
    ("# fruit\n\napple | many | red", 3, "apple | many | red", "invalid literal"),
    ("apple |  | red", 1, "apple |  | red", "something must stand"),
    ("apple | 1 | red |", 1, "apple | 1 | red |", "something must stand"),
    ("apple | 1 | red,", 1, "apple | 1 | red,", "comma"),
    ("apple | 1 | red,, green", 1, "apple | 1 | red,, green", "comma"),
    ("apple | 1 | red\n  and green", 1, "apple | 1 | red", "indented lines below"),
    ("[apples]\n  red | 1 | x", 2, "  red | 1 | x", "no record stands above"),
    ("[a]\nx | 1 | z\n[b]\n[a]\n", 4, "[a]", "stands twice"),
]


@pytest.mark.parametrize(("text", "line", "value", "why"), MALFORMED)
def test_a_malformed_line_is_one_clear_error(
    tmp_path: Path, text: str, line: int, value: str, why: str
) -> None:
    table = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_sections(table, fruit, columns=3)
    assert caught.value.where == f"{table}, line {line}"
    assert caught.value.value == value
    assert re.search(why, caught.value.what)


def test_a_word_of_a_list_that_cannot_be_read_names_its_line(tmp_path: Path) -> None:
    table = write(tmp_path, "[few]\n1, 2\n3, four\n")
    with pytest.raises(DataError, match="invalid literal") as caught:
        read_lists(table, int)
    assert (caught.value.where, caught.value.value) == (f"{table}, line 3", "3, four")


def test_text_in_another_encoding_and_a_missing_file_are_data_errors(tmp_path: Path) -> None:
    table = tmp_path / "fruit.txt"
    table.write_bytes("Äpfel | 1 | rot\n".encode("latin-1"))
    for path in (table, tmp_path / "none.txt"):
        with pytest.raises(DataError, match=path.name):
            read_sections(path, fruit, columns=3)
