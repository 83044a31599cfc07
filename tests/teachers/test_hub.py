"""A name on the hub becomes a folder: from its cache or fetched; the card beside a model says its licence."""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
import pytest

from onepass.errors import ModelError, UsageError
from onepass.teachers.find import find_teacher
from onepass.teachers.hub import read_card

NAME = "hf:somebody/opus-mt-en-pt"
NEEDED = ("config.json", "source.spm", "target.spm", "vocab.json", "model.safetensors")


def touch(folder: Path, *names: str, kind: str = "marian") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f'{{"model_type": "{kind}"}}' if name == "config.json" else "x")
    return folder


class Hub:
    """Stands in for the hub: `there` is what it has, `folder` what has been fetched."""

    def __init__(self, folder: Path, there: tuple[str, ...]) -> None:
        self.folder, self.there, self.kind = folder, there, "marian"
        self.calls: list[tuple[str, str | None, bool]] = []

    def snapshot(
        self, name: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool
    ) -> str:
        self.calls.append((name, revision, local_files_only))
        if local_files_only and not self.folder.exists():
            raise FileNotFoundError("not in the cache")
        if not local_files_only:
            if not self.there:
                raise OSError("no network\nat all")
            wanted = [f for f in self.there if any(fnmatch(f, p) for p in allow_patterns)]
            touch(self.folder, *wanted, kind=self.kind)
        return str(self.folder)


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Callable[..., Hub]:
    def make(*there: str) -> Hub:
        made = Hub(tmp_path / "snapshot", there)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot)
        return made

    return make


def test_a_name_is_fetched_once_and_only_what_is_needed_of_it(hub) -> None:
    made = hub(*NEEDED, "pytorch_model.bin", "tf_model.h5", "rust_model.ot")
    files = find_teacher(NAME)
    assert (files.name, files.model.name, files.shortlist) == (NAME, "model.safetensors", None)
    assert {path.name for path in files.all} == set(NEEDED)
    assert {path.name for path in made.folder.iterdir()} == set(NEEDED)
    find_teacher(NAME)
    assert [local for _, _, local in made.calls] == [True, False, False, True]


def test_the_weights_of_another_kind_are_not_fetched(hub) -> None:
    made = hub(*NEEDED)
    made.kind = "m2m_100"
    with pytest.raises(ModelError, match="onepass distill --languages"):
        find_teacher(NAME)
    assert [path.name for path in made.folder.iterdir()] == ["config.json"]


def test_a_revision_follows_the_name(hub) -> None:
    made = hub(*NEEDED)
    find_teacher(f"{NAME}@refs/pr/4")
    assert made.calls[0] == ("somebody/opus-mt-en-pt", "refs/pr/4", True)


def test_a_pickle_is_fetched_when_it_is_asked_for(hub) -> None:
    hub(*NEEDED[:4], "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"is missing(.|\n)*model\.safetensors"):
        find_teacher(NAME)
    assert find_teacher(NAME, unpickle=True).model.name == "pytorch_model.bin"


def test_without_a_network_the_error_names_the_command(hub) -> None:
    hub()
    with pytest.raises(ModelError, match="no network") as caught:
        find_teacher(NAME)
    assert "`hf download somebody/opus-mt-en-pt`" in str(caught.value)
    with pytest.raises(ModelError, match="--revision main"):
        find_teacher(f"{NAME}@main")


@pytest.mark.parametrize("name", ["hf:", "hf:a/b/c", "hf:a b", "hf:a@", "hf:/"])
def test_what_is_no_name_of_the_hub_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="name a model on the hub"):
        find_teacher(name)


def test_models_of_other_kinds_are_an_error_that_says_which(tmp_path) -> None:
    touch(tmp_path, *NEEDED)
    (tmp_path / "config.json").write_text('{"model_type": "mbart"}')
    with pytest.raises(ModelError, match="mbart"):
        find_teacher(str(tmp_path))


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# Text\n", "apache-2.0"),
        ("---\r\nlanguage:\r\n- en\r\nlicense: 'cc-by-4.0'\r\n---\r\n", "cc-by-4.0"),
        ("---\ntags:\n- translation\nlicense:\n- cc-by-nc-4.0\n---\n", "cc-by-nc-4.0"),
        ("---\nlicense: other\nlicense_name: tiny-1.0\n---\n", "tiny-1.0"),
        ("---\nlicense: other\n---\n", None),
        ("---\nlanguage: en\n---\nlicense: mit\n", None),
        ("license: mit\n", None),
        ("---\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_the_licence_is_that_of_the_cards_header(tmp_path, card: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_bytes(card.encode())
    assert read_card(tmp_path).licence == licence


@pytest.mark.parametrize(
    ("settings", "languages"),
    [
        ('{"source_lang": "en", "target_lang": "pt"}', ("en", "pt")),
        ('{"source_lang": "eng", "target_lang": "por"}', None),
        ('{"source_lang": "en", "target_lang": "ROMANCE"}', None),
        ('{"source_lang": "en"}', None),
        ('{"source_lang": ["en"], "target_lang": "pt"}', None),
    ],
)
def test_languages_are_known_where_both_are_codes_of_recipes(tmp_path, settings: str, languages) -> None:
    (tmp_path / "tokenizer_config.json").write_text(settings)
    assert read_card(tmp_path).languages == languages
    assert read_card(tmp_path / "nowhere").languages is None
