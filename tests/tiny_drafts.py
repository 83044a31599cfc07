"""Random drafts of random sources, for corrections."""

import random
from collections.abc import Sequence

from onepass.runtime.text_translator import Hypotheses
from onepass.text.placeholder_ids import PlaceholderIds

PLACEHOLDERS = PlaceholderIds(first=12, aliases=(4, 5, 6), twins=(4, 7, 6))


def drafts_of(rows: Sequence[Sequence[int]]) -> Hypotheses:
    """Each token from a random source token; some are empty."""
    chance = random.Random(1)
    ids = [[chance.randrange(4, 12) for _ in range(chance.randrange(10))] for _ in rows]
    sources = [[chance.randrange(len(row)) for _ in draft] for row, draft in zip(rows, ids, strict=True)]
    return Hypotheses(ids, [0.0] * len(ids), with_end=False, sources=sources)


def with_placeholders() -> tuple[list[list[int]], Hypotheses]:
    """Sources, and drafts that have the same placeholders, none to three."""
    chance = random.Random(7)
    rows, drafts = [], []
    for number in range(60):
        own = chance.sample(PLACEHOLDERS.ids, number % 4)
        row, draft = ([chance.randrange(8, 12) for _ in range(chance.randint(1, 7))] for _ in range(2))
        for side in (row, draft):
            for placeholder in own:
                side.insert(chance.randint(0, len(side)), placeholder)
        rows.append(row)
        drafts.append(draft)
    sources = [[0] * len(draft) for draft in drafts]
    return rows, Hypotheses(drafts, [0.0] * len(drafts), with_end=False, sources=sources)
