"""The expressions that a page shares with Python, each under the name that its scripts have for it.

They are those of the modules that find spans, numbers and sentences, private as they are there, so that what
changes there changes here.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from onepass.runtime import alignment, capitals, engine, letters, sentences
from onepass.text import numbers, placeholders, segmentation, teacher_tokenizer, validity
from onepass.text.clock import clock_terms
from onepass.text.patterns import FRACTIONS, SIGNS_OF_SPANS, any_span
from onepass.web.expressions import javascript

_MAY_BE_SHORT = (
    "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z Mr Mrs Ms Mx Dr Prof St Rep Reps Sen Sens Gov Gen "
    "Lt Col Maj Capt Cmdr Adm Det Sgt Cpl Pvt Rev Hon Pres Supt Messrs Mme Mlle Mt Ft Ave Blvd Rd Sq Dept "
    "Univ Inc Ltd Co Corp Bros Assn Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu "
    "Thurs Fri Sat Sun Vol Nos Fig Figs Jr Sr Esq Art Sec Ch Ed Eds Cf Est Tel Ext Sra Srta Dra Exmo Av"
)
"""Words that may be abbreviations; which of them are, Python's splitter is asked."""
_MAY_BE_SMALL = "a b c d e f g h i j k l n o p q r s t u v w x y z"
"""The same of small ones, as v. and the end of i.e.; without that of a.m., which may end a sentence."""
_MAY_OPEN = (
    "A About After Again All Also Although An And Another Any As At Because Before Both But By Can Did Do "
    "During Each Even Every First For From Had Has Have He Her Here His How However I If In Is It Its Just "
    "Last Later Many More Most Much My Neither Never Next No Not Now Of Often On Once One Only Or Other Our "
    "Perhaps Please Several She Should Since So Some Such That The Their Then There These They This Those "
    "Three Through Thus To Today Two Under Until Was We Well Were What When Where Which While Who Why Will "
    "With Without Yes Yet You Your"
)
"""Words before which an abbreviation may end a sentence: It is in the U.S. They know it."""
_FULL, _START = r"\A(?:{})\Z", r"\A(?:{})"
_MARK = placeholders._PLACEHOLDER.pattern.strip("()")


def scripted_patterns() -> str:
    """A module of JavaScript with all of them; those to find all of in a text have the flag `g`."""
    ones: dict[str, Any] = {
        "signsOfSpans": SIGNS_OF_SPANS,
        "placeholder": _MARK,
        "sign": numbers._SIGN,
        "clockOrDate": numbers._CLOCK_OR_DATE,
        "fraction": f"[{FRACTIONS}]",
        "space": r"\s",
        "visible": r"\S",
        "plain": _FULL.format(segmentation._PLAIN.pattern),
        "label": _FULL.format(sentences._LABEL.pattern),
        "listMark": _START.format(sentences._LIST_MARK.pattern),
        "enumeration": _START.format(segmentation._ENUMERATION.pattern),
        "opener": _START.format(segmentation._OPENER.pattern),
        "openingQuote": segmentation._OPENING_QUOTE,
        "lastWord": segmentation._LAST_WORD,
        "spaceAtEnd": r"\s+\Z",
        "endMarks": validity._END_MARKS,
        "closingAtEnd": rf"[{re.escape(segmentation._CLOSING)}]+\Z",
        "wideEnd": rf"[{segmentation._WIDE_ENDS}]\Z",
        "ended": rf"[{re.escape(segmentation._ENDS)}]\Z",
        "placeholderApart": f"({_MARK})",
    }
    all_of: dict[str, Any] = {
        "anySpan": any_span(),
        "beforeWord": teacher_tokenizer._BEFORE_WORD,
        "controls": teacher_tokenizer._CONTROLS,
        "glued": placeholders._GLUED,
        "numeral": numbers._numeral(),
        "literal": numbers._literal(),
        "marks": numbers._MARKS,
        "line": segmentation._LINE,
        "missed": segmentation._MISSED,
        "clauseEnd": segmentation._CLAUSE_END,
        "spaces": segmentation._SPACE,
        "unseen": validity._RUN,
        "doubtful": validity._DOUBTFUL,
        "outerSpace": r"\A\s+|\s+\Z",
        "words": alignment._WORD,
        "letters": letters.WORD,
        "wordsOfLine": capitals._WORD_OF_LINE,
        "wordsAlone": capitals._WORD,
    }
    rows = [f"  {name}: {_scripted(one, 'v')},\n" for name, one in ones.items()]
    rows += [f"  {name}: {_scripted(one, 'vg')},\n" for name, one in all_of.items()]
    titles = {char: char.title() for char in map(chr, range(sys.maxunicode)) if char.title() != char.upper()}
    return (
        "// Written by `onepass web` from Python's own expressions.\n\n"
        f"export const PATTERNS = {{\n{''.join(rows)}}};\n\n"
        "// How much better the score of a translation must be to stand for one with words in capitals.\n"
        f"export const CLEARLY = {capitals.CLEARLY};\n\n"
        "// Of one or two words the teacher chooses among candidates.\n"
        f"export const FEW_WORDS = {sentences.FEW_WORDS};\n"
        f"export const MOST_IDS_OF_FEW = {sentences.MOST_IDS_OF_FEW};\n"
        f"export const FEW_CANDIDATES = {engine.FEW_CANDIDATES};\n\n"
        "// Characters that a title begins with in another form than in capitals.\n"
        f"export const TITLES = {json.dumps(titles)};\n"
    )


def abbreviations(language: str) -> dict[str, list[str]]:
    """Words whose full stop ends no sentence.

    Args:
        language: of the text.

    Returns:
        `small`: where they are written small, `any`: in small letters, however they are written, `capital`:
        as they are written, but not before one of the `openers`.
    """

    def ends(word: str, following: str) -> bool:
        return len(segmentation.segments(f"There was {word}. {following} (here).", language)) > 1

    capital = [word for word in _MAY_BE_SHORT.split() if not ends(word, "Thomas")]
    small = {word for word in _MAY_BE_SMALL.split() if not ends(word, "Thomas")}
    return {
        "small": sorted(segmentation._NO_ENDS_WHERE_SMALL | small),
        "any": sorted(segmentation._NO_ENDS.get(language, ())),
        "capital": capital,
        "openers": [word for word in _MAY_OPEN.split() if capital and ends(capital[0], word)],
    }


def clock(src: str, tgt: str) -> dict[str, Any] | None:
    """The expression of clock times in words, for the flags `dvgi`, and what they become."""
    found = clock_terms(src, tgt)
    if found is None:
        return None
    return {"pattern": javascript(found.pattern.pattern, found.pattern.flags), "terms": found.terms}


def _scripted(expression: str | re.Pattern[str], flags: str) -> str:
    pattern = re.compile(expression)
    return f"new RegExp({json.dumps(javascript(pattern.pattern, pattern.flags))}, {flags!r})"
