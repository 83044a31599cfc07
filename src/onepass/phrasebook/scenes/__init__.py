"""The scenes: the sorts of sentence, and how often each is drawn."""

from onepass.phrasebook.scenes.complex_sentences import although, because, condition, purpose, relative
from onepass.phrasebook.scenes.locations import putting, there_is, whereabouts
from onepass.phrasebook.scenes.questions import when_where_why, which, who, yes_no
from onepass.phrasebook.scenes.requests import request
from onepass.phrasebook.scenes.set_phrases import set_phrase
from onepass.phrasebook.scenes.statements import (
    comparing,
    liking,
    mood,
    passive,
    quality,
    state,
    statement,
    trip,
)
from onepass.phrasebook.scenes.utterance import Scene, Utterance

__all__ = ["SCENES", "Scene", "Utterance"]

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
