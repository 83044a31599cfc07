"""Text to text with the torch models: the reference engine of every bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from onepass.bundle import Bundle
from onepass.decoding import autoregressive, ctc, dag, fertility
from onepass.decoding.corrections import corrected
from onepass.decoding.options import Decoder, DecodingOptions, check_options
from onepass.decoding.weights import load_model, load_teacher
from onepass.errors import ModelError
from onepass.models import Model
from onepass.models.stepwise import WordByWord
from onepass.objectives.objective import pad_ids
from onepass.runtime.sentences import UNNAMED, Languages
from onepass.runtime.text_translator import Hypotheses, TextTranslator
from onepass.text.glossary import Glossary
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizers import AnyTokenizer

DECODERS: Mapping[str, Callable[[Model, DecodingOptions], Decoder]] = {
    "autoregressive": autoregressive.decoder,
    "fertility": fertility.decoder,
    "ctc": ctc.decoder,
    "dag": dag.decoder,
}
"""By family."""
USUAL = DecodingOptions()


def make_decoder(model: Model, options: DecodingOptions = USUAL) -> Decoder:
    """The decoder of a model in eval mode.

    Raises:
        UsageError: an option is out of range or means nothing for the model's family; candidates without a
            teacher to choose.
    """
    check_options(model.family, options)
    decode = DECODERS[model.family.name](model, options)
    teacher, most = options.teacher, options.num_corrections
    if teacher is None or most == 0:
        return decode
    return lambda src_ids: corrected(teacher, src_ids, decode(src_ids), most, options.placeholders)


class Translator(TextTranslator):
    """Lines of text to translations with a torch model.

    Args:
        tokenizer: of the bundle.
        decode: from `make_decoder`.
        device: where the model is.
        fingerprint: of the bundle.
        copies: the model copies its source, so that there are fertilities.
        aligns: the decoder says which source token each target token comes from.
        several: makes a decoder that gives so many translations of each row.
        batch_tokens: most source tokens, padding included, in a batch.
        languages: of both sides.
        split: cut lines into sentences.
        placeholders: that the model has learnt.
        glossary: terms that must become what it says.
    """

    def __init__(
        self,
        tokenizer: AnyTokenizer,
        decode: Decoder,
        *,
        device: torch.device | str = "cpu",
        fingerprint: str = "",
        copies: bool = False,
        aligns: bool = False,
        several: Callable[[int], Decoder] | None = None,
        batch_tokens: int = 2048,
        languages: Languages = UNNAMED,
        split: bool = False,
        placeholders: PlaceholderIds | None = None,
        glossary: Glossary | None = None,
    ) -> None:
        def decode_rows(rows: list[list[int]]) -> Hypotheses:
            return decode(pad_ids(rows).to(device))

        def decode_several(rows: list[list[int]], count: int) -> Hypotheses:
            assert several is not None
            return several(count)(pad_ids(rows).to(device))

        super().__init__(
            tokenizer,
            decode_rows,
            decode_several=None if several is None else decode_several,
            decode_aligned=decode_rows if aligns else None,
            fingerprint=fingerprint,
            copies=copies,
            batch_tokens=batch_tokens,
            languages=languages,
            split=split,
            placeholders=placeholders,
            glossary=glossary,
        )

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        teacher: Path | None = None,
        beam_size: int = 1,
        average: bool = False,
        num_candidates: int = 1,
        num_corrections: int = 0,
        seed: int = 1,
        search: str | None = None,
        device: torch.device | str = "cpu",
        split: bool = False,
        glossary: Glossary | None = None,
    ) -> Translator:
        """A translator of any bundle.

        Args:
            directory: the bundle.
            teacher: the bundle of the teacher that chooses among candidates, and corrects.
            beam_size, average, num_candidates, num_corrections, seed, search: see `DecodingOptions`.
            device: to run on.
            split: cut lines into sentences; the lines of a corpus are sentences.
            glossary: terms that must become what it says.

        Raises:
            ModelError: a bundle is unusable, or the teacher has another tokenizer.
            UsageError: settings that are out of range or that the model would ignore.
        """
        bundle = Bundle.open(directory)
        model, tokenizer = load_model(bundle, device=device), bundle.tokenizer()
        placeholders = PlaceholderIds.of_settings(bundle.settings)
        options = DecodingOptions(
            teacher=None if teacher is None else _judge(teacher, tokenizer, placeholders, device),
            num_candidates=num_candidates,
            num_corrections=num_corrections,
            average=average,
            search=search,
            seed=seed,
            beam_size=beam_size,
            placeholders=placeholders,
        )
        decode = make_decoder(model, options)
        return cls(
            tokenizer,
            decode,
            device=device,
            fingerprint=bundle.fingerprint,
            copies=model.family.aligned,
            aligns=model.family.one_pass,
            several=lambda count: make_decoder(model, replace(options, n_best=count)),
            languages=Languages(bundle.src, bundle.tgt),
            split=split,
            placeholders=placeholders,
            glossary=glossary,
        )


def _judge(
    directory: Path,
    tokenizer: AnyTokenizer,
    placeholders: PlaceholderIds | None,
    device: torch.device | str,
) -> WordByWord:
    bundle = Bundle.open(directory)
    if bundle.tokenizer().fingerprint != tokenizer.fingerprint:
        raise ModelError("Teacher and student have different tokenizers", where=directory)
    return load_teacher(bundle, purpose="choose among candidates", device=device, placeholders=placeholders)
