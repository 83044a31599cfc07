"""Phrases and their groups."""

import pytest

from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.phrases import numeral, phrase, phrase_groups, phrases


def test_a_phrase_is_in_the_group_of_its_section_and_in_others() -> None:
    tomorrow = Fixed("tomorrow", ("morgen",))
    for group in ("future", "day-future", "day-part", "with-clock", "at-request"):
        assert phrases(group)[0] == tomorrow
    assert [p.en for p in phrases("recent")] == [
        *("yesterday", "yesterday evening", "yesterday morning", "yesterday afternoon")
    ]
    assert phrase("degree", "a bit") not in phrases("plain-degree")


def test_days_have_one_name_each() -> None:
    days = {day.en: day.de[0] for day in phrases("day")}
    assert len(days) == len(set(days.values())) == 7
    for day, tag in days.items():
        assert phrase("past", f"last {day}").de == (f"letzten {tag}", f"am letzten {tag}")
        assert phrase("future", f"next {day}").de == (f"nächsten {tag}", f"am nächsten {tag}")
        assert (
            phrase("past", f"on {day}") == phrase("future", f"on {day}") == Fixed(f"on {day}", (f"am {tag}",))
        )
        assert phrase("habit", f"on {day}s").de == (f"{tag.lower()}s", f"jeden {tag}")
        assert phrase("weekday", f"on {day}s").de == (f"{tag.lower()}s", f"am {tag}")
        for part, teil in {"morning": "morgen", "afternoon": "nachmittag", "evening": "abend"}.items():
            assert phrase("future", f"on {day} {part}").de == (f"am {tag}{teil}",)


def test_numerals_are_those_from_two_to_twelve() -> None:
    assert [numeral(word) for word in ("two", "seven", "twelve")] == ["zwei", "sieben", "zwölf"]
    assert numeral("one") is numeral("the") is numeral("thirteen") is None


def test_groups() -> None:
    assert {"past", "city", "small", "plain-degree"} <= phrase_groups()
    with pytest.raises(KeyError):
        phrases("planets")
