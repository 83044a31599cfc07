from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepass.alignment.aligner import Aligner, Alignments, align, fill_unaligned, train_aligner
from onepass.alignment.fast_align import Direction, Rows, apply_models, best_links, train_model
from onepass.alignment.fertilities import fertilities
from onepass.errors import DataError, ModelError, UsageError

pytest.importorskip("thot")

Corpus = tuple[list[list[str]], list[list[str]]]


def invented_language(pairs: int, *, seed: int) -> tuple[Corpus, list[list[int]]]:
    """Pairs of a language with known word translations, and their true fertilities.

    Of 40 words, w0 to w4 become nothing, w5 to w11 two words and the others one. Neighbours swap
    places in a third of the sentences, and a particle that translates nothing ends every fourth.
    """
    rng = random.Random(seed)
    src, tgt, truth = [], [], []
    for number in range(pairs):
        words = rng.sample(range(40), rng.randint(3, 9))
        if all(w < 5 for w in words):
            words.append(20)
        counts = [0 if w < 5 else 2 if w < 12 else 1 for w in words]
        phrases = [[f"W{w}{'ab'[k]}" for k in range(n)] for w, n in zip(words, counts, strict=True)]
        if number % 3 == 0:
            i = rng.randrange(len(words) - 1)
            phrases[i], phrases[i + 1] = phrases[i + 1], phrases[i]
        src.append([f"w{w}" for w in words])
        tgt.append([word for phrase in phrases for word in phrase])
        truth.append(counts)
    return (src, tgt), truth


def as_bytes(result: Alignments) -> bytes:
    return "\n".join(result.pharaoh).encode() + b"".join(p.tobytes() for p in result.src_positions)


def as_rows(sentences: list[list[str]]) -> Rows:
    numbers = {piece: i for i, piece in enumerate(sorted({p for s in sentences for p in s}))}
    return Rows.pack(array("i", (numbers[p] for s in sentences for p in s)), [len(s) for s in sentences])


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return invented_language(600, seed=3)[0]


@pytest.fixture(scope="module")
def aligned(corpus: Corpus) -> Alignments:
    return align(*corpus)


def assert_one_position_a_target_token(result: Alignments, src: Any, tgt: Any) -> None:
    assert len(result.pharaoh) == len(result.src_positions) == len(src)
    for s, t, positions, line in zip(src, tgt, result.src_positions, result.pharaoh, strict=True):
        assert positions.shape == (len(t),)
        assert all(0 <= p < len(s) for p in positions)
        links = [tuple(map(int, link.split("-"))) for link in line.split()]
        assert links == sorted(set(links))
        assert all(0 <= i < len(s) and 0 <= j < len(t) for i, j in links)
        for j, position in enumerate(positions):
            linked = [i for i, other in links if other == j]
            assert not linked or position in linked
        if len(t) <= 49 * len(s):
            assert fertilities(positions, len(s)).sum() == len(t)


def test_known_fertilities_of_an_invented_language_are_recovered(corpus: Corpus, aligned: Alignments) -> None:
    truth = invented_language(600, seed=3)[1]
    found = [fertilities(p, len(s)).tolist() for p, s in zip(aligned.src_positions, corpus[0], strict=True)]
    right = sum(
        f == g for f_row, g_row in zip(found, truth, strict=True) for f, g in zip(f_row, g_row, strict=True)
    )
    assert right / sum(map(len, truth)) > 0.95
    assert {0, 1, 2} <= {f for row in found for f in row}


def test_each_target_token_has_one_position_among_its_links(corpus: Corpus, aligned: Alignments) -> None:
    assert_one_position_a_target_token(aligned, *corpus)


def test_the_links_of_both_directions_are_joined(corpus: Corpus) -> None:
    from thot.alignment import SymmetrizationHeuristic, SymmetrizedAligner

    src, tgt = map(as_rows, corpus)
    forward, backward = train_model(src, tgt, 5), train_model(tgt, src, 5)
    both_ways = apply_models(Direction(forward), Direction(backward), src, tgt, lambda pairs: None)
    found = [row.tolist() for row in both_ways.symmetric]

    def links(aligner: Any) -> list[list[int]]:
        words = (([str(i) for i in s], [str(i) for i in t]) for s, t in zip(src, tgt, strict=True))
        matrices = (aligner.get_best_alignment(s, t)[1].to_numpy() for s, t in words)
        return [np.flatnonzero(matrix).tolist() for matrix in matrices]

    both = SymmetrizedAligner(forward, backward)
    both.heuristic = SymmetrizationHeuristic.GROW_DIAG_FINAL_AND
    assert found == links(both)
    assert found != links(forward)


def test_of_several_links_the_one_the_model_scores_best_is_taken(corpus: Corpus) -> None:
    src, tgt = map(as_rows, corpus)
    model = train_model(src, tgt, 3)
    rng = np.random.default_rng(5)
    for s, t in list(zip(src, tgt, strict=True))[:40]:
        linked = rng.random((len(s), len(t))) < 0.4
        words = [model.get_src_word_index(str(i)) for i in s], [model.get_trg_word_index(str(j)) for j in t]
        for j, position in enumerate(best_links(model, *words, linked)):
            scores = {
                i: model.translation_prob(words[0][i], words[1][j])
                * model.alignment_prob(j + 1, len(s), len(t), i + 1)
                for i in np.flatnonzero(linked[:, j]).tolist()
            }
            if scores:
                assert scores[position] == pytest.approx(max(scores.values()), rel=1e-9)
            else:
                assert position == -1


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_same_pairs_give_the_same_bytes(
    corpus: Corpus, aligned: Alignments, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert as_bytes(align(*corpus)) == as_bytes(aligned)


def test_what_the_pieces_are_called_changes_nothing(corpus: Corpus, aligned: Alignments) -> None:
    odd = [
        "NULL",
        "UNKNOWN_WORD",
        "<UNUSED_WORD>",
        "",
        " ",
        "a b",
        "▁",
        "▁a",
        "<0x0A>",
        "\n",
        "\t|||",
        "🙂",
        "0",
        "1",
    ]
    names: dict[str, str] = {}

    def rename(sentences: list[list[str]]) -> list[list[str]]:
        for piece in (p for s in sentences for p in s):
            names.setdefault(piece, odd[len(names)] if len(names) < len(odd) else f"\u200f{len(names)}")
        return [[names[p] for p in s] for s in sentences]

    assert as_bytes(align(*map(rename, corpus))) == as_bytes(aligned)


def test_ids_give_the_same_as_pieces(corpus: Corpus, aligned: Alignments) -> None:
    src, tgt = ([row.tolist() for row in as_rows(sentences)] for sentences in corpus)
    assert as_bytes(align(src, tgt)) == as_bytes(aligned)


@pytest.mark.parametrize(
    ("src", "tgt"),
    [
        ([["a"]], [["b"]]),
        ([["a", "b", "c"]], [["d", "e"]]),
        ([["a"]], [["b"] * 49]),
        ([["a"] * 300, ["b"]], [["c"], ["d"]]),
        ([["a", "b"]] * 20, [["a", "b"]] * 20),
        ([["a"], ["b", "c"]], [[], ["d"]]),
        ([[], ["b", "c"]], [[], ["d"]]),
        ([["a"]], [[]]),
        ([["a"] * 1500, ["b"]], [["c", "d"] * 700, ["e"]]),
    ],
    ids=[
        "one-token pair",
        "one pair",
        "far longer target",
        "far longer source",
        "identical sentences",
        "empty target",
        "empty pair",
        "only an empty target",
        "too long for FastAlign",
    ],
)
def test_odd_corpora_are_aligned(src: list[list[str]], tgt: list[list[str]]) -> None:
    assert_one_position_a_target_token(align(src, tgt), src, tgt)


def test_no_pairs_give_no_alignments() -> None:
    assert align([], []) == Alignments([], [])


def fill_by_plain_loop(positions: list[int], src_length: int) -> list[int]:
    filled = []
    for j, position in enumerate(positions):
        before = [p for p in positions[:j] if p >= 0]
        after = [p for p in positions[j + 1 :] if p >= 0]
        ends = sorted([before[-1] if before else 0, after[0] if after else src_length - 1])
        diagonal = int((j + 0.5) * src_length / len(positions))
        nearest = min(range(ends[0], ends[1] + 1), key=lambda p: abs(p - diagonal))
        filled.append(position if position >= 0 else nearest)
    return filled


@settings(deadline=None)
@given(
    st.integers(1, 9).flatmap(lambda s: st.tuples(st.lists(st.integers(-1, s - 1), max_size=9), st.just(s)))
)
def test_unaligned_tokens_stay_between_their_neighbours_near_the_diagonal(
    case: tuple[list[int], int],
) -> None:
    positions, src_length = case
    result = fill_unaligned(np.array(positions, dtype=np.int32), src_length)
    assert result.tolist() == fill_by_plain_loop(positions, src_length)


def test_a_sentence_without_links_is_aligned_along_the_diagonal() -> None:
    assert fill_unaligned(np.full(4, -1, dtype=np.int32), 4).tolist() == [0, 1, 2, 3]
    assert fill_unaligned(np.full(4, -1, dtype=np.int32), 2).tolist() == [0, 0, 1, 1]
    assert fill_unaligned(np.full(2, -1, dtype=np.int32), 6).tolist() == [1, 4]


def test_progress_rises_to_the_whole() -> None:
    reports: list[tuple[int, int]] = []
    align([["a", "b"]] * 7, [["c", "d"]] * 7, progress=lambda done, total: reports.append((done, total)))
    assert len({total for _, total in reports}) == 1
    assert [done for done, _ in reports] == sorted({done for done, _ in reports})
    assert reports[-1][0] == reports[-1][1]


def test_an_interruption_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Recorded(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with pytest.raises(KeyboardInterrupt):
        align([["a"]], [["b"]], progress=interrupt)
    assert [p.poll() is not None for p in started] == [True]


def test_what_a_sample_has_taught_is_applied_to_pairs_with_words_it_has_not(
    corpus: Corpus, tmp_path: Path
) -> None:
    src, tgt = map(as_rows, corpus)
    train_aligner(src, tgt, tmp_path / "model", iterations=5)
    aligner = Aligner(tmp_path / "model")
    assert as_bytes(aligner.align(src, tgt)) == as_bytes(align(*corpus))
    numbers = {row.tobytes(): number for number, row in enumerate(src)}
    alone = [number for number in range(40) if numbers[list(src)[number].tobytes()] == number]
    odd = Rows.pack(np.array([*list(src)[alone[5]], 999], dtype=np.int32), [len(list(src)[alone[5]]) + 1])
    own = Rows.pack(list(tgt)[alone[5]], [len(list(tgt)[alone[5]])])
    found = aligner.align(odd, own)
    assert_one_position_a_target_token(found, list(odd), list(own))
    # 999 has been linked with nothing, so the others have what they had.
    known = aligner.align(Rows.pack(list(src)[alone[5]], [len(list(src)[alone[5]])]), own)
    assert found.src_positions[0].tolist() == known.src_positions[0].tolist()


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends it on Linux alone")
def test_the_process_ends_with_the_one_that_started_it_and_leaves_no_file(tmp_path: Path) -> None:
    script = """
from onepass.alignment.aligner import align
words = [[str(n * k % 997) for k in range(1, 60)] for n in range(1, 1000)]
align(words, words, iterations=1000, progress=lambda done, total: print(done, flush=True))
"""
    (tmp_path / "files").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "files")}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline()
            [child] = psutil.Process(parent.pid).children()
        finally:
            parent.kill()
    assert not psutil.wait_procs([child], timeout=60)[1]
    assert not list((tmp_path / "files").iterdir())


def test_different_numbers_of_sentences_are_an_error() -> None:
    with pytest.raises(DataError, match="2 and 1"):
        align([["a"], ["b"]], [["c"]])


def test_an_empty_source_is_an_error_that_names_the_pair() -> None:
    with pytest.raises(DataError, match="pair 2"):
        align([["a"], []], [["c"], ["d"]])


def test_a_missing_aligner_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "thot" else find(name, *a)
    )
    with pytest.raises(UsageError, match="pip install"):
        align([["a"]], [["b"]])


def test_a_process_that_fails_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thot.py").write_text("raise ImportError('the wheel is broken')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match="FastAlign failed: ImportError: the wheel is broken"):
        align([["a"]], [["b"]])
