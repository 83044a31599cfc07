"""Valid text: what is made of characters that nobody sees, and which characters a translation may have.

Separators, fillers and control characters of the source are spaces to a model. A translation never has a
control character, half a surrogate pair or U+FFFD that its source did not have. It ends with as many marks.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # all but tab and line ends
_FILLERS = "\u115f\u1160\u180e\u2800\u3164\uffa0\ufff9-\ufffb"
_SURROGATES = "\ud800-\udfff"
_UNSEEN = re.compile(f"[{_CONTROLS}{_FILLERS}{_SURROGATES}]")
_RUN = re.compile(f"(?<! ) *+{_UNSEEN.pattern}(?:{_UNSEEN.pattern}| )*+")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_END_MARKS = re.compile(r"[!?]{2,}\Z")
_DOUBTFUL = re.compile(f"[{_CONTROLS}{_SURROGATES}{REPLACEMENT}]")


def cleaned(text: str) -> str:
    """The text with a space for control characters, fillers, half surrogate pairs and spaces beside them.

    Tabs and line ends stay. Two halves of a surrogate pair become the character they stand for.
    """
    if not _UNSEEN.search(text):
        return text
    return _RUN.sub(" ", _PAIR.sub(_paired, text))


def _paired(pair: re.Match[str]) -> str:
    high, low = (ord(half) for half in pair.groups())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def has_letters(text: str) -> bool:
    """Whether there is anything to translate: a letter of any script."""
    return any(char.isalpha() for char in text)


def is_valid_output(source: str, hyp: str) -> bool:
    """Whether a translation has no U+FFFD, half surrogate pair or control character of its own.

    Tabs and line ends are allowed.
    """
    return set(_DOUBTFUL.findall(hyp)) <= set(source)


def valid_output(source: str, hyp: str) -> str:
    """A translation without the characters that `is_valid_output` forbids."""
    if not _DOUBTFUL.search(hyp):
        return hyp
    without = _DOUBTFUL.sub(lambda found: found[0] if found[0] in source else " ", hyp)
    return " ".join(without.split())


def with_end_marks(source: str, hyp: str) -> str:
    """A translation with the run of `!` and `?` that its source ends with, where it ends with one of them."""
    run = _END_MARKS.search(source)
    words = hyp.rstrip("!?")
    return hyp if run is None or words in ("", hyp) else words + run[0]
