"""Bundles on the Hugging Face hub: fetched into its cache, copied to a directory, published.

What the cache has is not asked for again, so a translator starts without the network. `newer` looks for more.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from onepass.bundle import CARD, MANIFEST, Bundle, listed_files
from onepass.errors import ModelError, OnepassError, UsageError
from onepass.files import replacing_directory
from onepass.hub_name import HF, HubName, has_form_of_hub_name

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"


def is_hub_name(name: str) -> bool:
    """Whether this names a model on the hub: `hf:` says so, else a form that no directory here begins with.

    `runs/my-model` is a directory that is missing where there is a folder `runs`.
    """
    return name.startswith(HF) or (has_form_of_hub_name(name) and not Path(name).parent.is_dir())


def fetch(name: HubName, *, newer: bool = False) -> Path:
    """The folder of a bundle on the hub, in the hub's cache.

    Args:
        name: of the repository.
        newer: ask the hub whether it has something newer than the cache.

    Raises:
        ModelError: it is not in the cache and cannot be fetched, is no bundle, or the package is missing.
    """
    missing = f"The model {name} is not in the cache of the hub"
    with _explained(f"{missing}, and it could not be fetched", name):
        offline = _is_offline()
        if (offline or not newer) and (cached := _cached(name)) is not None:
            return cached
        if offline:
            raise ModelError(f"{missing}, and HF_HUB_OFFLINE forbids to ask", where=name, fix=_copying(name))
        folder = _snapshot(name, [MANIFEST], local=False)
        if not (folder / MANIFEST).is_file():
            raise ModelError(
                "This repository has no model of Onepass",
                where=name,
                allowed=f"one with a {MANIFEST}",
                fix="to learn from a translator of the hub, see `[teacher] from` in a recipe",
            )
        commit = HubName(name.repository, folder.name)  # a branch may move in between
        return _snapshot(commit, [MANIFEST, CARD, *listed_files(folder)], local=False)


def copy_bundle(folder: Path, to: Path) -> None:
    """Copies a bundle out of the cache, for a machine without a network.

    Args:
        folder: of the bundle.
        to: the directory to create; an older bundle there makes way.

    Raises:
        UsageError: something else is there.
        ModelError: the bundle is damaged.
    """
    if to.exists() and not (to / MANIFEST).exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError("There is something else than a bundle", where=to, fix="name a new directory")
    bundle = Bundle.open(folder)
    with replacing_directory(to) as partial:
        for name in _files(bundle):
            shutil.copyfile(folder / name, partial / name)


def publish(bundle: Bundle, name: HubName, *, private: bool, message: str) -> str:
    """Uploads a bundle as one commit; the repository is created where there is none.

    Args:
        bundle: to upload.
        name: of the repository; its revision is a branch, which is created where there is none.
        private: a new repository is seen by its owner alone.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        ModelError: the hub refuses, or the package is missing.
    """
    with _explained(f"The model could not be published as {name}", name, fix=_LOG_IN):
        from huggingface_hub import CommitOperationAdd, HfApi

        hub = HfApi(library_name="onepass")
        hub.create_repo(name.repository, private=private, exist_ok=True)
        if name.revision is not None:
            hub.create_branch(name.repository, branch=name.revision, exist_ok=True)
        files = [CommitOperationAdd(file, bundle.directory / file) for file in _files(bundle)]
        done = hub.create_commit(
            name.repository, operations=files, commit_message=message, revision=name.revision
        )
        return str(done.commit_url)


def _copying(name: HubName) -> str:
    return f"where there is a network, `onepass fetch {name} --to DIR`; here, `--model` a copy of DIR"


def _is_offline() -> bool:
    from huggingface_hub import is_offline_mode

    return is_offline_mode()


def _files(bundle: Bundle) -> list[str]:
    card = [CARD] if (bundle.directory / CARD).is_file() else []
    return list(dict.fromkeys([MANIFEST, *card, *bundle.files]))


def _cached(name: HubName) -> Path | None:
    """The folder in the cache, if all of the bundle is there."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = _snapshot(name, [MANIFEST], local=True)
    except (LocalEntryNotFoundError, OSError):
        return None
    is_whole = (folder / MANIFEST).is_file() and all((folder / f).is_file() for f in listed_files(folder))
    return folder if is_whole else None


def _snapshot(name: HubName, files: Sequence[str], *, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            name.repository,
            revision=name.revision,
            allow_patterns=list(files),
            local_files_only=local,
            library_name="onepass",
        )
    )


@contextmanager
def _explained(what: str, name: HubName, *, fix: str | None = None) -> Iterator[None]:
    """Makes one clear error of what the hub's library raises: its own, the system's, those of HTTP."""
    try:
        yield
    except OnepassError:
        raise
    except ImportError:
        raise ModelError(
            f"{what}: the package huggingface_hub is not installed",
            where=name,
            fix="pip install 'onepass[hub]'",
        ) from None
    except Exception as error:
        why = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"{what}: {why or type(error).__name__}",
            where=name,
            fix=fix or _copying(name),
        ) from None
