"""Names of what the Hugging Face hub has."""

from __future__ import annotations

import re
from typing import NamedTuple

from onepass.errors import UsageError

HF = "hf:"
"""Before such a name, as in `hf:user/model`, where it could be something else; before a dataset that is a
directory, too, as in `hf:./mine`."""
_NAME = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


class HubName(NamedTuple):
    """A model's repository on the hub.

    Attributes:
        repository: OWNER/NAME.
        revision: branch, tag or commit; None is the default branch.
    """

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"

    @classmethod
    def parse(cls, name: str, revision: str | None = None) -> HubName:
        """`OWNER/NAME` or `OWNER/NAME@REVISION`, with or without `hf:`. Raises UsageError for others."""
        match = _NAME.fullmatch(name.removeprefix(HF))
        if match is None or (revision is not None and match[2] is not None):
            raise UsageError(
                "This does not name a model on the hub",
                where=name,
                allowed="OWNER/NAME, or OWNER/NAME@REVISION with a branch, a tag or a commit",
            )
        return cls(match[1], revision or match[2])


def has_form_of_hub_name(name: str) -> bool:
    """Whether it is `OWNER/NAME` or `OWNER/NAME@REVISION`; a path may be that, too."""
    return _NAME.fullmatch(name) is not None


def is_directory_of_dataset(name: str) -> bool:
    """Of what follows `hf:` in a corpus: a directory starts with `.`, `/` or `~`; all else is on the hub."""
    return name.startswith((".", "/", "~"))
