"""Catalogues of messages: what has no translation is filled in place and marked."""

import polib
import pytest
from reversing import Reversing

from onepass.errors import DataError
from onepass.markup.catalogue import translate_catalogue

CATALOGUE = r"""# Somebody's work
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n<5 ? 1 : 2);\n"

#. a note
#: a.c:1
#, c-format
msgid "%d new file"
msgid_plural "%d new files"
msgstr[0] ""
msgstr[1] ""
msgstr[2] ""

#: a.c:7
msgctxt "menu"
msgid ""
"one \"two\"\n"
"three four\n"
msgstr ""

#, fuzzy
#| msgid "before"
msgid "five six"
msgstr ""

msgid "done"
msgstr "fertig"

#~ msgid "old"
#~ msgstr ""
"""


def test_messages_without_a_translation_get_one_that_is_fuzzy() -> None:
    text = translate_catalogue(Reversing(), CATALOGUE)
    found = {entry.msgid: entry for entry in polib.pofile(text)}
    files = found["%d new file"]
    assert files.msgstr_plural == {0: "FILE NEW %D", 1: "FILES NEW %D", 2: "FILES NEW %D"}
    assert files.flags == ["c-format", "fuzzy"]
    assert found["five six"].msgstr == "SIX FIVE"
    assert found["five six"].flags == ["fuzzy"]
    menu = found['one "two"\nthree four\n']
    assert (menu.msgstr, menu.msgctxt, menu.flags) == ('FOUR THREE "TWO" ONE', "menu", ["fuzzy"])
    assert (found["done"].msgstr, found["done"].flags) == ("fertig", [])
    assert len(found) == len(polib.pofile(CATALOGUE))


def test_all_other_lines_stay() -> None:
    for text in (CATALOGUE, CATALOGUE.replace("\n", "\r\n")):
        found = translate_catalogue(Reversing(), text).splitlines(keepends=True)
        kept = [line for line in text.splitlines(keepends=True) if not line.startswith(("msgstr", "#,"))]
        assert [line for line in found if not line.startswith(("msgstr", "#,"))] == kept
        assert len(found) == len(text.splitlines()) + 1  # the flag of the menu's message


def test_a_catalogue_with_all_translations_comes_back_byte_for_byte() -> None:
    text = 'msgid "one two"\nmsgstr "eins"'
    assert translate_catalogue(Reversing(), text) == text
    assert translate_catalogue(Reversing(), "") == ""


def test_what_is_no_catalogue_is_a_clear_error_and_no_name_of_a_file() -> None:
    for text in ("one two", "/etc/hostname"):
        with pytest.raises(DataError, match="no catalogue"):
            translate_catalogue(Reversing(), text)
