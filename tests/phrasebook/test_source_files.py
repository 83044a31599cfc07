"""What a fingerprint of the embedded corpus reads: all code and all tables, and no table is left unread."""

import re
from pathlib import Path

import onepass.phrasebook
from onepass.phrasebook import source_files
from onepass.phrasebook.source_files import table

PACKAGE = Path(onepass.phrasebook.__file__).parent


def test_code_and_tables_in_a_fixed_order() -> None:
    found = source_files()
    assert found == sorted(found)
    names = {str(path.relative_to(PACKAGE)) for path in found}
    assert {"__init__.py", "corpus.py", "german/word_order.py", "scenes/__init__.py"} <= names
    assert {"tables/nouns.txt", "tables/templates.txt", "tables/german_verbs.txt"} <= names
    folders = (
        PACKAGE,
        *(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"),
    )
    files = {path for folder in folders for path in folder.iterdir() if path.is_file()}
    assert set(found) == files


def test_the_code_reads_every_table_and_no_other() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in source_files() if path.suffix == ".py")
    read = set(re.findall(r'\btable\("(\w+)"\)', code))
    assert read == {path.stem for path in source_files() if path.suffix == ".txt"}
    assert table("nouns") == PACKAGE / "tables/nouns.txt"
