"""Draws the meanings: who can do what to which things, where and when, so that sentences are sensible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import TypeVar

from onepass.phrasebook import adverbials as adv
from onepass.phrasebook.adjectives import ADJECTIVES, COMPARATIVES, DEGREES, MOODS, adjectives_of
from onepass.phrasebook.meaning import (
    NP,
    Adjective,
    Both,
    Clause,
    Fixed,
    Located,
    Name,
    Nominal,
    Noun,
    Phrase,
    Pronoun,
    Quality,
    Verb,
    words,
)
from onepass.phrasebook.nouns import NOUNS, noun, nouns_of
from onepass.phrasebook.templates import NAMED
from onepass.phrasebook.verbs import BE, EXCUSES, TRAVELS, VERBS

T = TypeVar("T")
Value = Nominal | Phrase | Clause

ME, YOU, HE, SHE, WE, THEY, WHO = (Pronoun(word) for word in ("I", "you", "he", "she", "we", "they", "who"))
POSSESSIVE = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
WOMEN = ("Anna", "Lena", "Sophie", "Maria", "Julia", "Laura", "Emma", "Clara", "Eva", "Nina")
MEN = ("Paul", "Peter", "David", "Martin", "Tom", "Simon", "Jan", "Oliver", "Stefan", "Michael")
SURNAMES = (
    "Weber",
    "Klein",
    "Schneider",
    "Fischer",
    "Wagner",
    "Becker",
    "Hoffmann",
    "Koch",
    "Bauer",
    "Richter",
)
PERSONS = frozenset({"person"})
FAULTS = words("broken dirty wet unripe ugly tight salty boring loud hungry cold")
MENDING = words("repair fix replace exchange return throw clean wash iron feed")
GOOD = frozenset(["clean", "dry", "ripe"])

PAST_MODALS = ("was able to", "had to", "wanted to")
NOW_MODALS = ("can", "must", "have to", "want to", "should", "would like to", "may")
STATEMENT_FORMS = (
    *("past",) * 6,
    *("perfect",) * 3,
    *("will",) * 4,
    *("progressive",) * 3,
    *("habit",) * 3,
    *NOW_MODALS[:6],
    *PAST_MODALS,
)
QUESTION_FORMS = (
    "past",
    "past",
    "perfect",
    "will",
    "can",
    "can",
    "could",
    "could",
    "want to",
    "have to",
    "habit",
)
FITS = ("big", "small", "tight", "short", "long", "expensive", "thin")
PRAISES = ("beautiful", "practical", "elegant", "modern", "stylish", "comfortable")
COLOURS = ("red", "blue", "green", "black", "white", "grey", "brown")
WEATHERS = {
    "cold": "kalt",
    "warm": "warm",
    "hot": "heiß",
    "windy": "windig",
    "sunny": "sonnig",
    "cool": "kühl",
    "foggy": "neblig",
    "humid": "schwül",
}
AILMENTS = {
    "a fever": "Fieber",
    "a headache": "Kopfschmerzen",
    "a cough": "Husten",
    "a cold": "Schnupfen",
    "a stomach ache": "Bauchschmerzen",
    "toothache": "Zahnschmerzen",
    "a sore throat": "Halsschmerzen",
    "backache": "Rückenschmerzen",
    "earache": "Ohrenschmerzen",
    "the flu": "die Grippe",
}
LANDMARKS = {
    "at the traffic lights": "an der Ampel",
    "at the crossroads": "an der Kreuzung",
    "at the next corner": "an der nächsten Ecke",
    "after the bridge": "nach der Brücke",
    "at the second street": "an der zweiten Straße",
    "before the church": "vor der Kirche",
    "behind the petrol station": "hinter der Tankstelle",
    "at the end of the street": "am Ende der Straße",
}
FIXED: dict[str, tuple[Fixed, ...]] = {
    "small": tuple(Fixed(en, (adv.SMALL_DE[en],)) for en in adv.SMALL),
    "few": (Fixed("three", ("drei",)), Fixed("four", ("vier",)), Fixed("two or three", ("zwei- bis drei",))),
    "count": tuple(Fixed(str(n), (str(n),)) for n in range(1, 25)),
    "tens": tuple(Fixed(str(n), (str(n),)) for n in (5, 8, 10, 12, 15, 20, 25, 30)),
    "room-number": tuple(
        Fixed(str(n), (str(n),)) for n in (*range(101, 120), *range(201, 220), *range(301, 320))
    ),
    "day": tuple(Fixed(en, (de,)) for en, de in adv.DAYS.items()),
    "month": tuple(Fixed(en, (de,)) for en, de in adv.MONTHS.items()),
    "weekday": tuple(Fixed(f"on {en}s", (f"{de.lower()}s", f"am {de}")) for en, de in adv.DAYS.items()),
    "day-future": tuple(
        t
        for t in adv.FUTURE
        if t.en in ("tomorrow", "the day after tomorrow")
        or t.en.removeprefix("on ").removeprefix("next ") in adv.DAYS
    ),
    "day-part": tuple(
        t for t in adv.FUTURE if t.en.startswith(("tomorrow", "this", "on ", "today", "at the"))
    ),
    "future": adv.FUTURE,
    "past": adv.PAST,
    "habit-day": tuple(t for t in adv.HABIT if t.en.startswith(("on ", "every day", "in s", "in w", "at"))),
    "country-in": tuple(Fixed(f"in {en}", (de,)) for en, de, _ in adv.COUNTRIES),
    "abroad": tuple(Fixed(f"to {en}", (de,)) for en, _, de in adv.COUNTRIES),
    "ride": (Fixed("bus", ("der nächste Bus",)), Fixed("tram", ("die nächste Straßenbahn",))),
    "side": (Fixed("left", ("links",)), Fixed("right", ("rechts",))),
    "landmark": tuple(Fixed(en, (de,)) for en, de in LANDMARKS.items()),
    "floor": (
        Fixed("first", ("ersten",)),
        Fixed("second", ("zweiten",)),
        Fixed("third", ("dritten",)),
        Fixed("fourth", ("vierten",)),
        Fixed("top", ("obersten",)),
    ),
    "beside-lift": (
        Fixed("next to the lift", ("neben dem Aufzug", "neben dem Fahrstuhl")),
        Fixed("next to the stairs", ("neben der Treppe",)),
        Fixed("at the end of the corridor", ("am Ende des Flurs", "am Ende des Ganges")),
    ),
    "ailment": tuple(Fixed(en, (de,)) for en, de in AILMENTS.items()),
    "meal-time": (
        Fixed("before meals", ("vor dem Essen", "vor den Mahlzeiten")),
        Fixed("after meals", ("nach dem Essen", "nach den Mahlzeiten")),
    ),
    "taste": (
        Fixed("very good", ("sehr gut",)),
        Fixed("really delicious", ("wirklich lecker", "wirklich köstlich")),
        Fixed("excellent", ("ausgezeichnet", "hervorragend")),
        Fixed("a bit strange", ("ein bisschen komisch", "etwas seltsam")),
    ),
    "precipitation": (Fixed("rain", ("regnen",)), Fixed("snow", ("schneien",))),
    "precipitates": (Fixed("rains", ("regnet",)), Fixed("snows", ("schneit",))),
    "weather": tuple(Fixed(en, (de,)) for en, de in WEATHERS.items()),
    "degree": DEGREES[:4],
    "language": tuple(Fixed(en, (de,)) for en, de in adv.LANGUAGES.items()),
    "paperwork": (
        Fixed("signed", ("unterschrieben", "unterzeichnet")),
        Fixed("sent off", ("abgeschickt",)),
        Fixed("translated", ("übersetzt",)),
        Fixed("checked", ("geprüft", "überprüft")),
    ),
    "colour": tuple(Fixed(a.en, (a.de[0].capitalize(),)) for a in ADJECTIVES if a.en in COLOURS),
    "fit": tuple(Fixed(a.en, a.de) for a in ADJECTIVES if a.en in FITS),
    "praise": tuple(Fixed(a.en, a.de) for a in ADJECTIVES if a.en in PRAISES),
    "city": tuple(Fixed(en, (de,)) for en, de in adv.CITIES.items()),
}


@cache
def _verbs() -> tuple[Verb, ...]:
    """Every action but delivering, which only the passive uses."""
    return tuple(verb for verb in VERBS if not verb.stative and verb.en != "deliver O")


VERB_GROUPS = {
    "chore": words(
        "clean O|wash O|iron O|tidy O|water O|feed O|repair O|paint O|hang up O|"
        "throw away O|go shopping|cook O",
        "|",
    ),
    "pleasure": words(
        "go for a walk|swim|cycle|dance|play football|play cards|visit O|meet O|watch O|listen to music"
        "|have dinner|relax|invite O|go shopping|read O|sleep",
        "|",
    ),
    "office": words(
        "print O|copy O|sign O|check O|answer O|translate O|send R O|explain O to R|postpone O|call O back"
        "|discuss O with R|write O|prepare O|show R O",
        "|",
    ),
    "indoors": words(
        "play cards|listen to music|watch television|cook O|bake O|tidy O|read O|watch O|rest", "|"
    ),
    "outdoors": words(
        "go for a walk|swim|cycle|play football|have breakfast|water O|relax|take a photo of O|paint O", "|"
    ),
}


@cache
def verbs_on(kind: str) -> tuple[Verb, ...]:
    """The verbs of a group; reading for pleasure leaves contracts out."""
    return tuple(
        v for v in VERBS if v.en in VERB_GROUPS[kind] and (kind == "office" or "document" not in v.objects)
    )


@cache
def favours() -> tuple[Verb, ...]:
    """What one asks of others: something is done to something."""
    return tuple(v for v in _verbs() if (v.objects or v.to) and v.en not in ("meet O", "see O", "drink O"))


class Sampler:
    """Draws nouns, clauses and slot values from one random stream."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[int(self.random.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    # --- people and things ------------------------------------------------------------------

    def name(self) -> Name:
        """Return a first name or a surname with its title."""
        if self.chance(0.6):
            return Name(self.one(WOMEN if self.chance(0.5) else MEN))
        return Name(self.one(SURNAMES), self.one(("Mr", "Mrs")))

    def relative(self, *, singular: bool = False, adult: bool = False) -> NP:
        """Return `my sister`, `our grandparents`."""
        found = self.one(nouns_of("family"))
        while (singular and not found.en) or (adult and "young" in found.kinds):
            found = self.one(nouns_of("family"))
        return NP(found, self.one(("my", "my", "our")) if found.en not in ("husband", "wife") else "my")

    def subject(self) -> Nominal:
        """Return somebody who does something."""
        roll = self.random.random()
        if roll < 0.28:
            return ME
        if roll < 0.45:
            return WE
        if roll < 0.62:
            return self.one((HE, SHE, THEY))
        if roll < 0.75:
            return self.name()
        if roll < 0.92:
            return self.relative()
        if roll < 0.96:
            return NP(self.one(nouns_of("work")), self.one(("my", "our")), plural=False)
        return (
            Both(self.relative(singular=True), ME)
            if self.chance(0.5)
            else Both(Name(self.one(WOMEN)), Name(self.one(MEN)))
        )

    def possessive(self, subject: Nominal) -> str:
        """Return the possessive that fits the subject: her key, my key."""
        if isinstance(subject, Pronoun):
            return POSSESSIVE.get(subject.en, "the")
        if isinstance(subject, Both):
            return "our" if subject.second == ME else "their"
        return {"f": "her", "m": "his"}.get(sex(subject), "the")

    def person(self, kinds: str, subject: Nominal) -> Nominal:
        """Return somebody to whom something is done."""
        if "mine" in kinds and self.chance(0.2):
            name = self.name()
            return name if name != subject else Name("Tim")
        if "mine" in kinds and self.chance(0.15) and isinstance(subject, NP | Name):
            return self.one((ME, WE))
        found = self.one(nouns_of(kinds))
        if "mine" in found.kinds or found.kinds & {"work"}:
            theirs = self.possessive(subject)
            det = theirs if theirs != "the" and self.chance(0.6) else "my"
            if isinstance(subject, Pronoun) and subject.en == "you":
                det = "your"
            if isinstance(subject, Pronoun) and subject.en == "we":
                det = "our"
            if det in {
                "husband": ("our", "your", "their", "his"),
                "wife": ("our", "your", "their", "her"),
            }.get(found.en, ()):
                return self.person(kinds, subject)
        else:
            det = "the"
        return NP(found, det, plural=not found.en)

    def thing(self, kinds: str, subject: Nominal, *, verb: str = "", indefinite: float = 0.35) -> NP:
        """Return an object of one of the kinds, with article and perhaps an adjective."""
        found = self.one(nouns_of(kinds))
        return self.describe(found, subject, verb=verb, indefinite=indefinite)

    def describe(self, found: Noun, subject: Nominal, *, verb: str = "", indefinite: float = 0.35) -> NP:
        """Put an article, a number or a possessive before a noun, and perhaps an adjective and an owner."""
        kinds = found.kinds
        only_the = bool(
            kinds & {"installed", "transport", "place", "built", "animal", "event", "repairer", "meal"}
        )
        plural = not found.en
        det, owner = "the", None
        roll = self.random.random()
        if kinds & {"person", "family"}:
            person = self.person(" ".join(kinds), subject)
            assert isinstance(person, NP)
            return person
        if not only_the and roll < indefinite and may_be_bare(found):
            det, plural = self._indefinite(found)
        elif roll < 0.55 and not kinds & {
            "food",
            "drink",
            "cooked",
            "installed",
            "transport",
            "place",
            "built",
            "sight",
            "watched",
        }:
            det = self.possessive(subject)
            if det == "the" and subject != WHO and self.chance(0.5):
                det, owner = "the", self._owner(subject)
        elif roll < 0.65 and not only_the and "mass" not in kinds:
            det = "this"
            plural = plural or (bool(found.en_plural) and "many" in kinds)
        else:
            plural = plural or (
                bool(found.en_plural) and ("many" in kinds or (not only_the and self.chance(0.15)))
            )
        if det == "the" and kinds & {"many"} and found.en_plural:
            plural = True
        return NP(found, det, self.adjective(found, verb) if self.chance(0.3) else None, plural, owner)

    def _indefinite(self, found: Noun) -> tuple[str, bool]:
        """Return a determiner without definiteness, and whether the noun is plural."""
        if not found.en_plural or (found.kinds & {"food", "drink"} and not found.en):
            return self.one(("some", "")), not found.en
        if not found.en:
            return "", True
        if "cooked" in found.kinds:
            return "a", False
        if "many" in found.kinds:
            return self.one(("some", "", "two", "three", "five", "ten")), True
        if "counted" in found.kinds and self.chance(0.5):
            return self.one(("some", "two", "three", "four", "six")), True
        if self.chance(0.12) and "food" not in found.kinds:
            return self.one(("two", "three")), True
        return "a", False

    def _owner(self, subject: Nominal) -> Name | NP:
        name = Name(self.one(WOMEN + MEN))
        relative = self.relative(singular=True)
        return name if self.chance(0.5) or relative.noun.kinds & {"work"} else NP(relative.noun, "my")

    def adjective(self, found: Noun, verb: str = "") -> Adjective | None:
        """Return an adjective that suits the noun and does not clash with the verb."""
        options = adjectives_of(found)
        if not options:
            return None
        word = self.one(options)
        mending = verb.split(" ")[0] in MENDING
        if word.en in FAULTS and not mending:
            return None
        return None if word.en in GOOD and mending else word

    def place(self, kinds: str) -> Phrase:
        """Return where something happens."""
        found = self.one(nouns_of(kinds))
        return Located(found.at, found.at_de, NP(found, "the"))

    def goal(self, kinds: str) -> Phrase:
        """Return where somebody goes."""
        found = self.one(nouns_of(kinds))
        return Located(found.to, found.to_de, NP(found, "the"))

    # --- times ------------------------------------------------------------------------------

    def clock(self, low: int = 1, high: int = 12) -> Fixed:
        """Return a spoken time of day."""
        return adv.clock(low + int(self.random.random() * (high - low + 1)), int(self.random.random() * 4))

    def time_of_day(self) -> Fixed:
        """Return a time of day in words or figures."""
        if self.chance(0.7):
            return self.clock()
        return adv.digital(
            self.random.randrange(6, 24), self.one((5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55))
        )

    def moment(self, form: str) -> Fixed | None:
        """Return a time that fits the form of the verb."""
        if form in ("past", *PAST_MODALS):
            when = self.one(adv.PAST)
            return when if self.chance(0.6) else None
        if form == "will" or form in NOW_MODALS or form == "could":
            if not self.chance(0.7 if form == "will" else 0.45):
                return None
            when = self.one(adv.FUTURE)
            if when.en in ("tomorrow", "today", "the day after tomorrow") or (
                when.en.removeprefix("on ") in adv.DAYS and self.chance(0.4)
            ):
                clock = self.clock()
                return Fixed(f"{when.en} at {clock.en}", tuple(f"{when.de[0]} um {t}" for t in clock.de))
            return when
        if form == "progressive":
            return self.one(adv.NOW) if self.chance(0.4) else None
        if form == "habit":
            return self.one(adv.HABIT)
        return None

    # --- clauses ----------------------------------------------------------------------------

    def action(
        self,
        form: str,
        *,
        subject: Nominal | None = None,
        verbs: Sequence[Verb] = (),
        timed: bool = True,
        placed: bool = True,
        negative: float = 0.12,
    ) -> Clause:
        """Return a clause in which somebody does something.

        Args:
            form: as in `Clause`, or `habit`.
            subject: who; drawn if None.
            verbs: the verbs to choose from; all actions if empty.
            timed: whether it may say when.
            placed: whether it may say where.
            negative: how often it is negated.
        """
        options = verbs or _verbs()
        verb = self.one(options)
        while (verb.en in UNWANTED and form not in ("past", "perfect")) or (
            verb.en in LUCKY and form not in ("past", "perfect", "will", "can", "was able to")
        ):
            verb = self.one(options)
        who = subject if subject is not None else self.subject()
        arguments = self._arguments(verb, who)
        adverb, time = None, None
        negated = form != "progressive" and self.chance(negative)
        if form == "perfect":
            roll = self.random.random()
            adverb = (
                adv.YET if negated else (adv.ALREADY if roll < 0.6 else adv.JUST if roll < 0.85 else None)
            )
        elif form == "habit":
            if self.chance(0.5):
                adverb = self.one(adv.OFTEN)
            negated = False
            time = self.one(adv.HABIT) if adverb is None else None
            arguments = {name: generic(part) for name, part in arguments.items()}
            placed = placed or adverb is not None
        elif timed:
            time = self.moment(form)
            while time is not None and any(part in time.en for part in CLASHES.get(verb.en, ())):
                time = self.moment(form)
        if form == "was able to" and not negated and time is None:
            time = self.one(adv.PAST)  # without a time `could` may also be polite
        if negated:
            arguments = {name: _countless(part) for name, part in arguments.items()}
        if form in ("may", "could"):
            negated = False
        companion = self._companion(verb, who, arguments)
        return Clause(
            verb,
            who,
            "present" if form == "habit" else form,
            object=arguments.get("O"),
            recipient=arguments.get("R"),
            negated=negated,
            adverb=adverb,
            time=time,
            time_first=time is not None and self.chance(0.2),
            companion=companion,
            place=self.place(" ".join(sorted(verb.at))) if placed and verb.at and self.chance(0.35) else None,
            direction=self.goal(" ".join(sorted(verb.to))) if verb.to else None,
        )

    def _arguments(self, verb: Verb, who: Nominal) -> dict[str, Nominal]:
        found: dict[str, Nominal] = {}
        if verb.recipients:
            found["R"] = self.somebody(" ".join(sorted(verb.recipients)), who)
        if verb.objects:
            kinds = " ".join(sorted(verb.objects))
            if verb.objects & {"person", "mine", "family", "client", "staff", "expert", "work"}:
                found["O"] = self.somebody(kinds, who)
            else:
                definite = " for " in verb.en or verb.en.split()[0] in DEFINITE
                indefinite = 0.0 if definite else 1.0 if verb.en == "have O" else 0.35
                owned = verb.en.split()[0] not in UNOWNED
                found["O"] = self.thing(kinds, who if owned else WHO, verb=verb.en, indefinite=indefinite)
        return found

    def somebody(self, kinds: str, who: Nominal) -> Nominal:
        somebody = self.person(kinds, who)
        taken = {part.noun for part in _parts(who) if isinstance(part, NP)}
        while (isinstance(somebody, NP) and somebody.noun in taken) or somebody in _parts(who):
            somebody = self.person(kinds, who)
        return somebody

    def _companion(self, verb: Verb, who: Nominal, arguments: dict[str, Nominal]) -> Phrase | None:
        if verb.to and verb.en in ("go", "come", "return") and self.chance(0.25):
            return self.one(adv.MEANS[:6]) if verb.en != "go" else None
        together = not arguments.get("R") and not (verb.objects & PERSONS) and verb.en in COMPANY
        if together and self.chance(0.25):
            somebody = self.somebody("mine", who)
            return Located("with", ("mit+d", "zusammen mit+d"), somebody)
        return None

    def trip(self, form: str, subject: Nominal | None = None) -> Clause:
        """Return a journey to a city or country."""
        verb = self.one(TRAVELS)
        if self.chance(0.65):
            city = self.one(FIXED["city"])
            goal = Fixed(f"to {city.en}", (f"nach {city.de[0]}",))
        else:
            goal = self.one(FIXED["abroad"])
        means = self.one(adv.MEANS[:3]) if verb.en in ("go", "travel") and self.chance(0.5) else None
        who = subject if subject is not None else self.subject()
        time = self.moment(form)
        while time is not None and ("hour" in time.en or "minutes" in time.en):
            time = self.moment(form)
        return Clause(
            verb, who, "present" if form == "habit" else form, time=time, companion=means, direction=goal
        )

    def mood(self, form: str = "present", subject: Nominal | None = None) -> Clause:
        """Return how somebody feels: I am very tired."""
        who = subject if subject is not None else self.subject()
        word = self.one(MOODS)
        degree = (
            self.one(DEGREES) if self.chance(0.4) and " " not in word.en and word.en not in STRICT else None
        )
        weak = {"too": word.en not in TOO_MUCH, "a bit": word.en in PLEASANT}
        if degree is not None and weak.get(degree.en):
            degree = DEGREES[0]
        when = None
        if form == "past" and self.chance(0.4):
            when = self.one(adv.PAST[:4])
        return Clause(
            BE,
            who,
            form,
            time=when,
            direction=Quality(degree, word),
            negated=degree is None and self.chance(0.1),
        )

    def quality(self, *, past: bool = False) -> Clause:
        """Return what something is like: The soup is too salty."""
        while True:
            found = self.one(NOUNS)
            options = adjectives_of(found)
            if options and not found.kinds & {"person", "place", "body"}:
                break
        word = self.one(options)
        det = (
            self.one(("the", "this", "my", "your"))
            if found.kinds & {"clothes", "device", "furniture", "home", "vehicle"}
            else self.one(("the", "this"))
        )
        plural = not found.en or (bool(found.en_plural) and ("many" in found.kinds or self.chance(0.12)))
        degree = None if word.en in STRICT or self.chance(0.25) else self.one(DEGREES)
        if degree is not None and degree.en in ("too", "a bit") and word.en in PLEASANT:
            degree = DEGREES[0]
        return Clause(
            BE, NP(found, det, plural=plural), "past" if past else "present", direction=Quality(degree, word)
        )

    def excuse(self, form: str = "past", subject: Nominal | None = None) -> Clause:
        """Return a reason of one's own: I had no time."""
        who = subject if subject is not None else self.subject()
        if self.chance(0.5):
            tired = self.one(
                [m for m in MOODS if m.en in ("tired", "ill", "busy", "late", "in a hurry", "nervous")]
            )
            degree = self.one(DEGREES[:4]) if tired.en in ("tired", "nervous") and self.chance(0.6) else None
            return Clause(BE, who, form, direction=Quality(degree, tired))
        return Clause(self.one(EXCUSES), who, form)

    def comparison(self) -> tuple[NP, NP, tuple[str, str]]:
        """Return two things of a kind and the comparative that sets them apart."""
        while True:
            first = self.one(NOUNS)
            if first.kinds & {"clothes", "furniture", "vehicle", "device", "bag", "drink"} and first.en:
                words = [a for a in adjectives_of(first) if a.en in COMPARATIVES]
                if words:
                    break
        word = self.one(words)
        shared = first.kinds & {"clothes", "furniture", "vehicle", "device", "bag", "drink"}
        second = first
        while second is first or not second.en or word not in adjectives_of(second):
            second = self.one(nouns_of(" ".join(sorted(shared))))
            if self.chance(0.05):
                return self.comparison()
        return (
            NP(first, self.one(("the", "this", "my"))),
            NP(second, self.one(("the", "your"))),
            COMPARATIVES[word.en],
        )

    # --- slots ------------------------------------------------------------------------------

    def slot(self, kind: str, filled: dict[str, Value]) -> Value:
        """Return a value for a template's slot.

        Args:
            kind: `np KINDS DETS`, `clause SUBJECT FORMS`, `act SUBJECT`, `it SLOT` or one word like `city`.
            filled: the slots drawn so far.
        """
        head, _, rest = kind.partition(" ")
        if head in FIXED:
            return self.one(FIXED[head])
        if head == "np":
            kinds, dets, *plain = rest.split(" ")
            return self._np_slot(kinds, dets.split(","), plain=bool(plain))
        if head == "it":
            np = filled[rest]
            assert isinstance(np, NP)
            return Pronoun("they" if np.plural or not np.noun.en else "it", np.noun)
        if head == "he":
            np = filled[rest]
            assert isinstance(np, NP)
            return THEY if np.plural or not np.noun.en else HE if sex(np) == "m" else SHE
        if head in ("family", "adult"):
            found = self.relative(adult=head == "adult")
            while not sex(found) and found.noun.en:
                found = self.relative(adult=head == "adult")
            return NP(found.noun, found.det, plural=not found.noun.en)
        if head in ("name", "name-or-person", "owner"):
            if head == "owner" or (head == "name-or-person" and self.chance(0.3)):
                return self.relative(singular=head == "name-or-person")
            return self.name()
        if head == "repairer":
            return NP(noun(self.one(("mechanic", "electrician", "caretaker"))), "the")
        return self._clause_slot(head, rest) or self._number_slot(head, filled)

    def _np_slot(self, kinds: str, dets: list[str], *, plain: bool) -> NP:
        options = [noun(en) for kind in kinds.split(",") for en in NAMED.get(kind, ())]
        known = " ".join(kind for kind in kinds.split(",") if kind not in NAMED)
        if known:
            options.extend(nouns_of(known))
        det = self.one(dets)
        found = self.one(options)
        while (det in ("a", "bare-plural", "order") and not may_be_bare(found)) or (
            det == "bare-plural" and not found.en_plural
        ):
            found = self.one(options)
        plural = not found.en
        if det in ("bare", "bare-plural"):
            body = bool(found.kinds & {"body", "bag", "home"})
            det, plural = (
                "",
                plural
                or (bool(found.en_plural) and bool(found.kinds & {"food"}) and "dish" not in found.kinds),
            )
            if dets == ["bare-plural"] or (found.kinds & {"many", "counted"} and not body):
                plural = bool(found.en_plural)
        elif det == "a":
            if "many" in found.kinds:
                det, plural = "some", True
            elif not found.en_plural and found.kinds & {"food", "drink", "mass", "cooked"}:
                det = "" if "dish" in found.kinds else "some"
        elif det == "order":
            det = "a" if found.en_plural else ""
            if "many" in found.kinds:
                det, plural = "", True
        elif (
            found.en_plural and found.kinds & {"many", "counted"} and (det == "the" or "many" in found.kinds)
        ):
            plural = True
        adjective = None
        if (
            det
            and not plain
            and self.chance(0.2)
            and not found.kinds & {"place", "body", "transport", "person"}
        ):
            adjective = self.adjective(found)
        return NP(found, det, adjective, plural)

    def _clause_slot(self, head: str, rest: str) -> Clause | None:
        people = {"I": ME, "you": YOU, "we": WE, "they": THEY, "one": THEY}
        if head == "clause":
            who, _, forms = rest.partition(" ")
            form = self.one(forms.split(","))
            subject: Nominal | None = people.get(who)
            while subject is None or (who == "third" and (subject in (ME, WE) or isinstance(subject, Both))):
                subject = self.subject()
            return self.declare(form, subject, negative=0.0 if who == "third" else 0.12)
        if head in ("act", "office-act", "pleasure", "chore", "unneeded", "favour"):
            verbs: Sequence[Verb] = _verbs()
            if head in ("office-act", "pleasure", "chore"):
                verbs = verbs_on(head.removesuffix("-act"))
            if head == "favour":
                verbs = favours()
            unneeded = float(head == "unneeded")
            c = self.action(
                "infinitive", subject=people.get(rest, THEY), verbs=verbs, timed=False, negative=unneeded
            )
            return _impersonal(c) if rest in ("they", "one", "") else c
        if head == "plan":
            return self.action(
                self.one(("will", "can", "want to")),
                subject=WE,
                verbs=verbs_on(rest),
                timed=False,
                negative=0,
            )
        if head == "untimed":
            return self.action(self.one(rest.split(" ")[1].split(",")), timed=False, negative=0)
        if head == "who":
            return self.action(self.one(rest.split(",")), subject=WHO, timed=False, negative=0)
        return None

    def declare(self, form: str, subject: Nominal, *, negative: float) -> Clause:
        """Return any statement about the subject; `be` asks for a mood, `not-FORM` for a negation."""
        if form == "be":
            return self.mood(subject=subject)
        negative = 1.0 if form.startswith("not-") else negative
        form = form.removeprefix("not-")
        if form == "could":
            form = "was able to"
        if form in ("past", "will") and self.chance(0.12) and negative < 1:
            return self.trip(form, subject)
        return self.action(form, subject=subject, negative=negative)

    def _number_slot(self, head: str, filled: dict[str, Value]) -> Fixed:
        if head == "time":
            return self.time_of_day()
        if head == "clock":
            return self.clock()
        if head == "morning":
            return adv.clock(self.one((6, 7)), self.one((0, 2)))
        if head == "late-morning":
            return adv.clock(self.one((9, 10)), self.one((0, 2)))
        if head == "morning-clock":
            return self.clock(6, 10)
        if head == "evening-clock":
            return self.clock(8, 11)
        if head == "price":
            cents = self.one((0, 0, 50, 90, 99))
            return adv.price(self.random.randrange(2, 90), cents)
        if head == "date":
            return adv.date(self.one(tuple(adv.ORDINALS)), self.one(tuple(adv.MONTHS)))
        if head == "period":
            month = self.one(tuple(adv.MONTHS))
            first = self.random.randrange(1, 20)
            last = first + self.random.randrange(2, 9)
            monat = adv.MONTHS[month]
            return Fixed(
                f"{first} to {last} {month}",
                (f"vom {first}. bis zum {last}. {monat}", f"vom {first}. bis {last}. {monat}"),
            )
        if head == "phone":
            digits = "".join(str(self.random.randrange(10)) for _ in range(3))
            return Fixed(f"555 {digits}", (f"555 {digits}",))
        if head in ("city2", "day2", "language2"):
            taken = {part.en for part in filled.values() if isinstance(part, Fixed)}
            options = [part for part in FIXED[head[:-1]] if part.en not in taken]
            return self.one(options)
        if head == "beside":
            return self.beside()
        raise ValueError(f"unknown slot {head!r}")

    def beside(self) -> Fixed:
        """Return where a building stands."""
        near = self.one(nouns_of("city sight"))
        en, preposition = self.one(BESIDE)
        de = f"{preposition} {NEXT_TO[_article(near)]}".replace("von dem", "vom")
        return Fixed(f"{en} the {near.en}", (f"{de} {near.de[0].singular}",))


COMPANY = words(
    "go for a walk|play cards|play football|have dinner|have lunch|swim|cycle|visit O|go|dance|cook O|"
    "go shopping|watch O|learn German",
    "|",
)
LUCKY = frozenset(("find O", "see O"))
UNWANTED = frozenset(("lose O", "forget O", "leave O behind", "miss O", "fall asleep"))
DEFINITE = words(
    "put lock return cancel postpone switch charge pay park unpack exchange miss carry understand know "
    "like explain show"
)
UNOWNED = words("buy order borrow rent book deliver bake cook boil find taste")
NUMBERS = frozenset(adv.SMALL)
STRICT = words(
    "red blue green black white grey brown yellow broken ill fresh alone ready late empty ripe punctual "
    "excellent delicious lovely"
)
TOO_MUCH = words("tired hungry nervous busy")
PLEASANT = words(
    "beautiful pretty friendly nice helpful polite patient practical useful comfortable good famous "
    "interesting funny healthy elegant stylish tasty reliable pleasant spacious clean happy satisfied "
    "exciting important modern cheap experienced sturdy urgent punctual unusual new"
)
CLASHES = {
    # verbs that have their time of day
    "get up early": ("noon", "evening", "night", "ago", "moment", "now", "in ", " at "),
    "have breakfast": ("noon", "evening", "night", "ago", " at "),
    "have lunch": ("morning", "evening", "night", "ago", " at "),
    "have dinner": ("morning", "noon", "ago", " at "),
    "sleep": ("morning", "noon", "ago", " at "),
    "wake O up": ("noon", "evening", "night"),
}
BESIDE = (
    ("next to", "neben"),
    ("opposite", "gegenüber"),
    ("behind", "hinter"),
    ("in front of", "vor"),
    ("near", "in der Nähe von"),
)
NEXT_TO = {"m": "dem", "f": "der", "n": "dem", "p": "den"}
SEXES = {
    **dict.fromkeys(("father", "brother", "son", "uncle", "grandfather", "husband", "landlord"), "m"),
    **dict.fromkeys(("mother", "sister", "daughter", "aunt", "grandmother", "wife"), "f"),
}


def sex(who: Name | NP) -> str:
    """Return m, f or nothing if English does not tell."""
    if isinstance(who, NP):
        return SEXES.get(who.noun.en, "")
    if who.title:
        return "m" if who.title == "Mr" else "f"
    return "f" if who.name in WOMEN else "m"


def _article(found: Noun) -> str:
    return found.de[0].gender


def _parts(who: Nominal) -> tuple[Nominal, ...]:
    return (who.first, who.second) if isinstance(who, Both) else (who,)


def may_be_bare(found: Noun) -> bool:
    """Trousers have an article that differs in number between the languages: leave them definite."""
    return bool(found.en) or all(word.gender == "p" for word in found.de)


def generic(part: Nominal) -> Nominal:
    """What one does as a habit is done to things in general: We often sign forms."""
    if isinstance(part, NP) and part.det == "a" and part.noun.en_plural:
        general = part.noun.kinds & {"food", "drink", "document", "plant", "leisure-read", "sight"}
        return NP(part.noun, "" if general else "the", part.adjective, plural=bool(general))
    return part


def _countless(part: Nominal) -> Nominal:
    """Three of something that were not bought are `the` ones."""
    return replace(part, det="the") if isinstance(part, NP) and part.det in NUMBERS else part


def _impersonal(c: Clause) -> Clause:
    """Take `their` out of a clause whose subject is nobody in particular."""

    def plain(part: Nominal | None) -> Nominal | None:
        if isinstance(part, NP) and part.det == "their":
            return NP(
                part.noun, "the" if not part.noun.kinds & {"mine"} else "my", part.adjective, part.plural
            )
        return part

    return Clause(
        c.verb,
        c.subject,
        c.form,
        object=plain(c.object),
        recipient=plain(c.recipient),
        place=c.place,
        direction=c.direction,
    )
