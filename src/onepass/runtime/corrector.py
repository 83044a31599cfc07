"""Corrections of a student's drafts by the teacher in its bundle, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onepass.runtime.sessions import Sessions
from onepass.runtime.text_translator import Hypotheses
from onepass.text.batches import padded
from onepass.text.placeholder_ids import PlaceholderIds
from onepass.text.tokenizer import PAD


class Corrector:
    """The graph in which the teacher corrects; may be called by several threads at once.

    Args:
        path: the graph, see `onepass.export.corrections`.
        beside: the files beside it that it refers to.
        most: corrections of each draft, at least 1.
        sessions: as of `Sessions`.
        placeholders: that the student has learnt.

    Raises:
        ModelError: the file is no graph that this ONNX Runtime can run.
    """

    def __init__(
        self,
        path: Path,
        *beside: Path,
        most: int,
        sessions: int = 1,
        placeholders: PlaceholderIds | None = None,
    ) -> None:
        self._sessions = Sessions(path, *beside, most=sessions)
        self._most, self._placeholders = np.array([most], dtype=np.int64), placeholders

    def __call__(self, rows: Sequence[Sequence[int]], drafts: Hypotheses) -> Hypotheses:
        """Drafts of source ids after their corrections, with the teacher's scores.

        Other translations that the drafts come with are left out where they are now the first one.
        """
        sources = drafts.sources or [[0] * len(ids) for ids in drafts.ids]
        feeds = {
            "src_ids": padded(rows),
            "drafts": padded(drafts.ids),
            "draft_sources": padded(sources),
            "corrections": self._most,
        }
        if self._placeholders is not None:
            feeds["spans"] = padded([self._placeholders.within(row) for row in rows])
        with self._sessions.one() as session:
            found, of, scores = session.run(["ids", "sources", "scores"], feeds)
        lengths = np.count_nonzero(found != PAD, axis=1).tolist()
        ids, origins = (
            [row[:length] for row, length in zip(every.tolist(), lengths, strict=True)]
            for every in (found, of)
        )
        others = drafts.others
        if others is not None:
            others = [
                [other for other in some if other.ids != best] for best, some in zip(ids, others, strict=True)
            ]
        return drafts._replace(
            ids=ids,
            scores=scores.tolist(),
            with_end=True,
            sources=None if drafts.sources is None else origins,
            others=others,
        )
