"""The kinds of sentence: statements, questions, requests, reasons, relative clauses and set phrases.

Each scene draws a meaning and returns an `Utterance`: its English, and a way to say it in German that
makes its free choices anew each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from onepass.phrasebook import adverbials as adv
from onepass.phrasebook import english, german
from onepass.phrasebook.adjectives import DEGREES, adjectives_of
from onepass.phrasebook.meaning import (
    NP,
    Both,
    Clause,
    Fixed,
    Located,
    Name,
    Nominal,
    Pronoun,
    Quality,
    Voice,
    words,
)
from onepass.phrasebook.nouns import noun, nouns_of
from onepass.phrasebook.sampler import (
    ME,
    QUESTION_FORMS,
    STATEMENT_FORMS,
    THEY,
    WE,
    WHO,
    YOU,
    Sampler,
    Value,
    favours,
    generic,
    may_be_bare,
    sex,
    verbs_on,
)
from onepass.phrasebook.templates import TEMPLATES
from onepass.phrasebook.verbs import VERBS


@dataclass(frozen=True, slots=True)
class Utterance:
    """An English sentence and the way to say it in German, one correct translation a call."""

    english: str
    german: Callable[[Voice], str]


Scene = Callable[[Sampler], Utterance]


def statement(s: Sampler) -> Utterance:
    """We repaired the washing machine yesterday."""
    form = s.one(STATEMENT_FORMS)
    you = YOU if form in ("can", "must", "have to", "should") and s.chance(0.3) else None
    c = (
        s.trip(form)
        if form in ("past", "will", "want to") and s.chance(0.12)
        else s.action(form, subject=you)
    )
    if s.chance(0.1) and form in ("past", "will", "was able to", "had to"):
        remark = adv.REMARKS[0] if c.negated else s.one(adv.REMARKS[1:3])
        c = replace(c, remark=remark, time_first=False)
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


def trip(s: Sampler) -> Utterance:
    """Tomorrow we are going to Vienna by train."""
    c = s.trip(s.one(("past", "will", "will", "want to", "would like to", "have to", "wanted to")))
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


def state(s: Sampler) -> Utterance:
    """She needs a new umbrella."""
    verbs = [verb for verb in VERBS if verb.stative]
    c = s.action("present", verbs=verbs, timed=False)
    if c.verb.en in ("need O", "have O") and s.chance(0.3):
        c = replace(c, form="past")
    if s.chance(0.25):
        c = replace(c, subject=YOU, object=_yours(c.object), negated=False)
        return Utterance(english.clause(c, "question") + "?", lambda v: german.clause(c, v, "question") + "?")
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


def _yours(part: Nominal | None) -> Nominal | None:
    if isinstance(part, NP) and part.det in ("my", "his", "her", "our", "their"):
        return replace(part, det="your")
    return part


def mood(s: Sampler) -> Utterance:
    """My brother was very tired yesterday."""
    if s.chance(0.2):
        c = s.mood(s.one(("present", "past")), YOU)
        c = replace(c, negated=False)
        return Utterance(english.clause(c, "question") + "?", lambda v: german.clause(c, v, "question") + "?")
    c = s.mood(s.one(("present", "past")))
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


def quality(s: Sampler) -> Utterance:
    """The soup is too salty."""
    c = s.quality(past=s.chance(0.3))
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


def yes_no(s: Sampler) -> Utterance:
    """Could you pick the children up tomorrow?"""
    form = s.one(QUESTION_FORMS)
    who = YOU if s.chance(0.75) or form == "could" else _asked_about(s, form)
    verbs = [v for v in VERBS if v.objects and not v.stative] if form == "could" else ()
    c = s.action(form, subject=who, verbs=verbs, negative=0.05)
    c = replace(c, time_first=False, negated=c.negated and form == "past")
    if form == "perfect":
        c = replace(c, adverb=adv.ALREADY)
    return Utterance(english.clause(c, "question") + "?", lambda v: german.clause(c, v, "question") + "?")


def _asked_about(s: Sampler, form: str) -> Nominal:
    """Somebody to ask about: one does not ask what one did or wants oneself."""
    who = s.subject()
    while form not in ("can", "have to") and (who in (ME, WE) or isinstance(who, Both)):
        who = s.subject()
    return who


def when_where_why(s: Sampler) -> Utterance:
    """Why did you sell the car?"""
    word, words = s.one((("When", ("Wann",)), ("Where", ("Wo",)), ("Why", ("Warum", "Wieso", "Weshalb"))))
    form = s.one(
        ("past", "past", "will", "can", "want to", "have to")
        if word != "Why"
        else ("past", "past", "want to")
    )
    who = YOU if s.chance(0.6) else _asked_about(s, form)
    verbs = [v for v in VERBS if v.at and not v.to] if word == "Where" else ()
    c = s.action(form, subject=who, verbs=verbs, timed=word != "When", placed=word != "Where", negative=0.0)
    c = replace(c, time_first=False)
    return Utterance(
        english.clause(c, "question", opening=word) + "?",
        lambda v: german.clause(c, v, "question", opening=v.pick(words)) + "?",
    )


def who(s: Sampler) -> Utterance:
    """Who has repaired the printer?"""
    c = s.action(s.one(("past", "past", "will", "can", "want to", "must")), subject=WHO, negative=0.0)
    c = replace(c, time_first=False)
    return Utterance(english.clause(c) + "?", lambda v: german.clause(c, v) + "?")


def which(s: Sampler) -> Utterance:
    """Which jacket do you want to buy?"""
    verbs = [
        v
        for v in VERBS
        if "O" in v.en.split() and not v.to and not v.recipients and v.objects and not v.stative
    ]
    form = s.one(("past", "past", "will", "want to"))
    who = YOU if s.chance(0.7) else _asked_about(s, form)
    c = s.action(form, subject=who, verbs=verbs, timed=False, placed=False, negative=0)
    while not isinstance(c.object, NP) or not c.object.noun.en or not c.object.noun.en_plural:
        c = s.action("past", subject=who, verbs=verbs, timed=False, placed=False, negative=0)
    np = NP(c.object.noun, "which", plural=False)
    c = replace(c, object=np, time=None, time_first=False)
    return Utterance(
        english.clause(c, "question", opening=f"Which {np.noun.en}", gap=True) + "?",
        lambda v: german.clause(c, v, "question") + "?",
    )


def request(s: Sampler) -> Utterance:
    """Please switch off the heating."""
    c = s.action("infinitive", subject=YOU, verbs=favours(), timed=False, negative=0.08)
    c = replace(c, companion=None)
    if s.chance(0.25):
        c = replace(c, time=s.one(adv.FUTURE[:12]))
    wish = english.clause(c, "infinitive")
    if c.negated:
        wish = "don't " + wish
    shape = s.one(("please", "end", "plain")) if not c.negated else "please"
    text = {"please": f"Please {wish}.", "end": f"{wish}, please.", "plain": f"{wish}."}[shape]

    def say(v: Voice) -> str:
        if shape == "plain":
            return german.clause(c, v, "imperative") + "."
        if v.chance(0.6):
            return "bitte " + german.clause(c, v, "imperative") + "."
        return german.clause(replace(c, remark=Fixed("please", ("bitte",))), v, "imperative") + "."

    return Utterance(text, say)


REASONS = (
    # English, subordinate order, main order
    ("it was raining", ("es geregnet hat", "es regnete"), ("es hat geregnet", "es regnete")),
    ("it was snowing", ("es geschneit hat", "es schneite"), ("es hat geschneit", "es schneite")),
    (
        "it was already late",
        ("es schon spät war", "es bereits spät war"),
        ("es war schon spät", "es war bereits spät"),
    ),
    (
        "the weather was bad",
        ("das Wetter schlecht war", "schlechtes Wetter war"),
        ("das Wetter war schlecht",),
    ),
    ("it was too cold", ("es zu kalt war",), ("es war zu kalt",)),
    (
        "the train was late",
        ("der Zug Verspätung hatte", "der Zug zu spät kam"),
        ("der Zug hatte Verspätung", "der Zug kam zu spät"),
    ),
)


def because(s: Sampler) -> Utterance:
    """I couldn't call you because I had no time."""
    who = _referable(s)
    verbs = [
        v
        for v in VERBS
        if not v.stative and v.en != "deliver O" and not v.en.startswith(("be", "forget", "lose", "fall"))
    ]
    form = s.one(("past", "was able to", "didn't want"))
    main = s.action("wanted to" if form == "didn't want" else form, subject=who, verbs=verbs, negative=1.0)
    main = replace(main, time_first=False, remark=None)
    if s.chance(0.6):
        reason = s.excuse("past", _again(who))
        text = english.clause(reason)
        last: Callable[[Voice], str] = lambda v: german.clause(reason, v, "last")  # noqa: E731
        plain: Callable[[Voice], str] = lambda v: german.clause(reason, v)  # noqa: E731
    else:
        text, sub, straight = s.one(REASONS if form == "was able to" else REASONS[:5])
        last = lambda v: v.pick(sub)  # noqa: E731
        plain = lambda v: v.pick(straight)  # noqa: E731
    reason_first = s.chance(0.3)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        if reason_first or v.chance(0.1):
            return f"{v.pick(('weil', 'da'))} {last(v)}, {german.clause(main, v, 'after')}."
        if v.chance(0.3):
            return f"{german.clause(main, v)}, denn {plain(v)}."
        return f"{german.clause(main, v)}, {v.pick(('weil', 'da'))} {last(v)}."

    return Utterance(f"Because {text}, {mains}." if reason_first else f"{mains} because {text}.", say)


def _referable(s: Sampler) -> Nominal:
    """Somebody whom he, she or they can refer back to; of a colleague English does not say which."""
    who = s.subject()
    while isinstance(who, NP) and _again(who) is who:
        who = s.subject()
    return who


def _again(who: Nominal) -> Nominal:
    """Refer back to a subject by its pronoun, if it has one in English."""
    if isinstance(who, Name):
        return Pronoun("he" if sex(who) == "m" else "she")
    if isinstance(who, NP):
        return {"m": Pronoun("he"), "f": Pronoun("she")}.get(sex(who), who if who.noun.en else THEY)
    if isinstance(who, Both):
        return WE if who.second == ME else THEY
    return who


def although(s: Sampler) -> Utterance:
    """We went for a walk although it was raining."""
    who = _referable(s)
    main = replace(s.action("past", subject=who, negative=0.0), time_first=False)
    reason = s.excuse("past", _again(who))
    if isinstance(reason.direction, Quality) and reason.direction.degree == DEGREES[1]:  # too tired
        reason = replace(reason, direction=replace(reason.direction, degree=DEGREES[0]))
    fixed = s.one(REASONS[:4])
    own = s.chance(0.6)
    text = english.clause(reason) if own else fixed[0]
    first = s.chance(0.3)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        sub = german.clause(reason, v, "last") if own else v.pick(fixed[1])
        if first or v.chance(0.2):
            return f"obwohl {sub}, {german.clause(main, v, 'after')}."
        return f"{german.clause(main, v)}, {v.pick(('obwohl', 'auch wenn'))} {sub}."

    return Utterance(f"Although {text}, {mains}." if first else f"{mains} although {text}.", say)


CONDITIONS = (
    ("you have time", ("[du Zeit hast|ihr Zeit habt|Sie Zeit haben]",)),
    ("you like", ("[du möchtest|ihr möchtet|Sie möchten]", "[du willst|ihr wollt|Sie wollen]")),
    (
        "you need help",
        (
            "[du Hilfe brauchst|ihr Hilfe braucht|Sie Hilfe brauchen]",
            "[du Hilfe benötigst|ihr Hilfe benötigt|Sie Hilfe benötigen]",
        ),
    ),
    ("you want", ("[du willst|ihr wollt|Sie wollen]", "[du möchtest|ihr möchtet|Sie möchten]")),
)


def condition(s: Sampler) -> Utterance:
    """If you have time, we can go to the museum tomorrow."""
    text, options = s.one(CONDITIONS)
    subject = WE if text != "you need help" else ME
    verbs = (
        verbs_on("pleasure")
        if text != "you need help"
        else [v for v in VERBS if v.en in ("carry O", "repair O", "assemble O", "translate O", "paint O")]
    )
    main = replace(
        s.action(s.one(("can", "can", "will")), subject=subject, verbs=verbs, negative=0),
        time_first=False,
        companion=None,
    )
    if isinstance(main.object, NP) and text == "you need help" and main.object.det == "my":
        main = replace(main, object=replace(main.object, det="your"))
    first = s.chance(0.6)
    mains = english.clause(main)

    def say(v: Voice) -> str:
        sub = f"{v.pick(('wenn', 'falls'))} {address(v.pick(options), v)}"
        if first or v.chance(0.3):
            return f"{sub}, {german.clause(main, v, 'after')}."
        return f"{german.clause(main, v)}, {sub}."

    return Utterance(f"If {text}, {mains}." if first else f"{mains} if {text}.", say)


def purpose(s: Sampler) -> Utterance:
    """My sister went to the market to buy some apples."""
    errands = {
        "supermarket": ("buy O", "food drink"),
        "market": ("buy O", "fruit vegetable"),
        "shopping centre": ("buy O", "clothes present"),
        "department store": ("buy O", "clothes home"),
        "bakery": ("buy O", "baked"),
        "bookshop": ("buy O", "long-read"),
        "repair shop": ("pick O up", "vehicle"),
        "station": ("pick O up", "family"),
        "airport": ("pick O up", "family"),
        "post office": ("pick O up", "delivered"),
        "garden": ("water O", "plant"),
        "cellar": ("look for O", "tool"),
        "restaurant": ("have dinner", ""),
        "café": ("meet O", "mine"),
        "hospital": ("visit O", "family"),
        "library": ("borrow O", "long-read"),
    }
    place = s.one(tuple(errands))
    en, kinds = errands[place]
    verb = next((v for v in VERBS if v.en == en), None)
    goal = s.goal("place")
    while not isinstance(goal, Located) or not isinstance(goal.noun, NP) or goal.noun.noun.en != place:
        goal = s.goal("place")
    subject = s.subject()
    form = s.one(("past", "past", "will", "want to", "have to"))
    en_go = s.one(("go", "go", "drive"))
    at_home = place in ("cellar", "garden")
    go = next(v for v in VERBS if v.en == ("go" if at_home else en_go) and ("room" in v.to) == at_home)
    main = Clause(go, subject, form, time=s.moment(form), direction=goal)
    if verb is None:
        verb = next(v for v in VERBS if v.en == "look for O")
    obj: Nominal | None = None
    if kinds in ("family", "mine"):
        obj = s.somebody(kinds, subject)
    elif kinds:
        obj = s.thing(kinds, subject, verb=en, indefinite=0.6)
    sub = Clause(verb, subject, "infinitive", object=obj)
    text = f"{english.clause(main)} to {english.clause(sub, 'infinitive')}."

    def say(v: Voice) -> str:
        return f"{german.clause(main, v)}, um {german.clause(sub, v, 'zu')}."

    return Utterance(text, say)


def relative(s: Sampler) -> Utterance:
    """The jacket that I bought yesterday is too small."""
    verbs = [v for v in VERBS if v.en in RELATIVE_VERBS]
    while True:
        c = s.action("past", verbs=verbs, placed=False, negative=0.0)
        if isinstance(c.object, NP) and may_be_bare(c.object.noun):
            break
    found = c.object.noun
    plural = c.object.plural
    head = NP(found, "the", None, plural)
    c = replace(c, object=NP(found, "that", plural=plural), time_first=False)
    options = [a for a in adjectives_of(found) if a.en not in ("dry",)]
    if not options:
        return relative(s)
    word = s.one(options)
    is_en = english.be(head)
    clause = english.clause(c, gap=True)
    return Utterance(
        f"{english.nominal(head)} that {clause} {is_en} {word.en}.",
        lambda v: (
            f"{german.nominal(head, 'n', v)}, {german.clause(c, v, 'last')}, "
            f"{german.present('sein', german.person(head, v))} {v.pick(word.de)}."
        ),
    )


RELATIVE_VERBS = words(
    "buy O|order O|find O|repair O|wash O|sell O|exchange O|look for O|rent O|bake O|cook O|"
    "print O|read O|write O|use O|throw away O|sign O|watch O",
    "|",
)


def passive(s: Sampler) -> Utterance:
    """The heating has to be repaired tomorrow."""
    verbs = [v for v in VERBS if v.en in PASSIVE_VERBS]
    c = s.action("past", subject=THEY, verbs=verbs, negative=0.0)
    assert isinstance(c.object, NP)
    np = c.object
    if np.det in ("their", "", "some", "a") or np.owner is not None:
        np = NP(
            np.noun,
            s.one(("the", "this", "our")) if not np.noun.kinds & {"food", "built", "installed"} else "the",
            np.adjective,
            np.plural,
        )
    form = s.one(("past", "past", "must", "have to", "can", "will", "should", "perfect"))
    time = s.moment(form) if form != "perfect" else None
    c = Clause(
        c.verb,
        np,
        "passive-" + ("past" if form == "will" else form),
        adverb=adv.ALREADY if form == "perfect" else None,
        time=s.moment("past") if form == "will" else time,
        negated=s.chance(0.1) and form in ("past", "can"),
    )
    return Utterance(english.clause(c) + ".", lambda v: german.clause(c, v) + ".")


PASSIVE_VERBS = words(
    "repair O|fix O|clean O|wash O|sell O|paint O|deliver O|print O|sign O|check O|translate O|cancel O|"
    "postpone O|replace O|lock O|close O|open O|tidy O|assemble O",
    "|",
)


def liking(s: Sampler) -> Utterance:
    """I like playing cards in the garden."""
    who = s.subject()
    c = s.action("present", subject=who, verbs=verbs_on("pleasure"), timed=False, negative=0.0)
    c = replace(
        c, adverb=Fixed("gladly", ("gern", "gerne")), object=None if c.object is None else generic(c.object)
    )
    bare = replace(c, adverb=None)
    verb = "like" if english.is_plural(who) or who == ME else "likes"
    return Utterance(
        f"{english.nominal(who, subject=True)} {verb} {english.clause(bare, 'ing')}.",
        lambda v: german.clause(c, v) + ".",
    )


def comparing(s: Sampler) -> Utterance:
    """This table is heavier than the desk."""
    first, second, (en, de) = s.comparison()
    much = s.one(("", "", "much ", "a bit "))
    muches = {"": ("",), "much ": ("viel ", "deutlich "), "a bit ": ("etwas ", "ein bisschen ")}[much]

    def say(v: Voice) -> str:
        subject, rival = german.nominal(first, "n", v), german.nominal(second, "n", v)
        return f"{subject} ist {v.pick(muches)}{de} als {rival}."

    return Utterance(
        f"{english.nominal(first)} is {much}{en} than {english.nominal(second)}.",
        say,
    )


SPOTS = (
    # English, German preposition, nouns that it suits
    ("on", "auf", ("table", "kitchen table", "chair", "sofa", "bed", "desk", "chest of drawers", "armchair")),
    ("under", "unter", ("table", "bed", "sofa", "chair", "desk")),
    ("next to", "neben", ("bed", "sofa", "desk", "lamp", "computer", "armchair", "television")),
    (
        "in",
        "in",
        (
            "cupboard",
            "wardrobe",
            "kitchen",
            "bathroom",
            "bedroom",
            "hall",
            "cellar",
            "handbag",
            "backpack",
            "suitcase",
            "car",
            "box",
        ),
    ),
    ("behind", "hinter", ("sofa", "cupboard", "wardrobe", "door", "armchair")),
)


def _spot(s: Sampler) -> tuple[str, str, NP]:
    en, de, names = s.one(SPOTS)
    return en, de, NP(noun(s.one(names)), "the")


def whereabouts(s: Sampler) -> Utterance:
    """The keys are on the kitchen table."""
    en, de, spot = _spot(s)
    lying = s.chance(0.6)
    found = s.one(nouns_of("lies" if lying else "stands"))
    while found is spot.noun or (not lying and (found.kinds & {"furniture"} and en in ("on", "in", "under"))):
        found = s.one(nouns_of("lies"))
        lying = True
    if not lying and spot.noun.kinds & {"bag"}:
        lying = True
        found = s.one(nouns_of("tiny"))
    if spot.noun.kinds & {"bag"} and not found.kinds & {"tiny", "clothes"}:
        found = s.one(nouns_of("tiny"))
        lying = True
    plural = not found.en or (bool(found.en_plural) and ("many" in found.kinds or s.chance(0.2)))
    np = NP(found, s.one(("the", "my", "your", "our")), plural=plural)
    stand = ("liegt", "liegen") if lying else ("steht", "stehen")
    question = s.chance(0.25)

    def say(v: Voice) -> str:
        many = german.person(np, v) == "sie"
        verb = v.pick((stand[many], ("ist", "sind")[many]))
        where = german.prepositional(de, "d", spot, v)
        what = german.nominal(np, "n", v)
        if question:
            return f"{verb} {what} {where}?"
        return f"{where} {verb} {what}." if v.chance(0.15) else f"{what} {verb} {where}."

    be = english.be(np)
    where = f"{en} {english.nominal(spot)}"
    text = f"{be} {english.nominal(np)} {where}?" if question else f"{english.nominal(np)} {be} {where}."
    return Utterance(text, say)


def putting(s: Sampler) -> Utterance:
    """Put the cups on the table, please."""
    en, de, spot = _spot(s)
    kinds = "lies" if s.chance(0.6) else "stands"
    found = s.one(nouns_of(kinds))
    while (
        found is spot.noun
        or "furniture" in found.kinds
        or (spot.noun.kinds & {"bag"} and not found.kinds & {"tiny", "clothes"})
    ):
        kinds = "lies"
        found = s.one(nouns_of(kinds))
    plural = not found.en or (bool(found.en_plural) and ("many" in found.kinds or s.chance(0.2)))
    np = NP(found, s.one(("the", "the", "my", "this")), plural=plural)
    verb = "legen" if kinds == "lies" else "stellen"
    past = s.chance(0.4)
    subject = s.subject() if past else YOU
    what, where = english.nominal(np), f"{en} {english.nominal(spot)}"
    text = (
        f"{english.nominal(subject, subject=True)} put {what} {where}."
        if past
        else f"Please put {what} {where}."
    )

    def say(v: Voice) -> str:
        goal = german.prepositional(de, "a", spot, v)
        thing = german.nominal(np, "a", v)
        if past:
            who = german.person(subject, v)
            lay = "gelegt" if verb == "legen" else "gestellt"
            return f"{german.nominal(subject, 'n', v)} {german.present('haben', who)} {thing} {goal} {lay}."
        if v.chance(0.5):
            return f"bitte {german.imperative(verb, v.address)} {thing} {goal}."
        return f"{german.imperative(verb, v.address)} {thing} bitte {goal}."

    return Utterance(text, say)


def there_is(s: Sampler) -> Utterance:
    """There are three bottles in the fridge."""
    where_en, where_de, kinds = s.one(
        (
            ("in the fridge", "im Kühlschrank", "drink food"),
            ("on the table", "auf dem Tisch", "tableware food drink"),
            ("in the kitchen", "in der Küche", "tableware food drink furniture"),
            ("in the cupboard", "im Schrank", "tableware clothes home"),
            ("in the garage", "in der Garage", "tool vehicle"),
            ("in the cellar", "im Keller", "tool furniture bag"),
            ("in the bag", "in der Tasche", "tiny stationery clothes"),
            ("in the bedroom", "im Schlafzimmer", "furniture home"),
            ("on the desk", "auf dem Schreibtisch", "stationery document read"),
            ("in the garden", "im Garten", "plant"),
            ("in the bathroom", "im Badezimmer", "home"),
        )
    )
    np = s.thing(kinds, ME, indefinite=1.0)
    while np.det not in ("a", "some", "two", "three", "four", "five", "six", "ten"):
        np = s.thing(kinds, ME, indefinite=1.0)
    still = s.chance(0.25)
    be = "are" if english.is_plural(np) else "is"
    text = f"There {be} {'still ' if still else ''}{english.nominal(np)} {where_en}."

    def say(v: Voice) -> str:
        many = german.person(np, v) == "sie" and np.det != "a"
        noch = "noch " if still else ""
        what = german.nominal(np, "n", v)
        is_ = ("ist", "sind")[many]
        if v.chance(0.5):
            return f"{where_de} {is_} {noch}{what}."
        if v.chance(0.4):
            return f"es {is_} {noch}{what} {where_de}."
        return f"{where_de} gibt es {noch}{german.nominal(np, 'a', v)}."

    return Utterance(text, say)


# --- templates --------------------------------------------------------------------------

ADDRESS = re.compile(r"\[([^|\]]*)\|([^|\]]*)\|([^|\]]*)\]")
SLOT = re.compile(r"\{(\w+)(?::([^}]*))?\}")


def address(text: str, voice: Voice) -> str:
    """Resolve `[du|ihr|Sie]`."""
    return ADDRESS.sub(lambda m: m[("du", "ihr", "Sie").index(voice.address) + 1], text)


def _english_slot(value: Value, spec: str) -> str:
    if isinstance(value, Clause):
        order = {"": "main", "inf": "infinitive", "ing": "ing"}[spec]
        return english.clause(value, order)
    if isinstance(value, Fixed):
        return value.en
    assert isinstance(value, NP | Pronoun | Name)
    if "|" in spec:
        singular, plural = spec.split("|")
        return plural if english.is_plural(value) else singular
    return english.nominal(value, subject=isinstance(value, Pronoun) and spec != "o")


def _german_slot(value: Value, spec: str, voice: Voice) -> str:
    if isinstance(value, Clause):
        return german.clause(value, voice, spec)
    if isinstance(value, Fixed):
        return voice.pick(value.de)
    assert isinstance(value, NP | Pronoun | Name)
    if "|" in spec:
        singular, plural = spec.split("|")
        return plural if german.person(value, voice) == "sie" else singular
    if ":" in spec:
        det, spec = spec.split(":")
        assert isinstance(value, NP)
        value = replace(value, det=det)
    if "+" in spec:
        preposition, case = spec.split("+")
        return german.prepositional(preposition, case, value, voice)
    return german.nominal(value, spec, voice)


def set_phrase(s: Sampler) -> Utterance:
    """A template with its slots filled."""
    template = s.one(s.one(TEMPLATES))
    values: dict[str, Value] = {}
    for name, kind in template.slots.items():
        values[name] = s.slot(kind, values)
    text = SLOT.sub(lambda m: _english_slot(values[m[1]], m[2] or ""), template.en)

    def say(v: Voice) -> str:
        german_text = address(v.pick(template.de), v)
        return SLOT.sub(lambda m: _german_slot(values[m[1]], m[2] or "", v), german_text)

    return Utterance(text, say)


SCENES: tuple[tuple[Scene, int], ...] = (
    (set_phrase, 36),
    (statement, 14),
    (trip, 2),
    (state, 4),
    (mood, 3),
    (quality, 4),
    (yes_no, 8),
    (when_where_why, 5),
    (who, 2),
    (which, 2),
    (request, 6),
    (because, 6),
    (although, 3),
    (condition, 3),
    (purpose, 3),
    (relative, 4),
    (passive, 4),
    (liking, 3),
    (comparing, 3),
    (whereabouts, 4),
    (putting, 3),
    (there_is, 3),
)
"""Every scene and its weight."""
