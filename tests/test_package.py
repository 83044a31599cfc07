"""Wheel and sdist: what they hold, what they say of themselves, and the licences of code and models.

They are built from a copy of the tree in which the weights are stubs, so that it takes seconds.
"""

import email
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from onepass.runtime.shipped import shipped_models
from onepass.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STUB = 100_000
"""Bytes of a file from which on it is a stub in the copy."""
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys, setuptools.build_meta as b; to = sys.argv.pop(); b.build_wheel(to); b.build_sdist(to)"


class Built(NamedTuple):
    wheel: dict[str, bytes]
    sdist: set[str]
    metadata: Message


def files_of_the_package() -> set[str]:
    """The files in `src/onepass`, as git has them, else as they lie there."""
    listed = subprocess.run(
        ["git", "ls-files", "src/onepass"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = listed.stdout.split() or [
        path.relative_to(ROOT).as_posix() for path in (ROOT / "src/onepass").rglob("*") if path.is_file()
    ]
    return {name for name in found if (ROOT / name).is_file() and "__pycache__" not in name}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in (*BUILT_FROM, *files_of_the_package()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes() if (ROOT / name).stat().st_size < STUB else b"")
    # Whatever else lies about must not get in.
    for name in ("docs/results/x.json", "rivals/teacher.bin", "tests/test_x.py", "runs/x/student.onnx"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("x")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, dist], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(sdist) as archive:
        names = {os.path.relpath(m.name, archive.getnames()[0]) for m in archive.getmembers() if m.isfile()}
    metadata = next(data for name, data in inside.items() if name.endswith("dist-info/METADATA"))
    return Built(inside, {name.replace(os.sep, "/") for name in names}, email.message_from_bytes(metadata))


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    info = f"onepass-{__version__}.dist-info/"
    found = {name for name in built.wheel if not name.startswith(info)}
    assert found == {name.removeprefix("src/") for name in files_of_the_package()}
    assert {"onepass/py.typed", "onepass/service/static/index.html"} <= found
    assert b"onepass = onepass.__main__:main" in built.wheel[f"{info}entry_points.txt"]


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Built) -> None:
    assert files_of_the_package() | set(BUILT_FROM) <= built.sdist
    others = {name for name in built.sdist - files_of_the_package() if ".egg-info/" not in name}
    assert others <= {*BUILT_FROM, "PKG-INFO", "setup.cfg", "tests/test_x.py"}


def test_the_licences_of_code_and_models_are_declared_and_inside(built: Built) -> None:
    declared = built.metadata["License-Expression"].split(" AND ")
    assert declared[0] == "Apache-2.0"
    of_models = {
        json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["export"]["card"]["licence"].lower()
        for folder in shipped_models().values()
    }
    assert {name.lower() for name in declared[1:]} == of_models
    texts = [built.wheel[f"onepass-{__version__}.dist-info/licenses/{name}"].decode() for name in LICENCES]
    assert built.metadata.get_all("License-File") == LICENCES
    assert "Apache License" in texts[0]
    assert "Mozilla Public License Version 2.0" in texts[1]


LICENCES = ["LICENSE", "src/onepass/shipped/en-pt/LICENSE", "src/onepass/shipped/pt-en/LICENSE"]


def test_the_metadata_say_who_where_and_what_it_needs(built: Built) -> None:
    said = built.metadata
    assert (said["Name"], said["Version"], said["Author"]) == (
        "onepass",
        __version__,
        PROJECT["authors"][0]["name"],
    )
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    urls = dict(url.split(", ") for url in said.get_all("Project-URL", []))
    assert urls.keys() == {"Homepage", "Documentation", "Changelog", "Issues"}
    assert all(url.startswith(urls["Homepage"]) for url in urls.values())
    plain = [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {re.split(r"[<>=]", line)[0] for line in plain} == {
        re.split(r"[<>=]", line)[0] for line in PROJECT["dependencies"]
    }
    assert not any(line.startswith("torch") for line in plain)


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+), (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert newest
    assert newest.groups() == (citation["version"], str(citation["date-released"]))
    assert citation["version"] == __version__
    assert citation["repository-code"] == PROJECT["urls"]["Homepage"]


def test_the_changelog_is_kept_by_kind() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for release in re.split(r"^## ", changes, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert kinds
        assert kinds == [kind for kind in ("Added", "Changed", "Fixed", "Removed") if kind in kinds]
