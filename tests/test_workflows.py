"""The files for GitHub: sound YAML of the known form, and the same make targets as `.ci/run`."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
KEYS = {
    "workflow": {"name", "on", "permissions", "concurrency", "jobs", "env"},
    "job": {
        "runs-on", "steps", "strategy", "defaults", "needs", "environment", "permissions", "timeout-minutes"
    },
    "step": {"name", "uses", "with", "run", "env", "if"},
}  # fmt: skip


def load(path: Path) -> Any:
    # YAML reads `on` as true.
    return yaml.safe_load(re.sub(r"^on:", '"on":', path.read_text(encoding="utf-8"), flags=re.MULTILINE))


def runs(path: Path) -> list[str]:
    return [step["run"] for job in load(path)["jobs"].values() for step in job["steps"] if "run" in step]


def targets(lines: list[str]) -> set[str]:
    found = [re.match(r"make ([\w -]+)$", line.strip()) for line in lines]
    return {target for match in found if match for target in match[1].split()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_the_form_that_github_knows(path: Path) -> None:
    workflow = load(path)
    assert workflow.keys() <= KEYS["workflow"]
    assert {"name", "on", "permissions", "jobs"} <= workflow.keys()
    assert workflow["permissions"] == {"contents": "read"}  # a job that needs more says so
    for job in workflow["jobs"].values():
        assert job.keys() <= KEYS["job"]
        assert {"runs-on", "steps"} <= job.keys()
        assert (
            set([job.get("needs", [])] if isinstance(job.get("needs"), str) else [])
            <= workflow["jobs"].keys()
        )
        for step in job["steps"]:
            assert step.keys() <= KEYS["step"]
            assert ("uses" in step) != ("run" in step)
            assert "@" in step.get("uses", "@")
        used = set(re.findall(r"\$\{\{ matrix\.(\w+) \}\}", yaml.safe_dump(job)))
        assert used == set(job.get("strategy", {}).get("matrix", {}))


def test_workflows_and_the_own_machine_call_the_same_targets() -> None:
    own = targets((ROOT / ".ci/run").read_text(encoding="utf-8").splitlines())
    called = targets(runs(GITHUB / "workflows/ci.yml"))
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert own == {"lint", "test"}
    assert own <= called == {"lint", "test", "smoke", "wheel", "docs"}
    assert {target for path in WORKFLOWS for target in targets(runs(path))} <= known


def test_every_python_that_the_package_names_is_tested_on_three_systems() -> None:
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    for job in ("test", "runtime"):
        matrix = load(GITHUB / "workflows/ci.yml")["jobs"][job]["strategy"]["matrix"]
        assert matrix["python"] == named
        assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]


def test_a_release_is_published_by_tag_and_without_a_token() -> None:
    release = load(GITHUB / "workflows/release.yml")
    assert release["on"] == {"push": {"tags": ["v*"]}}
    publish = release["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "wheel"
    assert "secrets." not in (GITHUB / "workflows/release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda p: p.stem)
def test_an_issue_form_asks_for_something(path: Path) -> None:
    form = load(path)
    assert {"name", "description", "body"} <= form.keys()
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids)) > 0
    assert all(part["type"] in ("textarea", "input") and part["attributes"]["label"] for part in form["body"])


def test_dependabot_looks_at_actions_and_packages() -> None:
    settings = load(GITHUB / "dependabot.yml")
    assert settings["version"] == 2
    assert {one["package-ecosystem"] for one in settings["updates"]} == {"github-actions", "pip"}
