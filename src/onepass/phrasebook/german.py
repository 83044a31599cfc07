"""German as this phrasebook speaks it: endings, verb paradigms and word order.

Word order follows the topological fields: one phrase, the finite verb, the middle field, the rest of the
verb. `clause` fills them in for a main clause, a question, a subordinate clause or a zu-infinitive.
Cases are n, a, d, g; persons are ich, du, er, wir, ihr, sie (the polite Sie conjugates as sie).
"""

from __future__ import annotations

from functools import cache

from onepass.phrasebook.irregular import GERMAN_VERBS
from onepass.phrasebook.meaning import (
    NP,
    Both,
    Clause,
    Fixed,
    GermanNoun,
    GermanVerb,
    Name,
    Nominal,
    Phrase,
    Pronoun,
    Quality,
    Slot,
    Voice,
)

CASES = "nadg"
DEFINITE = {"m": "der den dem des", "f": "die die der der", "n": "das das dem des", "p": "die die den der"}
DER_ENDINGS = {"m": "er en em es", "f": "e e er er", "n": "es es em es", "p": "e e en er"}
EIN_ENDINGS = {"m": "- en em es", "f": "e e er er", "n": "- - em es", "p": "e e en er"}
WEAK_ENDINGS = {"m": "e en en en", "f": "e e en en", "n": "e e en en", "p": "en en en en"}
MIXED_ENDINGS = {"m": "er en en en", "f": "e e en en", "n": "es es en en", "p": "en en en en"}
STRONG_ENDINGS = {"m": "er en em en", "f": "e e er er", "n": "es es em en", "p": "e e en er"}
DER_WORDS = {"this": "dies", "these": "dies", "every": "jed", "which": "welch"}
EIN_WORDS = {
    "a": "ein",
    "no": "kein",
    "my": "mein",
    "his": "sein",
    "her": "ihr",
    "our": "unser",
    "their": "ihr",
}
YOUR = {"du": "dein", "ihr": "euer", "Sie": "Ihr"}
YOU = {"du": "du dich dir", "ihr": "ihr euch euch", "Sie": "Sie Sie Ihnen"}
PRONOUNS = {
    "I": "ich mich mir",
    "he": "er ihn ihm",
    "she": "sie sie ihr",
    "we": "wir uns uns",
    "they": "sie sie ihnen",
    "who": "wer wen wem",
}
IT = {"m": "er ihn ihm", "f": "sie sie ihr", "n": "es es ihm", "p": "sie sie ihnen"}
RELATIVE = {"m": "der den dem", "f": "die die der", "n": "das das dem", "p": "die die denen"}
REFLEXIVE = {"ich": "mich mir", "du": "dich dir", "wir": "uns uns", "ihr": "euch euch"}
PERSONS = {"I": "ich", "he": "er", "she": "er", "it": "er", "we": "wir", "they": "sie", "who": "er"}
NUMBERS = {
    "two": ("zwei",),
    "three": ("drei",),
    "four": ("vier",),
    "five": ("fünf",),
    "six": ("sechs",),
    "eight": ("acht",),
    "ten": ("zehn",),
}
CONTRACTIONS = {
    "in dem": "im",
    "in das": "ins",
    "an dem": "am",
    "an das": "ans",
    "zu dem": "zum",
    "zu der": "zur",
    "von dem": "vom",
    "bei dem": "beim",
}
KEIN_LITERALS = {"Musik": "keine Musik", "Deutsch": "kein Deutsch"}
GENITIVE_ES = {"Freund", "Arzt", "Zahnarzt", "Sohn", "Mann", "Ehemann", "Kind", "Gast"}
INSEPARABLE = ("be", "emp", "ent", "er", "ver", "zer", "miss", "über", "unter", "wieder", "gehör")

MODAL_PRESENT = {
    "können": "kann kannst kann können könnt können",
    "müssen": "muss musst muss müssen müsst müssen",
    "wollen": "will willst will wollen wollt wollen",
    "dürfen": "darf darfst darf dürfen dürft dürfen",
    "sollte": "sollte solltest sollte sollten solltet sollten",
    "könnte": "könnte könntest könnte könnten könntet könnten",
    "möchte": "möchte möchtest möchte möchten möchtet möchten",
    "würde": "würde würdest würde würden würdet würden",
    "konnte": "konnte konntest konnte konnten konntet konnten",
    "musste": "musste musstest musste mussten musstet mussten",
    "wollte": "wollte wolltest wollte wollten wolltet wollten",
    "werden": "werde wirst wird werden werdet werden",
    "wurde": "wurde wurdest wurde wurden wurdet wurden",
    "haben": "habe hast hat haben habt haben",
    "hatte": "hatte hattest hatte hatten hattet hatten",
    "sein": "bin bist ist sind seid sind",
    "war": "war warst war waren wart waren",
    "mögen": "mag magst mag mögen mögt mögen",
    "wissen": "weiß weißt weiß wissen wisst wissen",
}
"""Verbs whose finite forms follow no rule, in the order ich, du, er, wir, ihr, sie."""

MODALS = {
    "can": ("können",),
    "must": ("müssen",),
    "have to": ("müssen",),
    "want to": ("wollen", "möchte"),
    "should": ("sollte",),
    "would like to": ("möchte", "würde gern"),
    "may": ("dürfen",),
    "could": ("könnte", "können"),
    "was able to": ("konnte",),
    "had to": ("musste",),
    "wanted to": ("wollte",),
}
PERSON_ORDER = ("ich", "du", "er", "wir", "ihr", "sie")


# --- nouns ------------------------------------------------------------------------------


def _cell(table: dict[str, str], gender: str, case: str) -> str:
    ending = table[gender].split()[CASES.index(case)]
    return "" if ending == "-" else ending


@cache
def determiner(word: str, gender: str, case: str) -> str:
    """Return a German determiner (`der`, `ein`, `mein`, `dies`, `euer`, ...) with its ending."""
    if word == "der":
        return _cell(DEFINITE, gender, case)
    if word in DER_WORDS.values():
        return word + _cell(DER_ENDINGS, gender, case)
    ending = _cell(EIN_ENDINGS, gender, case)
    return ("eur" if word == "euer" and ending else word) + ending


@cache
def adjective(word: str, gender: str, case: str, before: str) -> str:
    """Return an attributive adjective after `before`: a der-word, an ein-word, or nothing (strong)."""
    stem = word
    if word == "hoch":
        stem = "hoh"
    elif word.endswith(("uer", "bel", "kel", "xibel")):  # teuer -> teure, dunkel -> dunkle
        stem = word[:-2] + word[-1]
    elif word.endswith("e"):
        stem = word[:-1]
    if before == "" or before not in ("der", *DER_WORDS.values(), *EIN_WORDS.values(), *YOUR.values()):
        table = STRONG_ENDINGS
    elif before == "der" or before in DER_WORDS.values():
        table = WEAK_ENDINGS
    else:
        table = MIXED_ENDINGS
    return stem + _cell(table, gender, case)


@cache
def noun_form(noun: GermanNoun, plural: bool, case: str) -> str:
    """Return the noun in its case: dative plural -n, weak masculines -(e)n, genitive -(e)s."""
    if plural or noun.gender == "p":
        needs_n = case == "d" and not noun.plural.endswith(("n", "s"))
        return noun.plural + ("n" if needs_n else "")
    if noun.weak and case != "n":
        return (
            "Herrn"
            if noun.singular == "Herr"
            else noun.singular + ("n" if noun.singular[-1] in "er" else "en")
        )
    if case == "g" and noun.gender in "mn":
        return noun.singular + ("es" if noun.singular in GENITIVE_ES or noun.singular[-1] in "sßxz" else "s")
    return noun.singular


def _gender(np: NP, word: GermanNoun) -> str:
    return "p" if word.gender == "p" or _is_plural(np, word) else word.gender


def _is_plural(np: NP, word: GermanNoun) -> bool:
    """Number in German: trousers are one Hose, the furniture is die Möbel."""
    if word.gender == "p" or not word.singular:
        return True
    return np.plural and bool(word.plural)


def _determiner_words(np: NP, voice: Voice, gender: str) -> str:
    """The uninflected German determiner of a noun phrase; `` for none."""
    if np.det == "the":
        return "der"
    if np.det == "your":
        return YOUR[voice.address]
    if np.det in DER_WORDS:
        return DER_WORDS[np.det]
    if np.det in EIN_WORDS:
        return "" if np.det == "a" and gender == "p" else EIN_WORDS[np.det]
    return ""


def _noun_phrase(np: NP, case: str, voice: Voice, *, contracted: bool = False) -> str:
    word = voice.noun(np.noun)
    gender = _gender(np, word)
    words = []
    det = _determiner_words(np, voice, gender)
    owner_first = isinstance(np.owner, Name)
    if owner_first:
        assert isinstance(np.owner, Name)
        words.append(np.owner.name + "s")
        det = ""
    elif np.owner is not None:
        det = "der"
    if det and not contracted:
        words.append(determiner(det, gender, case))
    if np.det in NUMBERS:
        words.append(voice.pick(NUMBERS[np.det]))
    elif np.det == "some":
        words.append(voice.pick(("ein paar", "einige")) if gender == "p" else voice.pick(("", "etwas")))
        if words[-1] == "einige":
            words[-1] = "einigen" if case == "d" else "einige"
    if np.adjective is not None:
        words.append(adjective(voice.pick(np.adjective.de), gender, case, det))
    words.append(noun_form(word, gender == "p", case))
    if np.owner is not None and not owner_first:
        words.append(
            nominal(np.owner, "g", voice) if voice.chance(0.6) else "von " + nominal(np.owner, "d", voice)
        )
    return " ".join(word for word in words if word)


def nominal(phrase: Nominal, case: str, voice: Voice) -> str:
    """Return a pronoun, name or noun phrase in the given case."""
    if isinstance(phrase, Pronoun):
        if phrase.noun is not None:
            table = IT[_gender(NP(phrase.noun, "the", plural=phrase.en == "they"), voice.noun(phrase.noun))]
        else:
            table = YOU[voice.address] if phrase.en == "you" else PRONOUNS[phrase.en]
        return table.split()[CASES.index(case)]
    if isinstance(phrase, Name):
        title = {"": "", "Mr": "Herr " if case == "n" else "Herrn ", "Mrs": "Frau "}[phrase.title]
        return title + phrase.name
    if isinstance(phrase, Both):
        return f"{nominal(phrase.first, case, voice)} und {nominal(phrase.second, case, voice)}"
    return _noun_phrase(phrase, case, voice)


def person(phrase: Nominal, voice: Voice) -> str:
    """Return the person that the finite verb agrees with."""
    if isinstance(phrase, Pronoun):
        if phrase.en == "you":
            return {"du": "du", "ihr": "ihr", "Sie": "sie"}[voice.address]
        if phrase.noun is not None:
            return "sie" if nominal(phrase, "d", voice) == "ihnen" else "er"
        return PERSONS[phrase.en]
    if isinstance(phrase, Name):
        return "er"
    if isinstance(phrase, Both):
        return "wir" if isinstance(phrase.second, Pronoun) and phrase.second.en == "I" else "sie"
    return "sie" if _gender(phrase, voice.noun(phrase.noun)) == "p" else "er"


def prepositional(preposition: str, case: str, phrase: Nominal, voice: Voice) -> str:
    """Return preposition and nominal, contracted (in dem -> im) where German asks for it."""
    if isinstance(phrase, NP) and phrase.det == "the" and phrase.owner is None:
        article = determiner("der", _gender(phrase, voice.noun(phrase.noun)), case)
        short = CONTRACTIONS.get(f"{preposition} {article}")
        if short:
            return f"{short} {_noun_phrase(phrase, case, voice, contracted=True)}"
    return f"{preposition} {nominal(phrase, case, voice)}"


def phrase(part: Phrase, voice: Voice) -> str:
    """Return an adverbial or predicate."""
    if isinstance(part, Fixed):
        return voice.pick(part.de)
    if isinstance(part, Quality):
        word = voice.pick(part.adjective.de)
        return word if part.degree is None else f"{voice.pick(part.degree.de)} {word}"
    preposition, case = voice.pick(part.de).split("+")
    return prepositional(preposition, case, part.noun, voice)


def relative(np: NP, case: str, voice: Voice) -> str:
    """Return the relative pronoun for a noun phrase."""
    return RELATIVE[_gender(np, voice.noun(np.noun))].split()[CASES.index(case)]


# --- verbs ------------------------------------------------------------------------------


def _stem(infinitive: str) -> str:
    return infinitive[:-2] if infinitive.endswith("en") else infinitive[:-1]


def _needs_e(stem: str) -> bool:
    """arbeit-et, öffn-et, but lern-t, wohn-t."""
    return stem[-1] in "dt" or (stem[-1] in "mn" and stem[-2] not in "aeiouäöülrhmn")


@cache
def present(infinitive: str, who: str) -> str:
    """Return the present tense of a verb without its separable prefix."""
    if infinitive in MODAL_PRESENT:
        return MODAL_PRESENT[infinitive].split()[PERSON_ORDER.index(who)]
    if infinitive in GERMAN_VERBS and who in ("du", "er"):
        return GERMAN_VERBS[infinitive].split()[who == "er"]
    stem = _stem(infinitive)
    if who in ("wir", "sie"):
        return infinitive
    if who == "ich":
        return stem[:-2] + "le" if stem.endswith("el") else stem + "e"
    e = "e" if _needs_e(stem) else ""
    if who == "du":
        return stem + ("t" if stem[-1] in "sßzx" else e + "st")
    return stem + e + "t"


@cache
def past(infinitive: str, who: str) -> str:
    """Return the Präteritum; du and ihr exist only for haben, sein and the modals, as in speech."""
    if infinitive in ("haben", "sein"):
        return present({"haben": "hatte", "sein": "war"}[infinitive], who)
    if who in ("du", "ihr"):
        raise ValueError(f"no Präteritum of {infinitive} for {who}")
    if infinitive in GERMAN_VERBS:
        form = GERMAN_VERBS[infinitive].split()[2]
        plural = "n" if form.endswith("e") else "en"
    else:
        stem = _stem(infinitive)
        form, plural = stem + ("ete" if _needs_e(stem) else "te"), "n"
    return form + (plural if who in ("wir", "sie") else "")


@cache
def participle(verb: GermanVerb) -> str:
    """Return the past participle with its separable prefix: angerufen, vorbereitet, telefoniert."""
    infinitive = verb.infinitive
    if infinitive in GERMAN_VERBS:
        return verb.prefix + GERMAN_VERBS[infinitive].split()[3]
    stem = _stem(infinitive)
    ge = "" if infinitive.endswith("ieren") or infinitive.startswith(INSEPARABLE) else "ge"
    return verb.prefix + ge + stem + ("et" if _needs_e(stem) else "t")


def zu_infinitive(verb: GermanVerb) -> str:
    """Return the infinitive with zu: anzurufen, zu kaufen."""
    return f"{verb.prefix}zu{verb.infinitive}" if verb.prefix else f"zu {verb.infinitive}"


@cache
def imperative(infinitive: str, address: str) -> str:
    """Return the imperative without its prefix: gib, warte, gebt, geben Sie."""
    if address == "Sie":
        return ("seien" if infinitive == "sein" else infinitive) + " Sie"
    if address == "ihr":
        return present(infinitive, "ihr")
    stem = _stem(infinitive)
    if infinitive in GERMAN_VERBS:
        er = GERMAN_VERBS[infinitive].split()[1]
        if "e" in stem and "i" in er and er[:-1] != stem:  # geben -> gib, but fahren -> fahr
            return {"iss": "iss", "vergiss": "vergiss"}.get(er[:-1], er[:-1])
    if stem.endswith("el"):
        return stem[:-2] + "le"
    return stem + ("e" if _needs_e(stem) or stem.endswith(("er", "ig")) else "")


# --- clauses ----------------------------------------------------------------------------


def _is_bare_pronoun(part: Nominal) -> bool:
    return isinstance(part, Pronoun)


def _is_indefinite(part: Nominal) -> bool:
    return isinstance(part, NP) and part.owner is None and part.det in ("a", "", "some", "no", *NUMBERS)


def _negatable(part: Nominal) -> bool:
    """kein negates a noun phrase that has ein or no article."""
    return isinstance(part, NP) and part.owner is None and part.det in ("a", "", "some")


def _verb_group(
    c: Clause, verb: GermanVerb, who: str, voice: Voice, *, question: bool
) -> tuple[str, str, bool]:
    """Return the finite verb, what stands at the end, and whether the separable prefix stands there too."""
    infinitive = verb.prefix + verb.infinitive
    form = c.form
    if form.startswith("passive-"):
        form, done = form.removeprefix("passive-"), participle(verb)
        if form in MODALS:
            modal = "dürfen" if form == "must" and c.negated else voice.pick(MODALS[form])
            return present(modal, who), f"{done} werden", False
        if form == "perfect":
            return present("sein", who), f"{done} worden", False
        return present("wurde" if form == "past" else "werden", who), done, False
    if form == "must" and c.negated:  # mustn't is not a lack of need
        return present("dürfen", who), infinitive, False
    if form in MODALS:
        modal = voice.pick(MODALS[form])
        if modal == "würde gern":
            return present("würde", who), infinitive, False
        return present(modal, who), infinitive, False
    if form == "will" and voice.chance(0.5):
        return present("werden", who), infinitive, False
    if form in ("past", "perfect"):
        simple = verb.infinitive in ("sein", "haben")
        if form == "past" and (
            simple
            or (
                who not in ("du", "ihr")
                and not question
                and c.subject != Pronoun("you")
                and voice.chance(0.4)
            )
        ):
            return past(verb.infinitive, who), verb.prefix, True
        return present(verb.auxiliary, who), participle(verb), False
    return present(verb.infinitive, who), verb.prefix, True


def _argument(slot: Slot, part: Nominal, voice: Voice) -> str:
    if isinstance(part, NP) and part.det == "that":
        return f"{slot.preposition} {relative(part, slot.case, voice)}".strip()
    if slot.preposition:
        return prepositional(slot.preposition, slot.case, part, voice)
    return nominal(part, slot.case, voice)


def clause(c: Clause, voice: Voice, order: str = "main", *, opening: str = "") -> str:
    """Say a clause in German.

    Args:
        c: the meaning.
        voice: the choices of this translation.
        order: `main` (verb second), `question` (verb first, or second after a question word in `opening`),
            `last` (subordinate, after the conjunction), `zu` (infinitive with zu, no subject), `infinitive`
            (bare infinitive, no subject), `after` (verb first because something else, in `opening` or a
            clause before it, holds the first place) or `imperative`.
        opening: what stands first, in a question or after an outside element.
    """
    options = c.verb.de
    if c.form.startswith("passive-"):
        options = tuple(verb for verb in options if _passive_ok(verb))
    verb = voice.pick(options)
    who = person(c.subject, voice)
    polite_gern = False
    if order in ("zu", "infinitive", "imperative"):
        finite, end, split = "", "", False
    else:
        finite, end, split = _verb_group(c, verb, who, voice, question=order == "question")
        polite_gern = finite.startswith("würd") and c.form == "would like to"

    slots: list[tuple[float, str, str]] = []  # rank, role, words
    if order not in ("zu", "infinitive", "imperative"):
        slots.append((0, "subject", nominal(c.subject, "n", voice)))
    if verb.reflexive and not c.form.startswith("passive-"):
        pair = REFLEXIVE.get(who, "sich sich").split()
        slots.append((1.5, "reflexive", pair[verb.reflexive == "d"]))
    negated, has_object = c.negated, False
    parts = {"O": c.object, "R": c.recipient}
    for slot in verb.slots:
        part = parts[slot.name]
        if part is None:
            continue
        rank: float
        if isinstance(part, NP) and part.det in ("which", "that"):
            slots.append((-1, "pointer", _argument(slot, part, voice)))
            has_object = True
            continue
        if slot.preposition:
            rank = 11.7 if slot.name == "O" else 8.9
        elif _is_bare_pronoun(part):
            rank = {"a": 1, "d": 2}[slot.case]
        elif slot.case == "d":
            rank = 3
        elif _is_indefinite(part):
            has_object = True
            rank = 9
            if negated and _negatable(part):
                assert isinstance(part, NP)
                part, negated = NP(part.noun, "no", part.adjective, part.plural), False
        else:
            has_object = True
            rank = 5
        slots.append((rank, "argument", _argument(slot, part, voice)))
    if c.time is not None:
        definite_first = any(rank == 5 for rank, _, _ in slots) and voice.chance(0.3)
        slots.append((5.5 if definite_first else 4, "time", phrase(c.time, voice)))
    if c.remark is not None:
        slots.append((3.5 if order == "imperative" else 6.5, "remark", voice.pick(c.remark.de)))
    if c.adverb is not None:
        slots.append((7, "adverb", voice.pick(c.adverb.de)))
    elif c.form == "progressive" and c.time is None and not c.negated and voice.chance(0.5):
        slots.append((4.5, "adverb", "gerade"))
    if polite_gern:
        slots.append((7.5 if not negated else 9.2, "adverb", voice.pick(("gern", "gerne"))))
    if negated:
        slots.append((8, "not", "nicht"))
    if c.companion is not None:
        slots.append((10, "companion", phrase(c.companion, voice)))
    if c.place is not None:
        wide = c.negated and has_object
        slots.append((6 if wide else 11.5, "place", phrase(c.place, voice)))
    if c.direction is not None:
        slots.append((12, "direction", phrase(c.direction, voice)))
    if verb.literal:
        literal = KEIN_LITERALS.get(verb.literal, "") if negated else ""
        if literal:
            slots = [slot for slot in slots if slot[1] != "not"]
        # mit dem Rad, zu Fuß stand before the goal; Rad, Fußball beside the verb.
        slots.append(
            (10 if verb.literal.startswith(("mit ", "zu Fuß")) else 13, "literal", literal or verb.literal)
        )
    return _arrange(c, verb, voice, order, opening, (finite, end, split), slots)


def _passive_ok(verb: GermanVerb) -> bool:
    return not verb.reflexive and any(
        s.name == "O" and s.case == "a" and not s.preposition for s in verb.slots
    )


def _arrange(
    c: Clause,
    verb: GermanVerb,
    voice: Voice,
    order: str,
    opening: str,
    group: tuple[str, str, bool],
    slots: list[tuple[float, str, str]],
) -> str:
    """Put the filled slots into the order of the clause."""
    finite, end, split = group
    first = opening
    if order == "main":
        role = _first_role(c, voice)
        if role == "time" and any(slot[1:] == ("time", "gerade") for slot in slots):
            role = "subject"
        first = next(words for _, name, words in slots if name == role)
        slots = [slot for slot in slots if slot[1] != role]
    elif order == "question" and not opening:
        # `which jacket` opens its question, with its preposition if it has one.
        first = " ".join(words for _, name, words in slots if name == "pointer")
        slots = [slot for slot in slots if slot[1] != "pointer"]
    middle = [words for _, _, words in sorted(slots, key=lambda slot: slot[0])]
    if order == "zu":
        words = [*middle, zu_infinitive(verb)]
    elif order == "infinitive":
        words = [*middle, verb.prefix + verb.infinitive]
    elif order == "imperative":
        words = [imperative(verb.infinitive, voice.address), *middle, verb.prefix]
    elif order == "last":
        # A separable verb that is itself finite is written together: weil er anruft.
        words = [*middle, end + finite] if split else [*middle, end, finite]
    else:
        words = [first, finite, *middle, end]
    return " ".join(word for word in words if word)


def _first_role(c: Clause, voice: Voice) -> str:
    """What a main clause begins with: mostly the subject, often the time, sometimes the place."""
    if c.subject == Pronoun("who"):
        return "subject"
    if c.remark is not None:
        return "remark" if voice.chance(0.6) else "subject"
    if c.time is not None and voice.chance(0.6 if c.time_first else 0.35):
        return "time"
    if c.place is not None and not c.negated and c.object is not None and voice.chance(0.1):
        return "place"
    return "subject"
