"""What small models do with one sentence, as JSON: the drawings of how-it-works.md are made of it.

    python docs/look_inside.py RUN [--text TEXT] [--to docs/pictures/inside.json]

RUN is `recipes/firefox-phrasebook.toml` with a second student, a graph:

    onepass run recipes/firefox-phrasebook.toml --to RUN --until student-dag --set variants.dag.family=dag

The fertilities come from `onepass figures` (docs/results/phrasebook/fertilities.json), and the picture of one
pass from the shipped en-pt.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from onepass import Translator
from onepass.bundle import Bundle
from onepass.decoding.dag import likely_words
from onepass.decoding.one_pass import best_labels
from onepass.decoding.weights import load_model
from onepass.evaluation.machine import versions
from onepass.files import write_json
from onepass.models.ctc import CTCTransformer
from onepass.models.dag import DAGTransformer
from onepass.nn.output_layer import score_labels
from onepass.objectives.ctc import best_way, lattice_of, with_blank

HERE = Path(__file__).parent
TEXT = "My daughter doesn't like this sweater."
SIMPLE = "My sister bought a red car."
"""What the shipped model is asked, too."""
EDGES = 0.08
"""Share of the probability that an edge of a graph must have to be drawn."""


@torch.no_grad()
def slots_of(bundle: Bundle, text: str, target: str) -> dict[str, Any]:
    """What every slot of a CTC student writes, and what it would have to write for the teacher's text."""
    model, tokenizer = load_model(bundle), bundle.tokenizer()
    assert isinstance(model, CTCTransformer)
    src_ids, tgt_ids = (
        torch.tensor([tokenizer.encode_src(text)]),
        torch.tensor([tokenizer.encode_tgt(target)]),
    )
    decoded = model.decode(src_ids, model.encode(src_ids))
    labels, _ = best_labels(model, decoded)
    extended = with_blank(tgt_ids, model.blank)
    every = score_labels(
        decoded.states[0],
        model.output_weight(),
        extended.expand(labels.size(1), -1),
        (),
        bias=model.output_bias(),
    )
    way = best_way(lattice_of(every.log_probs[None], tgt_ids, decoded.mask))[0]
    told = [int(tgt_ids[0, label // 2]) if label % 2 else model.blank for label in way.tolist()]

    def spelt(label: int) -> str:
        return "" if label == model.blank else tokenizer.tgt_pieces([label])[0]

    return {
        "source": tokenizer.src_pieces(src_ids[0].tolist()),
        "written": [spelt(label) for label in labels[0].tolist()],
        "teacher": [spelt(label) for label in told],
    }


@torch.no_grad()
def graph_of(bundle: Bundle, text: str) -> dict[str, Any]:
    """Words and edges of a graph, and the slots that the translation goes through."""
    model, tokenizer = load_model(bundle), bundle.tokenizer()
    assert isinstance(model, DAGTransformer)
    src_ids = torch.tensor([tokenizer.encode_src(text)])
    decoded = model.decode(src_ids, model.encode(src_ids))
    labels, _ = best_labels(model, decoded)
    edges = model.edges(decoded)[0].exp()
    spelt = likely_words(model, src_ids)
    ids = spelt.ids[0, 0]
    return {
        "words": [tokenizer.tgt_pieces([label])[0] for label in labels[0].tolist()],
        "edges": [
            [i, j, round(float(edges[i, j]), 3)]
            for i in range(len(edges))
            for j in range(i + 1, len(edges))
            if float(edges[i, j]) >= EDGES
        ],
        "path": spelt.slots[0, 0][ids != 0].tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--to", type=Path, default=HERE / "pictures" / "inside.json")
    arguments = parser.parse_args()
    text = arguments.text
    taught, simply = Translator.load(arguments.run / "teacher").translate([text, SIMPLE])
    [one_pass] = Translator.load("en-pt").translate([SIMPLE])
    write_json(
        arguments.to,
        {
            "command": "python docs/look_inside.py runs/inside",
            "versions": versions(),
            "src": text,
            "teacher": taught.text,
            "simple": {"src": SIMPLE, "teacher": simply.text, "en-pt": one_pass.text},
            "ctc": slots_of(Bundle.open(arguments.run / "student"), text, taught.text),
            "dag": graph_of(Bundle.open(arguments.run / "student-dag"), text),
        },
    )


if __name__ == "__main__":
    main()
