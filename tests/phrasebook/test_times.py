"""Clock times, prices and dates."""

import pytest

from onepass.phrasebook.phrases import phrase
from onepass.phrasebook.times import clock, date, period, price

HOURS = {
    # hour: its own name, the coming one's
    1: ("eins", "zwei"),
    2: ("zwei", "drei"),
    3: ("drei", "vier"),
    4: ("vier", "fünf"),
    5: ("fünf", "sechs"),
    6: ("sechs", "sieben"),
    7: ("sieben", "acht"),
    8: ("acht", "neun"),
    9: ("neun", "zehn"),
    10: ("zehn", "elf"),
    11: ("elf", "zwölf"),
    12: ("zwölf", "eins"),
}


@pytest.mark.parametrize("hour", HOURS)
def test_clock_times(hour: int) -> None:
    this, coming = HOURS[hour]
    full = "ein" if hour == 1 else this
    assert [clock(hour, quarter).de for quarter in range(4)] == [
        (f"{full} Uhr", f"{hour} Uhr"),
        (f"Viertel nach {this}", f"{hour}.15 Uhr"),
        (f"halb {coming}", f"{hour}.30 Uhr"),
        (f"Viertel vor {coming}", f"{hour}.45 Uhr"),
    ]


def test_spoken_english_times() -> None:
    assert [clock(7, quarter).en for quarter in range(4)] == [
        "seven o'clock",
        "quarter past seven",
        "half past seven",
        "quarter to eight",
    ]


def test_prices_and_dates() -> None:
    assert price(12, 50).de[0] == "12,50 Euro"
    assert price(12, 50).en == "12.50 euros"
    assert date(phrase("ordinal", "3rd"), phrase("month", "May")).de == ("am 3. Mai", "am dritten Mai")


def test_periods() -> None:
    found = period(3, 9, phrase("month", "March"))
    assert found.en == "3 to 9 March"
    assert found.de == ("vom 3. bis zum 9. März", "vom 3. bis 9. März")
