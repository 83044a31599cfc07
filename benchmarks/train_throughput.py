"""Training speed: target tokens a second of Onepass over JoeyNMT 2.3.0, the teacher's model.

    python benchmarks/train_throughput.py [--joeynmt PYTHON] [--updates N] [--rounds N] [--json PATH]

Both train the same Transformer (4 + 4 layers of 256, feed-forward 1,024, 4 heads, dropout 0.1, joint
vocabulary of 6,000 subwords) on Multi30k in batches of about 4,000 tokens with Adam on all cores, each in
a process of its own, taking turns (A B A B). The first updates are off the clock. `--joeynmt` names the
Python of a virtual environment made with

    python3 -m venv .venv-joeynmt
    .venv-joeynmt/bin/pip install torch==2.13.0 joeynmt==2.3.0 importlib_metadata sentencepiece==0.2.0
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measurement import CORPORA, ROOT, is_missing, write_result
from onepass.settings import TokenizerSettings, TrainingSettings, TransformerSettings
from onepass.text.batches import IdPairs, RaggedWriter
from onepass.text.tokenizer import Tokenizer

CORPUS = CORPORA / "multi30k.en-de"
WARMUP = 10
LOG_EVERY = 5

JOEYNMT = """
name: "throughput"
joeynmt_version: "2.3.0"
model_dir: "{folder}/model"
use_cuda: False
fp16: False
data:
    train: "{folder}/train"
    dev: "{folder}/dev"
    dataset_type: "plain"
    src: {{lang: "en", max_length: 120, level: "word", voc_file: "{folder}/vocabulary.txt"}}
    trg: {{lang: "de", max_length: 120, level: "word", voc_file: "{folder}/vocabulary.txt"}}
testing: {{beam_size: 1}}
training:
    random_seed: 1
    optimizer: "adam"
    adam_betas: [0.9, 0.98]
    learning_rate: 0.001
    scheduling: "warmupinversesquareroot"
    learning_rate_warmup: 1000
    batch_size: 4000
    batch_type: "token"
    normalization: "tokens"
    label_smoothing: 0.1
    loss: "crossentropy"
    epochs: 100
    updates: {updates}
    validation_freq: 1000000
    logging_freq: {log_every}
    overwrite: True
model:
    tied_embeddings: True
    tied_softmax: True
    encoder:
        type: "transformer"
        num_layers: 4
        num_heads: 4
        embeddings: {{embedding_dim: 256, scale: True}}
        hidden_size: 256
        ff_size: 1024
        dropout: 0.1
        layer_norm: "pre"
    decoder:
        type: "transformer"
        num_layers: 4
        num_heads: 4
        embeddings: {{embedding_dim: 256, scale: True}}
        hidden_size: 256
        ff_size: 1024
        dropout: 0.1
        layer_norm: "pre"
"""


def write_inputs(folder: Path) -> None:
    """The corpus as subwords for JoeyNMT and as ids for us."""
    texts = {}
    for split in ("train", "dev"):
        for side, language in (("src", "en"), ("tgt", "de")):
            with open(CORPUS / f"{split}.{language}", encoding="utf-8", newline="\n") as file:
                texts[split, side] = [line.rstrip("\n") for line in file]
    settings = TokenizerSettings(vocab_size=6000)
    tokenizer = Tokenizer.train(texts["train", "src"], texts["train", "tgt"], settings, seed=1)
    tokenizer.save(folder)
    for (split, side), lines in texts.items():
        rows = tokenizer.encode_src_batch(lines)
        with RaggedWriter(folder / f"{split}.{side}") as ids:
            ids.write(rows)
        with open(folder / f"{split}.{'en' if side == 'src' else 'de'}", "w", encoding="utf-8") as pieces:
            pieces.writelines(" ".join(tokenizer.src_pieces(row)) + "\n" for row in rows)
    specials = ["<unk>", "<pad>", "<s>", "</s>"]
    vocabulary = specials + [piece for piece in tokenizer.src_vocabulary() if piece not in specials]
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")


def onepass_rate(folder: Path, updates: int) -> float:
    """Target tokens a second of our training loop."""
    from onepass.models.autoregressive import AutoregressiveTransformer
    from onepass.objectives.teacher import TeacherObjective
    from onepass.training.hooks import Hooks
    from onepass.training.loop import Training

    size = Tokenizer.load(folder).src_size
    sizes = TransformerSettings(width=256, ffn_width=1024, encoder_layers=4, decoder_layers=4, heads=4)
    settings = TrainingSettings(batch_tokens=4000, max_updates=updates, validate_every=updates)
    clock: list[tuple[float, int]] = []
    training: Training

    def tick(done: int, total: int, note: str) -> None:
        clock.append((time.perf_counter(), training.progress.tokens))

    with tempfile.TemporaryDirectory() as scratch:
        training = Training(
            AutoregressiveTransformer(sizes, size, size, joint=True),
            TeacherObjective(0.1),
            IdPairs.open(folder, "train"),
            IdPairs.open(folder, "dev"),
            settings,
            Path(scratch),
            seed=1,
            hooks=Hooks(progress=tick),
        )
        training.run()
    (start, before), (end, after) = clock[WARMUP - 1], clock[-1]
    return (after - before) / (end - start)


def joeynmt_rate(python: Path, folder: Path, updates: int) -> float:
    """Target tokens a second as JoeyNMT logs them, the mean behind the warm-up."""
    config = folder / "joeynmt.yaml"
    config.write_text(JOEYNMT.format(folder=folder, updates=updates, log_every=LOG_EVERY), encoding="utf-8")
    command = [str(python), "-m", "joeynmt", "train", str(config)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    rates = [float(rate) for rate in re.findall(r"Tokens per Sec:\s+([0-9.]+)", done.stdout)]
    behind_warmup = rates[WARMUP // LOG_EVERY :]
    if not behind_warmup:
        sys.exit(f"JoeyNMT did not train:\n{done.stdout[-2000:]}")
    return statistics.fmean(behind_warmup)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--joeynmt", type=Path, default=ROOT / ".venv-joeynmt" / "bin" / "python")
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here, too")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # one turn of ours, in a child
    arguments = parser.parse_args()
    if arguments.folder:
        print(onepass_rate(arguments.folder, arguments.updates))
        return
    if is_missing(CORPUS) or is_missing(arguments.joeynmt):
        return
    rates: dict[str, list[float]] = {"onepass": [], "joeynmt": []}
    environment = {**os.environ, "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        ours = [sys.executable, __file__, "--folder", name, "--updates", str(arguments.updates)]
        for _ in range(arguments.rounds):
            turn = subprocess.run(ours, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            rates["onepass"].append(float(turn.stdout.split()[-1]))
            rates["joeynmt"].append(joeynmt_rate(arguments.joeynmt.absolute(), folder, arguments.updates))
    medians = {system: statistics.median(values) for system, values in rates.items()}
    write_result(
        {
            "updates": arguments.updates,
            "target_tokens_per_second": {s: [round(rate) for rate in values] for s, values in rates.items()},
            "onepass_over_joeynmt": round(medians["onepass"] / medians["joeynmt"], 2),
        },
        arguments.json,
    )


if __name__ == "__main__":
    main()
