"""The ids of placeholders, and the piece of the teacher's vocabulary that each of them is an alias of.

A teacher knows no placeholders. So each is shown to it as one fixed piece, its alias, which teachers copy
reliably (benchmarks/placeholder_pieces.py), and the rows of a student's placeholders start from those of
their aliases. A bundle whose model has learnt placeholders says so in its settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onepass.errors import ModelError
from onepass.text.placeholders import CAPACITY, SLOTS
from onepass.text.spans import SpanKind
from onepass.text.teacher_tokenizer import TeacherTokenizer
from onepass.text.tokenizers import AnyTokenizer

SETTING = "placeholders"
"""Of a bundle's settings."""
ALIASES = {
    SpanKind.ONE: "▁1 ▁01 ▁1) ▁(1)",
    SpanKind.NUMBER: "▁48 ▁92 ▁43 ▁47 ▁51 ▁56 ▁88 ▁58 ▁66 ▁82 ▁53 ▁57 ▁63 ▁67 ▁69 ▁77 ▁78 ▁79 ▁87 ▁91 "
    "▁68 ▁61 ▁54 ▁72 ▁65 ▁85 ▁36 ▁37 ▁38 ▁33 ▁99",
    SpanKind.MARKUP: "▁== ▁=== ▁** ▁$$ ▁GPU ▁SDK ▁FTP ▁SKU ▁NFC ▁SSD ▁SKF ▁OCLC ▁HGH ▁CRM ▁IDE ▁HPE ▁AMD "
    "▁DHL ▁UPS ▁MTV ▁CBD ▁COP ▁SCP ▁ABC ▁BBC ▁GMT",
    SpanKind.ADDRESS: "▁HTC ▁PCT ▁GNU ▁PCB ▁CSS ▁UFC ▁VIS ▁APK ▁TCP ▁ERP ▁XML ▁SQL ▁USB ▁HTML ▁GPS ▁PHP",
    SpanKind.CHARACTER: "▁>> ▁$$$ ▁$$$$ ▁[-] ▁HDMI ▁AVI ▁RPG ▁ESP ▁INS ▁CEE ▁RSS ▁TAP ▁COR",
}
"""Pieces that a class may stand as, the best first; the first ones that a vocabulary has are taken."""


@dataclass(frozen=True)
class PlaceholderIds:
    """Which ids are placeholders.

    Attributes:
        first: the id of slot 0; the others follow.
        aliases: the id of each slot's piece.
        twins: the id of the same piece inside a word; that of the alias again where there is none.
    """

    first: int
    aliases: tuple[int, ...]
    twins: tuple[int, ...]

    @classmethod
    def of_tokenizer(cls, tokenizer: AnyTokenizer) -> PlaceholderIds:
        """Those that a student of a teacher with this tokenizer learns.

        Raises:
            ModelError: the tokenizer reserves no ids, or has too few pieces that may be aliases.
        """
        if not isinstance(tokenizer, TeacherTokenizer) or not tokenizer.joint:
            raise ModelError("Placeholders need a teacher that was read, with one vocabulary for both sides")
        if not tokenizer.src.has_placeholders:
            raise ModelError(
                "The teacher's vocabulary has no ids for placeholders", allowed=f"{SLOTS} reserved"
            )
        id_of = {piece: number for number, piece in enumerate(tokenizer.src_vocabulary())}
        aliases: list[int] = []
        for kind, count in CAPACITY.items():
            known = [id_of[piece] for piece in ALIASES[kind].split() if piece in id_of]
            aliases += [number for number in known if number not in aliases][:count]
            if len(aliases) < sum(list(CAPACITY.values())[: list(CAPACITY).index(kind) + 1]):
                raise ModelError(
                    f"The teacher's vocabulary has too few pieces for placeholders of the class {kind.value}",
                    value=len(known),
                    allowed=f"at least {count}",
                )
        vocabulary = tokenizer.src_vocabulary()
        twins = tuple(id_of.get(vocabulary[alias].removeprefix("▁"), alias) for alias in aliases)
        return cls(tokenizer.src.first_placeholder, tuple(aliases), twins)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> PlaceholderIds | None:
        """Those that a bundle's settings name; None: its model has learnt none.

        Raises:
            ModelError: the settings are damaged.
        """
        said = settings.get(SETTING)
        if said is None:
            return None
        try:
            found = cls(
                int(said["first"]),
                tuple(map(int, said["aliases"])),
                tuple(map(int, said.get("twins", said["aliases"]))),
            )
        except (KeyError, TypeError, ValueError):
            found = cls(0, (), ())
        if len(found.aliases) != SLOTS or len(found.twins) != SLOTS:
            raise ModelError("The bundle's placeholders are damaged", value=said)
        return found

    def settings(self) -> dict[str, Any]:
        """What `of_settings` reads."""
        return {SETTING: {"first": self.first, "aliases": list(self.aliases), "twins": list(self.twins)}}

    @cached_property
    def ids(self) -> range:
        """Of all slots."""
        return range(self.first, self.first + len(self.aliases))

    def within(self, row: Sequence[int]) -> list[int]:
        """The placeholders of a row of ids, each once, in order."""
        if max(row, default=0) < self.first:  # most rows
            return []
        return list(dict.fromkeys(number for number in row if number in self.ids))

    def carried(self, source: Sequence[int], written: list[int]) -> list[int]:
        """What was written for a source, with its placeholders for their aliases, each at most once.

        A model that writes the same for both, or knows no placeholders, may have written either.
        """
        left = {self.alias(number): number for number in self.within(source)}
        if not left and max(written, default=0) < self.first:
            return written
        of_source, ids = set(left), list[int]()
        for number in map(self.alias, written):
            if number not in of_source:
                ids.append(number)
            elif number in left:
                ids.append(left.pop(number))
        return ids

    def hidden(self, numbers: Iterable[int]) -> list[int]:
        """What is not written where these placeholders are: their aliases and twins."""
        slots = [number - self.first for number in numbers]
        return sorted({ids[slot] for slot in slots for ids in (self.aliases, self.twins)})

    def alias(self, number: int) -> int:
        """The piece that an id stands as: its alias, or itself where it is no placeholder."""
        return self.aliases[number - self.first] if number in self.ids else number
