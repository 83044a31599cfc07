"""What README and docs show is rendered from committed data, so it must be current."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_tables_and_settings_in_the_docs_are_current() -> None:
    check = subprocess.run(
        [sys.executable, ROOT / "docs" / "render.py", "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, f"run `python docs/render.py`:\n{check.stdout}{check.stderr}"
