"""Templates: fillers, slots, and malformed entries."""

from pathlib import Path

import pytest

from onepass.errors import DataError
from onepass.phrasebook import templates as module
from onepass.phrasebook.templates import SLOT, Filler, Template, templates


def read(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[Template, ...], ...]:
    (tmp_path / "templates.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, "table", lambda name: tmp_path / f"{name}.txt")
    return templates.__wrapped__()


def test_entries_by_situation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
[menu]
{x}, please. | x=np dish,drink: a
    {x:a}, bitte.
    Bitte {x:a}.
Is this free?
    Ist das frei?
[news]
{s} hopes that {c}. | s=family; c=clause third: want to,past
    {s:n} hofft, dass {c:last}.
"""
    menu, news = read(text, tmp_path, monkeypatch)
    slots = {"x": Filler("np", ("dish", "drink"), ("a",))}
    assert menu == (
        Template("{x}, please.", ("{x:a}, bitte.", "Bitte {x:a}."), slots),
        Template("Is this free?", ("Ist das frei?",), {}),
    )
    assert news[0].slots == {
        "s": Filler("family"),
        "c": Filler("clause", ("third",), ("want to", "past")),
    }


def test_both_languages_use_the_slots_of_a_template() -> None:
    for template in (template for situation in templates() for template in situation):
        for sentence in (template.en, *template.de):
            assert {slot[1] for slot in SLOT.finditer(sentence)} <= template.slots.keys(), sentence
        used = {slot[1] for sentence in (template.en, *template.de) for slot in SLOT.finditer(sentence)}
        assert used == template.slots.keys(), template.en


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{x}, please. | x", "'x' is not"),
        ("{x}, please. | x=\n    {x}", "'x=' is not"),
        ("Is it free?", "no German"),
        ("Is {x} free? | x=city\n    Ist {y:n} frei?", "slot 'y' of 'Ist {y:n} frei"),
        ("Is {y} free? | x=city\n    Ist {x:n} frei?", "slot 'y' of 'Is {y} free"),
    ],
)
def test_a_malformed_entry_names_file_and_line(
    entry: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=why) as caught:
        read(f"[a]\nGood?\n    Gut?\n{entry}\n", tmp_path, monkeypatch)
    assert caught.value.where == f"{tmp_path / 'templates.txt'}, line 4"
    assert caught.value.value == entry.split("\n")[0]
