"""Which pieces of a teacher's vocabulary it copies: a placeholder stands as one of them.

    python benchmarks/placeholder_pieces.py runs/firefox-en-pt/teacher [--json PATH]

Every candidate piece stands in the sentences of its class; counted is how often the teacher's greedy
translation has it exactly once. Sentences are English. Printed for each class: all pieces, the best first.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measurement import is_missing, write_result
from onepass.bundle import Bundle
from onepass.decoding.autoregressive import greedy
from onepass.decoding.weights import load_teacher
from onepass.models.stepwise import Stepwise
from onepass.objectives.objective import pad_ids
from onepass.text.placeholder_ids import ALIASES
from onepass.text.placeholders import CAPACITY, SLOTS, placeholder
from onepass.text.spans import SpanKind
from onepass.text.tokenizers import AnyTokenizer

SENTENCES = {
    SpanKind.ONE: """
        It takes @ day to get there.
        There is only @ apple left on the table.
        We have @ question for you.
        She bought @ new car and sold the old one.
        You need at least @ year of experience.
        @ person was injured in the accident.
        The team lost @ game this season.
        Add @ cup of sugar and stir.
        Chapter @ is about the history of the town.
        See figure @ for details.
        He stayed @ more week with his parents.
        The answer is @.""",
    SpanKind.NUMBER: """
        It takes @ days to get there.
        The price rose to @ last week.
        There were @ people in the room.
        The meeting starts at @ in the main hall.
        About @ of the students passed the test.
        He was born in @ and grew up in a small town.
        @ members of the club voted against it.
        The distance between the two cities is @, which is a lot.
        On @, the company announced its results.
        Her flight leaves on Monday (gate @).
        You can call us at @ for more information.
        They sold more than @ houses, according to the report.""",
    SpanKind.MARKUP: """
        Hello @, welcome back to our shop.
        You have @ new messages in your inbox.
        Could not open the file @ because it is missing.
        Click @ here to read the rest of the story.
        This is a very @ important point.
        The user @ has left the room.
        Please enter @ and press the button.
        @ The weather will be nice tomorrow.
        The value of @ must not be empty.
        My sister likes music @ and my brother likes sports.
        Dear @, thank you for your letter.
        We will send it to you tomorrow @.""",
    SpanKind.ADDRESS: """
        For more information, visit @ today.
        Please send an email to @ before Friday.
        The documentation is available at @.
        Download the file from @ and open it.
        You can find us at @, where we post every day.
        I read about it on @ yesterday.
        The page @ does not exist.
        Our website is @.
        Contact @ if you have any questions.
        Save the file as @ in your folder.
        Thank you @ for the wonderful photo.
        @ is the address of the office.""",
    SpanKind.CHARACTER: """
        I love this song @.
        Happy birthday @ my friend!
        The symbol @ stands for love.
        See you tomorrow @ and do not be late.
        We won the game @ last night.
        The word @ means water in that language.
        Good morning @, how are you?
        That is so funny @.""",
}
"""Where the piece stands is `@`."""


def candidates(vocabulary: Sequence[str], kind: SpanKind) -> Iterator[int]:
    """Ids of the pieces that are tried for a class: numbers, or signs and rare words in capitals."""
    expressions = {
        SpanKind.ONE: r"▁(1|01|1\.|1\)|One|\(1\)|um|uma|one|I)|1",
        SpanKind.NUMBER: r"▁(3[2-9]|[4-9][1-9]|1[0-9][1-9]|728|404|360|750)",
    }
    other = r"▁[^\w\s.,;:!?\"'(]{1,5}|▁[A-Z]{3,6}"
    pattern = re.compile(expressions.get(kind, other))
    for number, piece in enumerate(vocabulary):
        is_rare = number > len(vocabulary) * 0.6
        if pattern.fullmatch(piece) and (is_rare or kind in expressions or not piece[1:].isalpha()):
            yield number


def copied(teacher: Stepwise[Any], tokenizer: AnyTokenizer, kind: SpanKind) -> dict[str, float]:
    """The share of sentences in whose translation a piece is once, by piece, the best first."""
    sentences = [line.strip() for line in SENTENCES[kind].strip().splitlines()]
    vocabulary = tokenizer.src_vocabulary()
    tried = list(candidates(vocabulary, kind))
    counts = dict.fromkeys(tried, 0)
    for sentence in sentences:
        before, after = sentence.split("@")
        head = tokenizer.encode_src(before) if before else []
        # The mark keeps the rest from being read as the beginning of a text.
        tail = [i for i in tokenizer.encode_src(placeholder(0) + after) if i < len(vocabulary) - SLOTS]
        written = greedy(teacher, pad_ids([[*head, piece, *tail] for piece in tried])).ids
        for piece, ids in zip(tried, written, strict=True):
            counts[piece] += ids.count(piece) == 1
    order = sorted(tried, key=lambda piece: -counts[piece])
    return {vocabulary[piece]: counts[piece] / len(sentences) for piece in order}


def summary(found: dict[str, float], kind: SpanKind) -> dict[str, float]:
    """What is recorded of a class."""
    chosen = [found[piece] for piece in ALIASES[kind].split() if piece in found][: CAPACITY[kind]]
    return {
        "pieces tried": len(found),
        "always copied": sum(share == 1 for share in found.values()),
        "share copied of those chosen": round(sum(chosen) / len(chosen), 3),
    }


def main() -> None:
    """Counts for each class and piece."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if is_missing(arguments.teacher):
        return
    bundle = Bundle.open(arguments.teacher)
    teacher, classes = load_teacher(bundle, purpose="copy"), {}
    for kind in SENTENCES:
        found = copied(teacher, bundle.tokenizer(), kind)
        print(kind.value, " ".join(f"{piece} {share:.2f}" for piece, share in found.items()))
        classes[kind.value] = summary(found, kind)
    write_result({"teacher": bundle.provenance["teacher"]["name"], **classes}, arguments.json)


if __name__ == "__main__":
    main()
