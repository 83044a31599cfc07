"""Aligning two text files from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from onepass.alignment.aligner import align
from onepass.alignment.fertilities import MAX_FERTILITY, fertilities, write_pharaoh
from onepass.errors import DataError
from onepass.files import write_text
from onepass.text.lines import read_parallel
from onepass.text.tokenizer import Tokenizer


def align_files(
    src: Path,
    tgt: Path,
    to: Path,
    tokenizer: Path | None,
    *,
    progress: Callable[[int, int, str], None],
) -> None:
    """Writes `alignment.pharaoh` and `fertilities.txt` (a number a source token, a line a pair).

    Args:
        src, tgt: text files of the same number of lines.
        to: the directory to write into.
        tokenizer: a directory with a tokenizer whose subwords are aligned; None for the words that
            spaces separate.
        progress: done, total, a text.

    Raises:
        DataError: a file cannot be read, the line counts differ, or a target is too long for its source.
        ModelError: the tokenizer is unusable.
    """
    texts = read_parallel(src, tgt)
    if tokenizer is None:
        src_pieces, tgt_pieces = ([text.split() for text in side] for side in texts)
    else:
        subwords = Tokenizer.load(tokenizer)
        src_pieces = [subwords.src_pieces(ids) for ids in subwords.encode_src_batch(texts[0])]
        tgt_pieces = [subwords.tgt_pieces(ids) for ids in subwords.encode_tgt_batch(texts[1])]
    for number, (src_row, tgt_row) in enumerate(zip(src_pieces, tgt_pieces, strict=True), start=1):
        if len(tgt_row) > MAX_FERTILITY * len(src_row):
            raise DataError(
                f"{len(tgt_row)} target tokens are too many for {len(src_row)} source tokens",
                where=f"{tgt}, line {number}",
                value=texts[1][number - 1][:80],
                allowed=f"at most {MAX_FERTILITY} target tokens a source token",
                fix="remove the pair",
            )
    aligned = align(src_pieces, tgt_pieces, progress=lambda done, total: progress(done, total, "aligning"))
    to.mkdir(parents=True, exist_ok=True)
    counts = (
        fertilities(positions, len(pieces)).tolist()
        for positions, pieces in zip(aligned.src_positions, src_pieces, strict=True)
    )
    write_text(to / "fertilities.txt", "".join(" ".join(map(str, row)) + "\n" for row in counts))
    write_pharaoh(to / "alignment.pharaoh", aligned.pharaoh)
