"""What a student may write: the words of its corpora, of its teacher, and of what it learnt before."""

from pathlib import Path

import numpy as np
import pytest

from onepass.alignment.lexicon import LINKS
from onepass.decoding.shortlist import SHORTLIST, Shortlist
from onepass.export.runtime_bundle import export_facts
from onepass.text.batches import RaggedWriter
from tiny_run import tokenizer, write_lines


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for side, rows in (("src", [[4, 5], [6]]), ("tgt", [[7, 4], [8]])):
        with RaggedWriter(tmp_path / f"train.{side}") as ids:
            ids.write(rows)
    return tmp_path


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Any source may use 12; source 4 yields 9 and source 6 yields 8."""
    offsets = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    Shortlist(np.array([12, 9, 8]), 1, offsets, np.array([9, 8]), True).save(tmp_path / SHORTLIST)
    return tmp_path


def yielded(facts, src: int) -> set[int]:
    return set(facts.lexicon.yields[src].tolist()) - {0}


def test_of_a_corpus_alone_its_words_may_be_written(corpus: Path, teacher: Path) -> None:
    assert export_facts([corpus], tokenizer(), None).vocabulary.tolist() == [4, 7, 8]
    plain = export_facts([corpus], tokenizer(), teacher)
    assert (plain.vocabulary.tolist(), plain.lexicon) == ([4, 7, 8], None)
    write_lines(corpus / LINKS, ["0-0 1-1", "0-0"])
    linked = export_facts([corpus], tokenizer(), teacher)
    assert linked.vocabulary.tolist() == [4, 7, 8]
    assert yielded(linked, 4) >= {7, 9}


def test_what_had_learnt_before_may_write_what_its_teacher_may(corpus: Path, teacher: Path) -> None:
    facts = export_facts([corpus], tokenizer(), teacher, trained_before=True)
    assert facts.vocabulary.tolist() == [4, 7, 8, 9, 12]
    assert facts.lexicon is None  # the teacher's shortlist alone lacks what a student writes
    write_lines(corpus / LINKS, ["0-0 1-1", "0-0"])
    assert yielded(export_facts([corpus], tokenizer(), teacher, trained_before=True), 4) >= {7, 9}


def test_without_a_shortlist_it_may_write_all_words(corpus: Path) -> None:
    for known in (None, corpus):  # a teacher that came with none
        assert export_facts([corpus], tokenizer(), known, trained_before=True).vocabulary is None
