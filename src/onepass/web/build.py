"""A directory with a page that translates in the browser alone: scripts, a model's files, the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from onepass.bundle import Bundle
from onepass.errors import UsageError
from onepass.files import write_bytes, write_json
from onepass.runtime.shipped import find_model
from onepass.runtime.translator import Precision, graph_files, precisions
from onepass.text.numbers import separators
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.teacher_tokenizer import VOCABULARY, TeacherTokenizer
from onepass.web.npm import PACKAGE, VERSION, runtime_files
from onepass.web.patterns import abbreviations, clock, scripted_patterns

_INT8: Precision = "int8"


class Written(NamedTuple):
    """What was written, in bytes."""

    model: int
    runtime: int
    page: int


def write_page(model: str, directory: Path, *, cache: Path | None = None) -> Written:
    """Writes the page of a model; what is in the directory under other names stays.

    Args:
        model: the name of a shipped model, or a bundle's directory.
        directory: to write to, made where it is missing.
        cache: of the runtime for browsers [`onepass` in the user's cache].

    Raises:
        ModelError: there is no such model, or it is damaged.
        UsageError: the model cannot run in a browser, or the runtime cannot be fetched.
        DataError: the runtime is not the one that is expected.
    """
    bundle = Bundle.open(find_model(model))
    own = dict(_model_files(bundle))
    runtime = runtime_files(cache)
    directory.mkdir(parents=True, exist_ok=True)
    for name in own:
        write_bytes(directory / name, (bundle.directory / name).read_bytes())
    for name, data in runtime.items():
        write_bytes(directory / name, data)
    licence = bundle.directory / "LICENSE"
    page = {
        **{file.name: file.read_bytes() for file in (files("onepass.web") / "static").iterdir()},
        "patterns.js": scripted_patterns().encode(),
        **({"LICENSE": licence.read_bytes()} if licence.exists() else {}),
    }
    for name, data in page.items():
        write_bytes(directory / name, data)
    write_json(directory / "model.json", _description(bundle, own))
    sizes = ((directory / name).stat().st_size for name in [*page, "model.json"])
    return Written(
        sum((directory / name).stat().st_size for name in own), sum(map(len, runtime.values())), sum(sizes)
    )


def _model_files(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Names of the files that a page needs of a model, and what each is."""
    tokenizer = bundle.tokenizer()
    is_known = (
        isinstance(tokenizer, TeacherTokenizer)
        and tokenizer.joint
        and tokenizer.mark is None
        and not tokenizer.src.listed
        and PlaceholderIds.of_settings(bundle.settings) is not None
        and _INT8 in precisions(bundle)
    )
    if not is_known:
        raise UsageError(
            "This model cannot run in a browser",
            where=bundle.directory,
            allowed="models in int8 that have learnt placeholders, such as en-pt",
        )
    graph, *weights = graph_files(bundle, _INT8)
    yield graph, "graph"
    yield from ((name, "weights") for name in weights)
    [vocabulary] = set(tokenizer.file_names) - {VOCABULARY}
    yield vocabulary, "tokenizer"


def _description(bundle: Bundle, own: dict[str, str]) -> dict[str, Any]:
    """What the scripts need to know of a model."""
    placeholders = PlaceholderIds.of_settings(bundle.settings)
    assert placeholders is not None
    export = bundle.export
    return {
        "name": bundle.directory.name,
        "source": bundle.src,
        "target": bundle.tgt,
        "fingerprint": bundle.fingerprint,
        "licence": None if export is None else export.card.licence,
        "attribution": None if export is None else export.card.attribution,
        "runtime": f"{PACKAGE} {VERSION}",
        "files": [
            {"name": name, "role": role, "bytes": (bundle.directory / name).stat().st_size}
            for name, role in own.items()
        ],
        "placeholders": {"aliases": list(placeholders.aliases)},
        "separators": {
            "source": asdict(separators(bundle.src)),
            "target": asdict(separators(bundle.tgt)),
        },
        "abbreviations": abbreviations(bundle.src),
        "clock": clock(bundle.src, bundle.tgt),
    }
