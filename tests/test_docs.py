"""What README and docs show is rendered from committed data, so it must be current."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import render

from onepass.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "render.py"


def test_tables_and_settings_in_the_docs_are_current() -> None:
    check = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, f"run `python docs/render.py`:\n{check.stdout}{check.stderr}"


TABLE = "\n| system | BLEU |\n| --- | --: |\n| argmax | 31.0 |\n"
PAGE = "# Title\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nAfter.\n"


def test_a_block_is_replaced_and_nothing_else(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    assert not render.is_block_current(page, "results", TABLE)
    render.update_block(page, "results", TABLE)
    assert page.read_text(encoding="utf-8") == PAGE.replace("old", TABLE.strip())
    assert render.is_block_current(page, "results", TABLE)
    assert os.listdir(tmp_path) == ["README.md"]


def test_a_block_that_has_drifted_is_noticed(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    render.update_block(page, "results", TABLE)
    page.write_text(page.read_text(encoding="utf-8").replace("31.0", "33.0"), encoding="utf-8")
    assert not render.is_block_current(page, "results", TABLE)


@pytest.mark.parametrize(
    "text",
    [
        "no marks",
        "<!-- results:begin -->\n",
        "<!-- results:end -->\n<!-- results:begin -->\n",
        PAGE + PAGE,
        PAGE.replace("results", "other"),
    ],
)
def test_pages_without_the_marks_are_errors_and_stay_as_they_are(tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"README\.md"):
        render.update_block(page, "results", "new")
    with pytest.raises(DataError, match=r"README\.md"):
        render.is_block_current(page, "results", "new")
    assert page.read_text(encoding="utf-8") == text


def test_a_missing_page_is_an_error(tmp_path):
    with pytest.raises(DataError, match="Cannot read the page"):
        render.update_block(tmp_path / "none.md", "results", "new")
