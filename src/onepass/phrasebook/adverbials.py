"""When, how often, with whom, by what, and the numbers: phrases that never change their form."""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.meaning import Fixed

HOURS_EN = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
HOURS_DE = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
DAYS = {
    "Monday": "Montag",
    "Tuesday": "Dienstag",
    "Wednesday": "Mittwoch",
    "Thursday": "Donnerstag",
    "Friday": "Freitag",
    "Saturday": "Samstag",
    "Sunday": "Sonntag",
}
DAY_PARTS = {"morning": "morgen", "afternoon": "nachmittag", "evening": "abend"}
MONTHS = {
    "January": "Januar",
    "February": "Februar",
    "March": "März",
    "April": "April",
    "May": "Mai",
    "June": "Juni",
    "July": "Juli",
    "August": "August",
    "September": "September",
    "October": "Oktober",
    "November": "November",
    "December": "Dezember",
}
ORDINALS = {
    "1st": "ersten",
    "2nd": "zweiten",
    "3rd": "dritten",
    "7th": "siebten",
    "8th": "achten",
    "10th": "zehnten",
    "12th": "zwölften",
    "20th": "zwanzigsten",
    "21st": "einundzwanzigsten",
    "30th": "dreißigsten",
}
SMALL = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SMALL_DE = dict(zip(HOURS_EN, HOURS_DE, strict=True))

PAST = (
    Fixed("yesterday", ("gestern",)),
    Fixed("yesterday evening", ("gestern Abend",)),
    Fixed("yesterday morning", ("gestern Morgen", "gestern früh")),
    Fixed("yesterday afternoon", ("gestern Nachmittag",)),
    Fixed("the day before yesterday", ("vorgestern",)),
    Fixed("last week", ("letzte Woche", "in der letzten Woche")),
    Fixed("last weekend", ("letztes Wochenende", "am letzten Wochenende")),
    Fixed("last month", ("letzten Monat", "im letzten Monat")),
    Fixed("last night", ("gestern Abend",)),
    Fixed("this morning", ("heute Morgen", "heute früh")),
    Fixed("two days ago", ("vor zwei Tagen",)),
    Fixed("three weeks ago", ("vor drei Wochen",)),
    Fixed("an hour ago", ("vor einer Stunde",)),
    *(Fixed(f"last {day}", (f"letzten {tag}", f"am letzten {tag}")) for day, tag in DAYS.items()),
    *(Fixed(f"on {day}", (f"am {tag}",)) for day, tag in DAYS.items()),
)
FUTURE = (
    Fixed("tomorrow", ("morgen",)),
    Fixed("tomorrow morning", ("morgen früh", "morgen Vormittag")),
    Fixed("tomorrow afternoon", ("morgen Nachmittag",)),
    Fixed("tomorrow evening", ("morgen Abend",)),
    Fixed("the day after tomorrow", ("übermorgen",)),
    Fixed("today", ("heute",)),
    Fixed("this evening", ("heute Abend",)),
    Fixed("this afternoon", ("heute Nachmittag",)),
    Fixed("tonight", ("heute Abend",)),
    Fixed("next week", ("nächste Woche", "in der nächsten Woche")),
    Fixed("next weekend", ("nächstes Wochenende", "am nächsten Wochenende")),
    Fixed("at the weekend", ("am Wochenende",)),
    Fixed("soon", ("bald",)),
    Fixed("later", ("später",)),
    Fixed("in ten minutes", ("in zehn Minuten",)),
    Fixed("in half an hour", ("in einer halben Stunde",)),
    Fixed("in two days", ("in zwei Tagen",)),
    *(Fixed(f"next {day}", (f"nächsten {tag}", f"am nächsten {tag}")) for day, tag in DAYS.items()),
    *(Fixed(f"on {day}", (f"am {tag}",)) for day, tag in DAYS.items()),
    *(
        Fixed(f"on {day} {part}", (f"am {tag}{teil}",))
        for day, tag in DAYS.items()
        for part, teil in DAY_PARTS.items()
    ),
)
HABIT = (
    Fixed("every day", ("jeden Tag", "täglich")),
    Fixed("every morning", ("jeden Morgen",)),
    Fixed("every evening", ("jeden Abend",)),
    Fixed("every week", ("jede Woche",)),
    Fixed("every month", ("jeden Monat",)),
    Fixed("in the evening", ("am Abend", "abends")),
    Fixed("in the morning", ("am Morgen", "morgens")),
    Fixed("at the weekend", ("am Wochenende",)),
    Fixed("in summer", ("im Sommer",)),
    Fixed("in winter", ("im Winter",)),
    Fixed("once a week", ("einmal in der Woche", "einmal pro Woche")),
    Fixed("twice a week", ("zweimal in der Woche", "zweimal pro Woche")),
    *(Fixed(f"on {day}s", (f"{tag.lower()}s", f"jeden {tag}")) for day, tag in DAYS.items()),
)
NOW = (
    Fixed("at the moment", ("gerade", "im Moment", "zurzeit")),
    Fixed("right now", ("gerade", "im Moment")),
)
OFTEN = (
    Fixed("always", ("immer",)),
    Fixed("often", ("oft", "häufig")),
    Fixed("never", ("nie", "niemals")),
    Fixed("sometimes", ("manchmal",)),
    Fixed("usually", ("meistens", "normalerweise")),
    Fixed("rarely", ("selten",)),
)
ALREADY = Fixed("already", ("schon", "bereits"))
JUST = Fixed("just", ("gerade", "gerade eben"))
YET = Fixed("yet", ("noch",))
REMARKS = (
    Fixed("Unfortunately", ("leider",)),
    Fixed("Luckily", ("zum Glück", "glücklicherweise")),
    Fixed("Of course", ("natürlich", "selbstverständlich")),
    Fixed("Perhaps", ("vielleicht",)),
)
MEANS = (
    Fixed("by bus", ("mit dem Bus",)),
    Fixed("by train", ("mit dem Zug", "mit der Bahn")),
    Fixed("by car", ("mit dem Auto", "mit dem Wagen")),
    Fixed("by taxi", ("mit dem Taxi",)),
    Fixed("by tram", ("mit der Straßenbahn",)),
    Fixed("by underground", ("mit der U-Bahn",)),
    Fixed("by ferry", ("mit der Fähre",)),
)
CITIES = {
    "Berlin": "Berlin",
    "Munich": "München",
    "Vienna": "Wien",
    "Cologne": "Köln",
    "Hamburg": "Hamburg",
    "Zurich": "Zürich",
    "Leipzig": "Leipzig",
    "Dresden": "Dresden",
    "Salzburg": "Salzburg",
    "Frankfurt": "Frankfurt",
    "Nuremberg": "Nürnberg",
    "Geneva": "Genf",
    "Prague": "Prag",
    "Rome": "Rom",
    "Paris": "Paris",
    "London": "London",
    "Venice": "Venedig",
    "Warsaw": "Warschau",
    "Brussels": "Brüssel",
    "Lisbon": "Lissabon",
    "Milan": "Mailand",
    "Basel": "Basel",
}
COUNTRIES = (
    # English, where, where to
    ("Austria", "in Österreich", "nach Österreich"),
    ("Switzerland", "in der Schweiz", "in die Schweiz"),
    ("Italy", "in Italien", "nach Italien"),
    ("France", "in Frankreich", "nach Frankreich"),
    ("Spain", "in Spanien", "nach Spanien"),
    ("Poland", "in Polen", "nach Polen"),
    ("Turkey", "in der Türkei", "in die Türkei"),
    ("the Netherlands", "in den Niederlanden", "in die Niederlande"),
    ("Greece", "in Griechenland", "nach Griechenland"),
    ("Norway", "in Norwegen", "nach Norwegen"),
    ("the United States", "in den USA", "in die USA"),
)
LANGUAGES = {
    "German": "Deutsch",
    "English": "Englisch",
    "French": "Französisch",
    "Spanish": "Spanisch",
    "Italian": "Italienisch",
    "Polish": "Polnisch",
}


def _on_the_hour(hour: int, *, uhr: bool) -> str:
    """`um eins`, but `um ein Uhr`."""
    word = HOURS_DE[hour - 1]
    return ("ein" if word == "eins" else word) + " Uhr" if uhr else word


@cache
def clock(hour: int, quarter: int) -> Fixed:
    """Return a spoken clock time.

    Args:
        hour: 1 to 12.
        quarter: quarters past the hour, 0 to 3; half past seven is `halb acht`.
    """
    following = hour % 12 + 1
    past, coming = HOURS_EN[hour - 1], HOURS_EN[following - 1]
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


def date(ordinal: str, month: str) -> Fixed:
    """Return `on the 3rd of May` -> `am 3. Mai`, `am dritten Mai`."""
    number = ordinal[:-2]
    monat = MONTHS[month]
    return Fixed(f"on the {ordinal} of {month}", (f"am {number}. {monat}", f"am {ORDINALS[ordinal]} {monat}"))
