"""Bundles go to a hub and come back: published, fetched once, read without a network, copied."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from fake_hub import TOKEN, FakeHub, fake_hub
from onepass import Translator
from onepass.bundle import Bundle
from onepass.errors import ModelError, UsageError
from onepass.hub_name import HubName
from onepass.runtime.hub import copy_bundle, fetch, is_hub_name, publish
from onepass.runtime.shipped import find_model
from tiny_export import exported, random_student
from tiny_run import corpus_pairs

LINES = [src for src, _ in corpus_pairs(5)]
CARD = "---\nlanguage: [en, de]\nlicense: cc-by-2.0\n---\n\n# A model\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    exported(random_student(folder / "student", "ctc"), folder / "exported")
    (folder / "exported/README.md").write_text(CARD)
    return Bundle.open(folder / "exported")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def send(bundle: Bundle, name: str = "user/model", revision: str | None = None) -> str:
    return publish(bundle, HubName(name, revision), private=False, message="A model")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_bundle_comes_back_as_it_was_published(hub: FakeHub, bundle: Bundle) -> None:
    local = Translator.from_pretrained(bundle.directory)
    url = local.push_to_hub("user/model", message="The first")
    [repository] = hub.repositories.values()
    assert url == f"{hub.endpoint}/user/model/commit/{repository.branches['main']}"
    files = repository.commits[repository.branches["main"]]
    assert files.keys() == {"bundle.json", "README.md", *bundle.files}
    assert all((bundle.directory / name).read_bytes() == data for name, data in files.items())
    translator = Translator.from_pretrained("user/model", num_threads=1)
    assert translator.translate(LINES) == local.translate(LINES)
    assert translator.bundle.fingerprint == bundle.fingerprint
    assert find_model("hf:user/model") == translator.bundle.directory


def test_what_the_cache_has_is_not_asked_for_again_unless_something_newer_is_wanted(
    hub: FakeHub, bundle: Bundle
) -> None:
    send(bundle)
    first = fetch(HubName("user/model"))
    hub.asked.clear()
    assert fetch(HubName("user/model")) == first
    assert hub.asked == []
    hub.repositories["user/model"].commit("main", {"README.md": b"# Another card\n"})
    assert fetch(HubName("user/model")) == first
    newer = fetch(HubName("user/model"), newer=True)
    assert newer != first
    assert (newer / "README.md").read_text() == "# Another card\n"
    assert Bundle.open(newer).fingerprint == bundle.fingerprint  # a card may be edited
    assert find_model("user/model") == newer


def test_a_part_of_a_bundle_in_the_cache_is_completed(hub: FakeHub, bundle: Bundle) -> None:
    send(bundle)
    folder = fetch(HubName("user/model"))
    (folder / "joint.model").unlink()
    assert names(fetch(HubName("user/model"))) == {"bundle.json", "README.md", *bundle.files}


def test_a_revision_is_a_branch_or_a_commit(hub: FakeHub, bundle: Bundle) -> None:
    send(bundle)
    first = hub.repositories["user/model"].branches["main"]
    send(bundle, revision="v2")
    assert hub.repositories["user/model"].branches == {
        "main": first,
        "v2": fetch(HubName("user/model", "v2")).name,
    }
    assert find_model("user/model", revision=first) == find_model(f"user/model@{first}")
    assert Translator.from_pretrained("user/model@v2").translate(LINES[:1])
    with pytest.raises(ModelError, match="could not be fetched"):
        find_model("user/model", revision="v3")


def test_other_files_of_the_repository_are_not_fetched(hub: FakeHub, bundle: Bundle) -> None:
    send(bundle)
    hub.repositories["user/model"].commit("main", {"evil.pkl": b"x", "notes/a.txt": b"x"})
    assert names(fetch(HubName("user/model"))) == {"bundle.json", "README.md", *bundle.files}


def test_a_repository_without_a_bundle_is_an_error_that_fetches_nothing(hub: FakeHub, bundle: Bundle) -> None:
    send(bundle, "user/other")
    files = hub.repositories["user/other"].commits[hub.repositories["user/other"].branches["main"]]
    del files["bundle.json"]
    with pytest.raises(ModelError, match="no model of Onepass"):
        fetch(HubName("user/other"))
    with pytest.raises(ModelError, match="user/absent"):
        fetch(HubName("user/absent"))


def test_a_copy_is_the_bundle_and_replaces_nothing_else(hub: FakeHub, bundle: Bundle, tmp_path: Path) -> None:
    send(bundle)
    for _ in range(2):  # an older copy makes way
        copy_bundle(fetch(HubName("user/model")), tmp_path / "copy")
    assert names(tmp_path / "copy") == {"bundle.json", "README.md", *bundle.files}
    assert not any(path.is_symlink() for path in (tmp_path / "copy").iterdir())
    with pytest.raises(UsageError, match="something else than a bundle"):
        copy_bundle(bundle.directory, tmp_path)


def test_who_may_not_write_is_told_how_to_log_in(
    hub: FakeHub, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    with pytest.raises(ModelError, match="hf auth login"):
        send(bundle)
    assert hub.repositories == {}


def test_a_private_repository_is_private(hub: FakeHub, bundle: Bundle) -> None:
    publish(bundle, HubName("user/secret"), private=True, message="A model")
    assert hub.repositories["user/secret"].private


@pytest.mark.parametrize("name", ["", "a", "a/b/c", "a b/c", "a/b@", "/a", "hf:a"])
def test_what_is_no_name_of_the_hub_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        HubName.parse(name)


def test_two_revisions_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        HubName.parse("a/b@c", "d")


def test_a_missing_directory_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_hub_name("runs/my-model")
    (tmp_path / "runs").mkdir()
    assert not is_hub_name("runs/my-model")
    assert is_hub_name("hf:runs/my-model")
    for name in ("runs/my-model", "./my-model", "no-model"):
        with pytest.raises(ModelError, match="There is no such model"):
            find_model(name)
    with pytest.raises(UsageError, match="Only models of the hub"):
        find_model("en-pt", revision="v1")


def test_the_command_line_fetches_and_translates_without_a_network(
    hub: FakeHub, bundle: Bundle, tmp_path: Path
) -> None:
    def onepass(*words: object, **more: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), **more}
        return subprocess.run(
            [sys.executable, "-m", "onepass", *map(str, words)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    expected = Translator.load(bundle.directory).translate(LINES[:1])[0].text
    send(bundle)
    done = onepass("fetch", "user/model", "--to", "copy", HF_ENDPOINT=hub.endpoint)
    assert (done.returncode, done.stdout) == (0, "copy\n"), done.stderr
    hub.asked.clear()
    for model in ("user/model", "copy"):
        done = onepass("translate", LINES[0], "--model", model, HF_HUB_OFFLINE="1", HF_ENDPOINT=hub.endpoint)
        assert (done.returncode, done.stdout) == (0, f"{expected}\n"), done.stderr
    shutil.rmtree(tmp_path / "home")
    done = onepass(
        "translate", LINES[0], "--model", "user/model", HF_HUB_OFFLINE="1", HF_ENDPOINT=hub.endpoint
    )
    assert done.returncode == 4
    assert done.stderr.count("error: ") == 1
    assert "`onepass fetch user/model --to DIR`" in done.stderr
    assert "Traceback" not in done.stderr
    assert hub.asked == []
