"""Clock times, prices, dates and other phrases made of numbers."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import Fixed
from onepass.phrasebook.phrases import phrases


def _on_the_hour(hour: int, *, uhr: bool) -> str:
    """`um eins`, but `um ein Uhr`."""
    word = phrases("hour")[hour - 1].de[0]
    return ("ein" if word == "eins" else word) + " Uhr" if uhr else word


@cache
def clock(hour: int, quarter: int) -> Fixed:
    """Return a spoken clock time.

    Args:
        hour: 1 to 12.
        quarter: quarters past the hour, 0 to 3; half past seven is `halb acht`.
    """
    following = hour % 12 + 1
    past, coming = phrases("hour")[hour - 1].en, phrases("hour")[following - 1].en
    vergangen, kommend = _on_the_hour(hour, uhr=False), _on_the_hour(following, uhr=False)
    if quarter == 0:
        return Fixed(f"{past} o'clock", (_on_the_hour(hour, uhr=True), f"{hour} Uhr"))
    figures = f"{hour}.{quarter * 15} Uhr"
    if quarter == 1:
        return Fixed(f"quarter past {past}", (f"Viertel nach {vergangen}", figures))
    if quarter == 2:
        return Fixed(f"half past {past}", (f"halb {kommend}", figures))
    return Fixed(f"quarter to {coming}", (f"Viertel vor {kommend}", figures))


def digital(hour: int, minute: int) -> Fixed:
    """Return a clock time in figures, 14:20 -> 14.20 Uhr."""
    return Fixed(f"{hour}:{minute:02}", (f"{hour}.{minute:02} Uhr", f"{hour}:{minute:02} Uhr"))


def price(euros: int, cents: int) -> Fixed:
    """Return a price: `5 euros`, `12.50 euros` -> `12,50 Euro`."""
    if cents:
        return Fixed(f"{euros}.{cents:02} euros", (f"{euros},{cents:02} Euro", f"{euros} Euro {cents:02}"))
    return Fixed(f"{euros} euros", (f"{euros} Euro",))


def date(ordinal: Fixed, month: Fixed) -> Fixed:
    """Return `on the 3rd of May` -> `am 3. Mai`, `am dritten Mai`."""
    number, monat = ordinal.en[:-2], month.de[0]
    return Fixed(
        f"on the {ordinal.en} of {month.en}", (f"am {number}. {monat}", f"am {ordinal.de[0]} {monat}")
    )


def period(first: int, last: int, month: Fixed) -> Fixed:
    """Return `3 to 9 May` -> `vom 3. bis zum 9. Mai`."""
    end = f"{last}. {month.de[0]}"
    return Fixed(f"{first} to {last} {month.en}", (f"vom {first}. bis zum {end}", f"vom {first}. bis {end}"))
