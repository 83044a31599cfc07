"""German noun phrases in their case: pronouns, names, nouns with determiner and adjective, prepositions."""

from __future__ import annotations

from onepass.phrasebook.german.declension import adjective, determiner, noun_form
from onepass.phrasebook.german.words import german_words, pronoun
from onepass.phrasebook.meaning import NP, Both, Fixed, GermanNoun, Name, Nominal, Phrase, Pronoun, Quality
from onepass.phrasebook.phrases import numeral
from onepass.phrasebook.voice import Voice


def nominal(phrase: Nominal, case: str, voice: Voice) -> str:
    """Return a pronoun, name or noun phrase in the given case."""
    if isinstance(phrase, Pronoun):
        if phrase.noun is not None:
            plural = phrase.en == "they"
            return pronoun(
                "it", _gender(NP(phrase.noun, "the", plural=plural), voice.noun(phrase.noun)), case
            )
        return (
            pronoun("you", voice.address, case)
            if phrase.en == "you"
            else pronoun("personal", phrase.en, case)
        )
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
        return german_words("person")[phrase.en]
    if isinstance(phrase, Name):
        return "er"
    if isinstance(phrase, Both):
        return "wir" if isinstance(phrase.second, Pronoun) and phrase.second.en == "I" else "sie"
    return "sie" if _gender(phrase, voice.noun(phrase.noun)) == "p" else "er"


def prepositional(preposition: str, case: str, phrase: Nominal, voice: Voice) -> str:
    """Return preposition and nominal, contracted (in dem -> im) where German asks for it."""
    if isinstance(phrase, NP) and phrase.det == "the" and phrase.owner is None:
        article = determiner("der", _gender(phrase, voice.noun(phrase.noun)), case)
        short = german_words("contraction").get(f"{preposition} {article}")
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
    return pronoun("relative", _gender(np, voice.noun(np.noun)), case)


def is_indefinite(part: Nominal) -> bool:
    """Return whether a noun phrase has neither a definite determiner nor an owner."""
    if not isinstance(part, NP) or part.owner is not None:
        return False
    return part.det in ("a", "", "some", "no") or numeral(part.det) is not None


def takes_kein(part: Nominal) -> bool:
    """Return whether kein negates it: a noun phrase that has ein or no article."""
    return isinstance(part, NP) and part.owner is None and part.det in ("a", "", "some")


def _gender(np: NP, word: GermanNoun) -> str:
    return "p" if word.gender == "p" or _is_plural(np, word) else word.gender


def _is_plural(np: NP, word: GermanNoun) -> bool:
    """Number in German: trousers are one Hose, the furniture is die Möbel."""
    if word.gender == "p" or not word.singular:
        return True
    return np.plural and bool(word.plural)


def _determiner(np: NP, voice: Voice, gender: str) -> str:
    """The uninflected German determiner of a noun phrase; `` for none."""
    if isinstance(np.owner, Name):
        return ""
    if np.owner is not None or np.det == "the":
        return "der"
    if np.det == "your":
        return german_words("your")[voice.address]
    if np.det == "a" and gender == "p":
        return ""
    return german_words("der").get(np.det) or german_words("ein").get(np.det, "")


def _quantity(np: NP, case: str, voice: Voice, gender: str) -> str:
    """The German number word of a noun phrase, or how it says `some`."""
    number = numeral(np.det)
    if number is not None:
        return number
    if np.det != "some":
        return ""
    if gender != "p":
        return voice.pick(("", "etwas"))
    some = voice.pick(("ein paar", "einige"))
    return "einigen" if some == "einige" and case == "d" else some


def _noun_phrase(np: NP, case: str, voice: Voice, *, contracted: bool = False) -> str:
    word = voice.noun(np.noun)
    gender = _gender(np, word)
    words = [np.owner.name + "s"] if isinstance(np.owner, Name) else []
    det = _determiner(np, voice, gender)
    if det and not contracted:
        words.append(determiner(det, gender, case))
    words.append(_quantity(np, case, voice, gender))
    if np.adjective is not None:
        words.append(adjective(voice.pick(np.adjective.de), gender, case, det))
    words.append(noun_form(word, gender == "p", case))
    if np.owner is not None and not isinstance(np.owner, Name):
        genitive = voice.chance(0.6)
        words.append(nominal(np.owner, "g", voice) if genitive else "von " + nominal(np.owner, "d", voice))
    return " ".join(word for word in words if word)
