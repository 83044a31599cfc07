"""German verbs against paradigms written by hand."""

import pytest

from onepass.phrasebook import german
from onepass.phrasebook.german.conjugation import PERSONS
from onepass.phrasebook.verbs import verb

PRESENT = {
    # ich, du, er, wir, ihr, sie
    "arbeiten": "arbeite arbeitest arbeitet arbeiten arbeitet arbeiten",
    "reisen": "reise reist reist reisen reist reisen",
    "öffnen": "öffne öffnest öffnet öffnen öffnet öffnen",
    "lernen": "lerne lernst lernt lernen lernt lernen",
    "bügeln": "bügle bügelst bügelt bügeln bügelt bügeln",
    "liefern": "liefere lieferst liefert liefern liefert liefern",
    "tanzen": "tanze tanzt tanzt tanzen tanzt tanzen",
    "geben": "gebe gibst gibt geben gebt geben",
    "fahren": "fahre fährst fährt fahren fahrt fahren",
    "sein": "bin bist ist sind seid sind",
    "müssen": "muss musst muss müssen müsst müssen",
}


@pytest.mark.parametrize(("infinitive", "forms"), PRESENT.items())
def test_present_tense(infinitive: str, forms: str) -> None:
    assert " ".join(german.present(infinitive, who) for who in PERSONS) == forms


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("call O", "angerufen"),
        ("prepare O", "vorbereitet"),
        ("repair O", "repariert"),
        ("book O", "gebucht"),
        ("visit O", "besucht"),
        ("sign O", "unterschrieben"),
        ("answer O", "beantwortet"),
        ("fill in O", "ausgefüllt"),
        ("hang up O", "aufgehängt"),
        ("work", "gearbeitet"),
        ("get up early", "aufgestanden"),
        ("forget O", "vergessen"),
        ("chat with O", "geplaudert"),
    ],
)
def test_participles(frame: str, said: str) -> None:
    assert german.participle(verb(frame).de[0]) == said


@pytest.mark.parametrize(
    ("infinitive", "du", "ihr"),
    [
        ("geben", "gib", "gebt"),
        ("nehmen", "nimm", "nehmt"),
        ("essen", "iss", "esst"),
        ("lesen", "lies", "lest"),
        ("fahren", "fahr", "fahrt"),
        ("warten", "warte", "wartet"),
        ("öffnen", "öffne", "öffnet"),
        ("bügeln", "bügle", "bügelt"),
        ("kaufen", "kauf", "kauft"),
        ("entschuldigen", "entschuldige", "entschuldigt"),
        ("liefern", "liefere", "liefert"),
    ],
)
def test_imperatives(infinitive: str, du: str, ihr: str) -> None:
    assert german.imperative(infinitive, "du") == du
    assert german.imperative(infinitive, "ihr") == ihr
    assert german.imperative(infinitive, "Sie") == f"{infinitive} Sie"
