"""One door to every translator: exported bundles in ONNX Runtime, bundles for training in torch.

Its keywords are those of the translators behind it. The command line has an option for most of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from onepass.bundle import WEIGHTS, Bundle
from onepass.errors import ModelError, UsageError
from onepass.hub_name import HubName
from onepass.markup.html import translate_html
from onepass.runtime.candidates import MOST_LABELLINGS
from onepass.runtime.doubts import Doubt
from onepass.runtime.hub import publish
from onepass.runtime.shipped import find_model
from onepass.runtime.text_translator import TextTranslator, Translation
from onepass.runtime.translator import Precision, as_precision
from onepass.runtime.translator import Translator as RuntimeTranslator
from onepass.text.glossary import Glossary

OPTIONS = {
    "num_candidates": "--candidates",
    "num_corrections": "--corrections",
    "num_threads": "--threads",
    "batch_size": "--batch-size",
    "precision": "--precision",
    "teacher": "--teacher",
    "beam_size": "--beam",
    "search": "--search",
    "glossary": "--glossary",
}
"""What `onepass translate` calls a keyword of `Translator.load`."""


class Translator:
    """Lines of text to translations. Made by `Translator.load`.

    Attributes:
        bundle: what was loaded.
        precision: of the weights.
        copies: translations say how often each source token was copied.
        aligns: translations can say which source words each of their words comes from.
        has_alternatives: there can be several translations of a line.
        tokenizer: of the model.
    """

    def __init__(self, bundle: Bundle, precision: Precision, translator: TextTranslator) -> None:
        self.bundle, self.precision = bundle, precision
        self.copies, self.aligns = translator.copies, translator.aligns
        self.has_alternatives = translator.has_alternatives
        self.tokenizer, self._translator = translator.tokenizer, translator

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        precision: str | None = None,
        num_candidates: int | None = None,
        num_corrections: int = 0,
        seed: int = 1,
        num_threads: int | None = None,
        batch_size: int = 1024,
        split: bool = True,
        glossary: str | Path | Mapping[str, str] | None = None,
        teacher: str | Path | None = None,
        beam_size: int = 1,
        search: str | None = None,
        average: bool = False,
        device: str = "cpu",
    ) -> Translator:
        """The translator of a bundle, exported or for training; also called `from_pretrained`.

        Args:
            model: a shipped model's name, such as "en-pt"; a directory that `onepass export` wrote, or a
                trained stage of a run, which needs torch; "user/model" on the Hugging Face hub.
            revision: branch, tag or commit of a model of the hub [its default branch].
            precision: "int8" or "float32", of an exported bundle [int8, where the bundle has it].
            num_candidates: that the bundle's teacher, or `teacher`, chooses among [as the bundle says].
            num_corrections: words that this teacher may correct in each sentence, one after the other.
            seed: of candidates that are drawn.
            num_threads: batches decoded side by side; in torch the threads of a batch [the cores of this
                process, at most 4; in torch all].
            batch_size: most sentences translated at once.
            split: cut texts into sentences; False for those whose lines are sentences.
            glossary: translations by term, or a file of them, where the model has learnt placeholders.
            teacher: the bundle of the teacher that chooses, for training.
            beam_size: of a teacher for training; 1 is greedy.
            search: of a student with a graph, for training [marginal; greedy, lookahead, viterbi].
            average: of a student with fertilities, for training: average fertilities instead of argmax.
            device: of a bundle for training, such as "cuda".

        Raises:
            ModelError: there is no such model, it is damaged, or torch is missing for it.
            UsageError: a keyword belongs to another kind of model or is out of range.
            DataError: the glossary cannot be read.
        """
        bundle = Bundle.open(find_model(model, revision=revision))
        settings: dict[str, Any] = {
            "num_corrections": num_corrections,
            "seed": seed,
            "num_threads": num_threads,
            "batch_size": batch_size,
            "split": split,
            "glossary": _glossary(glossary),
        }
        chosen = None if precision is None else as_precision(precision)
        if WEIGHTS in bundle.files:
            _refuse(
                {"precision": precision is not None},
                "This bundle is for training, in float32; only an exported one has precisions",
                fix="onepass export RUN --to DIR",
            )
            in_torch = _torch_translator(
                bundle,
                num_candidates=1 if num_candidates is None else num_candidates,
                teacher=None if teacher is None else Path(teacher),
                beam_size=beam_size,
                search=search,
                average=average,
                device=device,
                **settings,
            )
            return cls(bundle, "float32", in_torch)
        of_training = {"teacher": teacher is not None, "beam_size": beam_size != 1, "average": average}
        of_training |= {"search": search is not None, "device": device != "cpu"}
        _refuse(of_training, "This belongs to a bundle for training; the model is an exported one")
        translator = RuntimeTranslator.load(
            bundle, precision=chosen, num_candidates=num_candidates, **settings
        )
        return cls(bundle, translator.precision, translator)

    from_pretrained = load

    def push_to_hub(
        self,
        name: str,
        *,
        revision: str | None = None,
        private: bool = False,
        message: str = "Upload a model of Onepass",
    ) -> str:
        """Publishes the bundle on the Hugging Face hub, with its model card, as one commit.

        Args:
            name: of the repository, such as "user/model"; it is created where there is none.
            revision: the branch, created where there is none [the default branch].
            private: a new repository is seen by its owner alone.
            message: of the commit.

        Returns:
            The address of the commit.

        Raises:
            ModelError: the hub refuses, or the package huggingface_hub is missing.
            UsageError: this is no name of the hub.
        """
        return publish(self.bundle, HubName.parse(name, revision), private=private, message=message)

    def translate(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> list[Translation]:
        """Translates lines or whole texts, whose white space stays; what has no letters passes as it is.

        Args:
            lines: to translate.
            alignment: say of each word where it comes from, in `Translation.alignment`.
            n_best: translations of each line: the one, and `Translation.alternatives`, of which there may be
                fewer. Above 1 the model's teacher, where it has one, chooses among all candidates.

        Raises:
            UsageError: a text where a list of texts belongs, or something else in the list; an alignment or
                alternatives are asked of a model that has none.
        """
        self._check_wanted(alignment=alignment, n_best=n_best)
        return self._translator.translate(lines, alignment=alignment, n_best=n_best)

    def doubts(self, line: str, translation: str) -> list[Doubt]:
        """What is doubtful in the translation of a line: numbers_differ, cut, untranslated.

        `cut`: a sentence is too long for the model, so its parts were translated alone.
        """
        return self._translator.doubts(line, translation)

    def translate_stream(
        self, lines: Iterable[str], *, alignment: bool = False, n_best: int = 1
    ) -> Iterator[Translation]:
        """Translates any number of lines in bounded memory; the translations come in their order.

        Raises:
            UsageError: as `translate`.
        """
        self._check_wanted(alignment=alignment, n_best=n_best)
        return self._translator.translate_stream(lines, alignment=alignment, n_best=n_best)

    def translate_html(self, page: str, *, attributes: Collection[str] = ()) -> str:
        """Translates the text of any HTML or XML, of a page or a fragment; the rest stays byte for byte.

        Tags go with the words that their words became.

        Args:
            page: the mark-up.
            attributes: those whose values are translated, such as `title` and `alt`.

        Raises:
            UsageError: the model does not say where its words come from.
        """
        return translate_html(self, page, attributes=attributes)

    def _check_wanted(self, *, alignment: bool, n_best: int) -> None:
        if not 1 <= n_best <= MOST_LABELLINGS:
            raise UsageError(
                "So many translations cannot be given",
                where="n_best (--candidates-shown)",
                value=n_best,
                allowed=f"1 to {MOST_LABELLINGS}",
            )
        if n_best > 1 and not self.has_alternatives:
            raise UsageError(
                "This model has but one translation of each line",
                where=self.bundle.directory,
                allowed="a model exported with `--candidates`, or one for training",
                fix="leave out n_best (--candidates-shown)",
            )
        if alignment and not self.aligns:
            raise UsageError(
                "This model does not say where its words come from",
                where=self.bundle.directory,
                allowed="a student, exported by this version or newer ones",
                fix="export it again with `onepass export RUN --to DIR`",
            )


def _glossary(given: str | Path | Mapping[str, str] | None) -> Glossary | None:
    if given is None:
        return None
    return Glossary.read(Path(given)) if isinstance(given, str | Path) else Glossary(given)


def _named(keyword: str) -> str:
    """A keyword for the error that its value causes, in Python or on the command line."""
    return f"{keyword} ({OPTIONS[keyword]})" if keyword in OPTIONS else keyword


def _refuse(given: Mapping[str, bool], why: str, *, fix: str | None = None) -> None:
    for keyword, is_given in given.items():
        if is_given:
            raise UsageError(why, where=_named(keyword), fix=fix)


def _torch_translator(
    bundle: Bundle,
    *,
    num_candidates: int,
    num_corrections: int,
    seed: int,
    num_threads: int | None,
    batch_size: int,
    split: bool,
    glossary: Glossary | None,
    teacher: Path | None,
    beam_size: int,
    search: str | None,
    average: bool,
    device: str,
) -> TextTranslator:
    try:
        import torch
    except ImportError:
        raise ModelError(
            "This bundle is for training, and torch is not installed",
            where=bundle.directory,
            fix="pip install 'onepass[train]', or export it with `onepass export RUN --to DIR`",
        ) from None
    from onepass.decoding.translator import Translator as TorchTranslator

    for keyword, value in (("num_threads", num_threads), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise UsageError("There must be at least one", where=_named(keyword), value=value)
    if teacher is not None and num_candidates == 1 and num_corrections == 0:
        raise UsageError(
            "A teacher has nothing to choose from and nothing to correct",
            where=_named("teacher"),
            fix=f"ask for several candidates with {_named('num_candidates')}, such as 10, or for corrections",
        )
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    translator = TorchTranslator.load(
        bundle.directory,
        teacher=teacher,
        beam_size=beam_size,
        average=average,
        num_candidates=num_candidates,
        num_corrections=num_corrections,
        seed=seed,
        search=search,
        device=device,
        split=split,
        glossary=glossary,
    )
    translator.batch_size = batch_size
    return translator
