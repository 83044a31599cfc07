"""The verbs of those who translate.

Each is one thin function; what it needs is imported inside, so that the help comes at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from onepass.cli.options import (
    DEFAULT_MODEL,
    MODEL,
    Corrections,
    complete_model,
)
from onepass.errors import UsageError


def translate(
    texts: Annotated[list[str] | None, Argument(help="Texts to translate [the lines of stdin].")] = None,
    model: Annotated[str, Option(help=MODEL, autocompletion=complete_model)] = DEFAULT_MODEL,
    file: Annotated[Path | None, Option(help="File to translate; its ending says the format.")] = None,
    to: Annotated[Path | None, Option(help="File to write, which appears when it is whole [stdout].")] = None,
    candidates: Annotated[
        int | None, Option(help="Candidates that the teacher chooses among [as the bundle says].", min=1)
    ] = None,
    corrections: Corrections = 0,
    shown: Annotated[
        int,
        Option("--candidates-shown", help="Translations of each line; below it, or in the JSON.", min=1),
    ] = 1,
    precision: Annotated[
        str | None, Option(help="Precision, int8 or float32 [int8, if it is there].")
    ] = None,
    batch_size: Annotated[int, Option(help="Limit of sentences translated at once.", min=1)] = 1024,
    threads: Annotated[
        int | None, Option(help="Batches decoded side by side [all cores, at most 4].", min=1)
    ] = None,
    split: Annotated[
        bool, Option("--split/--no-split", help="Cut of texts into sentences; not where each line is one.")
    ] = True,
    glossary: Annotated[
        Path | None, Option(help="File of terms and their translations, a tab between, one per line.")
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Refusal of text that is not UTF-8.")] = False,
    as_json: Annotated[bool, Option("--json", help="JSON object per line: text, tokens, score ...")] = False,
    form: Annotated[
        str | None, Option("--format", help="text, html, markdown, subtitles, po, json or docx [by --file].")
    ] = None,
    alignment: Annotated[bool, Option("--alignment", help="Source words of each word, with --json.")] = False,
    explain: Annotated[bool, Option("--explain", help="Line below: where each word comes from.")] = False,
    teacher: Annotated[
        Path | None, Option(help="Teacher that chooses among candidates of a bundle for training.")
    ] = None,
    beam: Annotated[int, Option(help="Beam size of a teacher; 1 is greedy.", min=1)] = 1,
    search: Annotated[
        str | None, Option(help="Search of a DAG student: greedy, lookahead, viterbi or marginal [marginal].")
    ] = None,
) -> None:
    """Translates texts, a file or stdin: a line in, a line out.

    Files of other formats than text keep all but their text.
    """
    from onepass.loading import Translator
    from onepass.markup.command import translate_documents
    from onepass.markup.files import TEXT, chosen_format
    from onepass.runtime.command import translate_lines

    if texts and file is not None:
        raise UsageError("Texts and a file do not go together", where="--file", value=str(file))
    name = chosen_format(form, file, says_more=as_json or alignment or explain or shown > 1)
    translator = Translator.load(
        model,
        precision=precision,
        num_candidates=candidates,
        num_corrections=corrections,
        num_threads=threads,
        batch_size=batch_size,
        split=split,
        glossary=glossary,
        teacher=teacher,
        beam_size=beam,
        search=search,
    )
    if name != TEXT:
        translate_documents(translator, texts, file, to, name)
        return
    translate_lines(
        translator,
        texts,
        file,
        to,
        strict=strict,
        as_json=as_json,
        alignment=alignment,
        explain=explain,
        n_best=shown,
    )


def info(
    model: Annotated[str, Argument(help=MODEL, autocompletion=complete_model)] = DEFAULT_MODEL,
) -> None:
    """Says what a model is: languages, family, size, quality, licence.

    Also where it comes from, and what it is not for.
    """
    from onepass.bundle import Bundle
    from onepass.runtime.describe import describe_bundle
    from onepass.runtime.shipped import find_model

    print("\n".join(describe_bundle(Bundle.open(find_model(model)))))


def models() -> None:
    """Lists the models that come with the package."""
    from onepass.bundle import Bundle
    from onepass.runtime.describe import describe_shortly
    from onepass.runtime.shipped import shipped_models

    for name, directory in shipped_models().items():
        print(f"{name}: {describe_shortly(Bundle.open(directory))}")


def fetch(
    model: Annotated[str, Argument(help="Model on the Hugging Face hub: user/model, user/model@REVISION.")],
    to: Annotated[Path | None, Option(help="Directory of a copy [none; it stays in the cache].")] = None,
) -> None:
    """Fetches a model from the Hugging Face hub.

    A copy of the directory translates on a machine without a network: --model DIR.
    """
    from onepass.hub_name import HubName
    from onepass.runtime.hub import copy_bundle
    from onepass.runtime.hub import fetch as fetch_bundle

    folder = fetch_bundle(HubName.parse(model), newer=True)
    if to is not None:
        copy_bundle(folder, to)
    print(to or folder)
