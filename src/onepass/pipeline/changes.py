"""What has changed of that which a stage reads, in words, and what of it matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

NOT_SET = "not set"
UPWARDS = ("max_updates", "patience")
"""Settings of a training that goes on with more of them, and not with less."""


class Change(NamedTuple):
    """One thing that a stage reads.

    Attributes:
        setting: its key, such as `training.max_updates`; None where it is no setting.
        text: what has changed, for the user.
        larger: whether the setting has become larger.
    """

    setting: str | None
    text: str
    larger: bool = False


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """How what a stage would read differs from what it has read, both as in `stage.reads`."""
    found = list(_of_settings(_flat(before["settings"]), _flat(now["settings"])))
    found += list(_of_inputs(before["inputs"], now["inputs"]))
    if before["files"] != now["files"]:
        found.append(Change(None, "a file that it reads has changed"))
    found += list(_of_revisions(before.get("revisions"), now.get("revisions")))
    return found


def that_matter(found: list[Change], neutral: Set[str]) -> list[Change]:
    """The changes but those of settings that do not change what is written."""
    return [change for change in found if change.setting not in neutral]


def can_go_on(found: list[Change], continued: Set[str]) -> bool:
    """Whether a training goes on from its last state after these changes, which all matter."""
    return bool(continued) and all(
        change.setting is not None
        and change.setting in continued
        and (change.larger or not change.setting.endswith(UPWARDS))
        for change in found
    )


def _of_inputs(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield Change(None, f"it no longer reads the stage {name}")
        elif name not in before:
            yield Change(None, f"it also reads the stage {name}")
        elif before[name] != now[name]:
            yield Change(None, f"the stage {name} has other output")


def _of_revisions(before: Sequence[str] | None, now: Sequence[str] | None) -> Iterator[Change]:
    """Of datasets; an older version has not noted which it read, and other names are other settings."""
    if before is None or now is None:
        return
    for dataset in now:
        if dataset not in before:
            name, _, commit = dataset.partition("@")
            yield Change(None, f"{name} is at another revision, {commit[:12]}")


def _of_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted(before.keys() | now.keys()):
        was, is_ = before.get(key, NOT_SET), now.get(key, NOT_SET)
        if was != is_:
            numbers = all(isinstance(value, int | float) for value in (was, is_))
            yield Change(key, f"{key} was {_said(was)} and is {_said(is_)}", numbers and is_ > was)


def _said(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def _flat(settings: Any, key: str = "") -> dict[str, Any]:
    """Nested tables as one, with keys such as `training.max_updates`."""
    if not isinstance(settings, Mapping):
        return {key: settings}
    parts = (_flat(value, f"{key}.{name}" if key else name) for name, value in settings.items())
    return {name: value for part in parts for name, value in part.items()}
