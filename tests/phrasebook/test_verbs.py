"""Verbs: their German frames, their groups, and malformed lines."""

from pathlib import Path

import pytest

from onepass.errors import DataError
from onepass.phrasebook import verbs as module
from onepass.phrasebook.meaning import GermanVerb, Slot
from onepass.phrasebook.source_files import table
from onepass.phrasebook.verbs import (
    actions,
    clashes,
    excuses,
    favours,
    pastimes,
    states,
    trips,
    verb,
    verbs,
    verbs_in,
)
from onepass.text.tables import read_lists, read_records


def test_german_frames() -> None:
    assert verb("borrow O from R").de[1] == GermanVerb(
        "leihen", "aus", reflexive="d", slots=(Slot("O", "a"), Slot("R", "d", "von"))
    )
    assert verb("thank O").de[1] == GermanVerb("bedanken", reflexive="a", slots=(Slot("O", "d", "bei"),))
    assert verb("cycle").de[0] == GermanVerb("fahren", literal="Rad", auxiliary="sein")
    assert verb("go shopping").de == (
        GermanVerb("gehen", literal="einkaufen", auxiliary="sein"),
        GermanVerb("kaufen", "ein"),
    )


def test_every_word_of_the_groups_is_a_frame_or_begins_one() -> None:
    known = {v.en for v in verbs()} | {v.en.split()[0] for v in verbs()}
    for group, words in read_lists(table("verb_groups"), str).items():
        assert set(words) <= known, group
    assert set(read_records(table("clashes"), lambda row: row.cells[0], columns=2)) <= {v.en for v in verbs()}


def test_what_verbs_do() -> None:
    assert {v.en for v in states()} == {"need O", "have O", "know O", "like O", "understand O"}
    assert {v.en for v in verbs()} - {v.en for v in (*actions(), *states())} == {"deliver O"}
    assert all(v.objects or v.to for v in favours())
    assert not {v.en for v in favours()} & {"meet O", "see O", "drink O"}
    assert not any(v.stative for v in trips())
    assert all(v.stative for v in excuses())
    assert {v.en for v in (*trips(), *excuses())} == {
        *("go", "travel", "fly", "drive"),
        *("have no time", "have little time", "have a headache", "have a lot of work", "have visitors"),
        "have a day off",
    }


def test_reading_contracts_is_no_pastime() -> None:
    assert {"document" in v.objects for v in verbs_in("pleasure") if v.en == "read O"} == {False, True}
    assert not any("document" in v.objects for v in pastimes("pleasure"))
    assert any("document" in v.objects for v in pastimes("office"))


def test_times_that_clash_with_a_verb() -> None:
    assert " at " in clashes("get up early")
    assert clashes("swim") == ()


def test_a_verb_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'snore'"):
        verb("snore")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("snore | X:a schnarchen", "'X:a'"),
        ("snore | mit+O:g schnarchen", r"'mit\+O:g'"),
        ("snore", "1 cells"),
    ],
)
def test_a_malformed_verb_names_file_and_line(
    line: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "verbs.txt").write_text(f"[action]\nsleep | schlafen\n{line}\n")
    monkeypatch.setattr(module, "table", lambda name: tmp_path / f"{name}.txt")
    with pytest.raises(DataError, match=why) as caught:
        module._sections.__wrapped__()
    assert (caught.value.where, caught.value.value) == (f"{tmp_path / 'verbs.txt'}, line 3", line)


def test_a_section_that_no_code_knows_is_malformed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "verbs.txt").write_text("[noise]\nsnore | schnarchen\n")
    monkeypatch.setattr(module, "table", lambda name: tmp_path / f"{name}.txt")
    with pytest.raises(DataError, match="section"):
        module._sections.__wrapped__()
