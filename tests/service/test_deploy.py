"""The files under `deploy`: what they start is a command that there is, by a user with no rights.

Their own tools read them, where they are installed. `slow` runs the steps of the Dockerfile.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from onepass.cli import app
from onepass.runtime.shipped import find_model, usual_models
from onepass.service.settings import Limits

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSTALLED = "/opt/onepass"


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with what each is about."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", read("Dockerfile"))).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)]


def command_of_image() -> list[str]:
    return list(json.loads(dict(steps())["ENTRYPOINT"]))


def command_of_unit() -> list[str]:
    found = re.search(r"(?m)^ExecStart=(.*)$", read("onepass.service"))
    assert found
    return shlex.split(found[1])


def command_of_compose() -> list[str]:
    return [*command_of_image(), *yaml.safe_load(read("compose.yaml"))["services"]["onepass"]["command"]]


@pytest.mark.parametrize("command", [command_of_image(), command_of_unit(), command_of_compose()])
def test_what_is_started_is_a_command_with_models_that_are_shipped(command: list[str]) -> None:
    assert command[:2] == [f"{INSTALLED}/bin/onepass", "serve"]
    verb = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    given = verb.make_context("serve", command[2:])
    assert all(find_model(name).is_dir() for name in given.params["models"] or usual_models())


def test_the_image_runs_as_nobody_and_says_whether_it_is_well() -> None:
    found = dict(steps())
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", found["USER"])
    assert "/health" in found["HEALTHCHECK"]
    service = yaml.safe_load(read("compose.yaml"))["services"]["onepass"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_only_what_is_built_from_is_sent_to_the_build() -> None:
    sent = set(re.findall(r"(?m)^!(.*)$", read("Dockerfile.dockerignore")))
    copied = [rest.split()[:-1] for name, rest in steps() if name == "COPY" and "--from" not in rest]
    assert sent == {name for names in copied for name in names}
    assert all((ROOT / name).exists() for name in sent)


def test_the_proxy_lets_through_what_the_service_allows() -> None:
    conf = read("nginx.conf")
    assert f"client_max_body_size {Limits().body_bytes // 1_000_000}m;" in conf
    waits = re.search(r"proxy_read_timeout (\d+)s;", conf)
    assert waits
    assert int(waits[1]) > Limits().seconds


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
def test_the_dockerfile_has_no_lint() -> None:
    subprocess.run(["hadolint", DEPLOY / "Dockerfile"], check=True)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    unit = tmp_path / "onepass.service"
    unit.write_text(read("onepass.service").replace(f"{INSTALLED}/bin/onepass", sys.executable))
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.slow
def test_the_steps_of_the_dockerfile_make_a_service_that_is_well(tmp_path: Path) -> None:
    here = str(tmp_path / "onepass")
    build = tmp_path / "build"
    build.mkdir()
    for name in re.findall(r"(?m)^!(.*)$", read("Dockerfile.dockerignore")):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, build / name)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for name, rest in steps():
        if name == "RUN":
            step = rest.replace(INSTALLED, here).replace("python -m venv", f"{sys.executable} -m venv")
            subprocess.run(["sh", "-ec", step], cwd=build, env=environment, check=True)
        elif name == "ENV":
            environment |= dict(pair.split("=") for pair in rest.split())
    command = [part.replace(INSTALLED, here) for part in command_of_image()]
    process = subprocess.Popen([*command, "--port", "5000"], cwd="/", env=environment)
    try:
        check = json.loads(dict(steps())["HEALTHCHECK"].partition("CMD ")[2])
        check[0] = check[0].replace(INSTALLED, here)
        until = time.monotonic() + 60
        while subprocess.run(check, capture_output=True).returncode:
            assert time.monotonic() < until
            time.sleep(1)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
