"""A model on the Hugging Face hub, or a folder in its format: how it is fetched, and what its card says.

What the hub's cache has is not asked for again. A pickle is not fetched unless somebody asks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onepass.errors import ModelError
from onepass.hub_name import HF, HubName

CONFIG, WEIGHTS, PICKLE = "config.json", "model.safetensors", "pytorch_model.bin"
VOCABULARIES = ("source.spm", "target.spm")
IDS, TARGET_IDS = "vocab.json", "target_vocab.json"

_CARD, _TOKENIZER = "README.md", "tokenizer_config.json"
_NEEDED = (CONFIG, *VOCABULARIES, IDS)
_FETCHED = (*_NEEDED, TARGET_IDS, _CARD, _TOKENIZER)
_LICENCE = re.compile(r"^(license|license_name):[ \t]*(?:\n-[ \t]*)?([^\s#]+)", re.MULTILINE)
_SAYS_NOTHING = ("other", "unknown", "[]")


@dataclass(frozen=True)
class Card:
    """What the files beside a model say of it.

    Attributes:
        licence: as the hub spells it.
        languages: source and target.
    """

    licence: str | None
    languages: tuple[str, str] | None


def fetch(name: str, *, unpickle: bool) -> Path:
    """The folder of a model on the hub: from its cache, or else fetched.

    Args:
        name: `hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`.
        unpickle: weights may be a pickle.

    Raises:
        ModelError: it is not in the cache and cannot be fetched; names the command that fetches it. Or it is
            of another kind, which shows before its weights are fetched.
        UsageError: this is no name of the hub.
    """
    wanted = HubName.parse(name)
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise _not_fetched(wanted, "the package huggingface_hub is not installed") from None
    weights = (WEIGHTS, PICKLE) if unpickle else (WEIGHTS,)

    def snapshot(patterns: Sequence[str], *, local: bool) -> Path:
        return Path(
            snapshot_download(
                wanted.repository,
                revision=wanted.revision,
                allow_patterns=list(patterns),
                local_files_only=local,
            )
        )

    try:
        cached = snapshot((*_FETCHED, *weights), local=True)
        if all((cached / file).exists() for file in _NEEDED) and any((cached / w).exists() for w in weights):
            return cached
    except Exception:
        pass  # not there yet, or only a part of it: the next call says what is wrong
    try:
        check_kind(snapshot((CONFIG,), local=False))
        return snapshot((*_FETCHED, *weights), local=False)
    except ModelError:
        raise
    except Exception as error:  # its own errors, the system's, and those of its library for HTTP
        why = str(error).strip().partition("\n")[0]
        raise _not_fetched(wanted, why or type(error).__name__) from None


def _not_fetched(wanted: HubName, why: str) -> ModelError:
    download = f"hf download {wanted.repository}" + (
        f" --revision {wanted.revision}" if wanted.revision else ""
    )
    return ModelError(
        f"The model is not in the cache of the hub, and it could not be fetched: {why}",
        where=f"{HF}{wanted}",
        fix=f"where there is a network: pip install 'onepass[hub]', then `{download}`",
    )


def check_kind(folder: Path) -> None:
    """Raises ModelError where a folder has no model of Marian."""
    kind = read_json(folder / CONFIG).get("model_type")
    if kind != "marian":
        raise ModelError(
            "Only models of Marian are read in this format",
            where=f"{folder / CONFIG}, model_type",
            value=kind,
            allowed="marian, such as OPUS-MT",
            fix="M2M-100 and NLLB translate with `onepass distill --languages`; learn from what it writes",
        )


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds.

    Raises:
        ModelError: it is missing, damaged or something else.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"Cannot read a file of the teacher: {error.strerror}", where=path) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"A file of the teacher is damaged: {error}", where=path, fix="get the file again"
        ) from None
    if not isinstance(found, dict):
        raise ModelError("A file of the teacher is damaged: no object", where=path, fix="get the file again")
    return found


def read_card(folder: Path) -> Card:
    """What the card and the tokenizer's settings say; a file that is not there says nothing."""
    card, tokenizer = folder / _CARD, folder / _TOKENIZER
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    settings = read_json(tokenizer) if tokenizer.is_file() else {}
    return Card(_licence(text), _languages(settings))


def _licence(card: str) -> str | None:
    """Of the lines between the first two `---`; its own name where it is `other`."""
    lines = card.replace("\r\n", "\n").removeprefix("\ufeff").split("\n")
    if lines[0].rstrip() != "---" or "---" not in lines[1:]:
        return None
    said = dict(_LICENCE.findall("\n".join(lines[1 : lines.index("---", 1)])))
    values = (said.get(key, "").strip("'\"") for key in ("license", "license_name"))
    return next((value for value in values if value and value.lower() not in _SAYS_NOTHING), None)


def _languages(settings: Mapping[str, Any]) -> tuple[str, str] | None:
    """Where both are codes as recipes have them: `eng` and groups such as `ROMANCE` are left out."""
    src, tgt = (str(settings.get(f"{side}_lang")) for side in ("source", "target"))
    return (src, tgt) if all(re.fullmatch("[a-z]{2}", code) for code in (src, tgt)) else None
