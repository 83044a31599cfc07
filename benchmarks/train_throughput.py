"""Training speed: target tokens a second of Onepass, plain torch and JoeyNMT 2.3.0, the teacher's model.

    python benchmarks/train_throughput.py [--joeynmt PYTHON] [--updates N] [--rounds N] [--json PATH]

All train the same Transformer (4 + 4 layers of 256, feed-forward 1,024, 4 heads, dropout 0.1, joint
vocabulary of 6,000 subwords) on Multi30k in batches of about 4,000 tokens with Adam on all cores, each in
a process of its own, taking turns (A B C A B C). The first updates are off the clock. Plain torch is
`plain_torch.py`, on our batches. Ratios are at equal precision; JoeyNMT computes in float32 on a CPU, and is
left out where it is not installed. With `--cpu` the seconds are of the processor, which says more on a busy
machine; JoeyNMT, which has no such clock, is then left out, too. `--joeynmt` names the Python of a virtual
environment made with

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
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from measurement import CORPORA, ROOT, is_missing, write_result
from onepass.settings import TokenizerSettings, TrainingSettings, TransformerSettings
from onepass.text.batches import IdPairs, RaggedWriter, padded, plan_batches
from onepass.text.tokenizer import Tokenizer

CORPUS = CORPORA / "multi30k.en-de"
BATCH_TOKENS = 4000
Precision = Literal["fp32", "bf16"]
Clock = Callable[[], float]
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


def onepass_rate(folder: Path, updates: int, precision: Precision, clock: Clock) -> float:
    """Target tokens a second of our training loop."""
    from onepass.models.autoregressive import AutoregressiveTransformer
    from onepass.objectives.teacher import TeacherObjective
    from onepass.training.hooks import Hooks
    from onepass.training.loop import Training

    size = Tokenizer.load(folder).src_size
    sizes = TransformerSettings(width=256, ffn_width=1024, encoder_layers=4, decoder_layers=4, heads=4)
    settings = TrainingSettings(
        batch_tokens=BATCH_TOKENS, max_updates=updates, validate_every=updates, precision=precision
    )
    ticks: list[tuple[float, int]] = []
    training: Training

    def tick(done: int, total: int, note: str) -> None:
        ticks.append((clock(), training.progress.tokens))

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
    (start, before), (end, after) = ticks[WARMUP - 1], ticks[-1]
    return (after - before) / (end - start)


def plain_rate(folder: Path, updates: int, precision: Precision, clock: Clock) -> float:
    """Target tokens a second of plain torch, in the batches of our first epoch."""
    import torch

    from onepass.training.loop import keep_freed_memory
    from plain_torch import rate

    keep_freed_memory()  # what is known of the machine is no merit of a loop's
    pairs, begin, end = IdPairs.open(folder, "train"), [2], [3]
    rows = plan_batches(pairs, BATCH_TOKENS, seed=1)[:updates]
    batches = [
        (
            torch.from_numpy(padded([pairs.src[int(row)] for row in batch])),
            torch.from_numpy(padded([[*begin, *pairs.tgt[int(row)], *end] for row in batch])),
        )
        for batch in rows
    ]
    words = Tokenizer.load(folder).src_size
    return rate(batches, words, bf16=precision == "bf16", warmup=WARMUP, clock=clock)


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
    parser.add_argument("--precision", nargs="+", choices=get_args(Precision), default=get_args(Precision))
    parser.add_argument("--cpu", action="store_true", help="count the processor's seconds")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # one turn of ours, in a child
    parser.add_argument("--system", choices=RATES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        [precision] = arguments.precision
        clock = time.process_time if arguments.cpu else time.perf_counter
        print(RATES[arguments.system](arguments.folder, arguments.updates, precision, clock))
        return
    if is_missing(CORPUS):
        return
    rates: dict[str, list[float]] = {}
    environment = {**os.environ, "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        for _ in range(arguments.rounds):
            for precision in arguments.precision:
                for system in RATES:
                    turn = ["--folder", name, "--updates", str(arguments.updates), "--system", system]
                    command = [sys.executable, __file__, *turn, "--precision", precision]
                    command += ["--cpu"] if arguments.cpu else []
                    done = subprocess.run(
                        command, stdout=subprocess.PIPE, text=True, check=True, env=environment
                    )
                    rates.setdefault(f"{system} {precision}", []).append(float(done.stdout.split()[-1]))
            timed = "fp32" in arguments.precision and not arguments.cpu
            if timed and not is_missing(arguments.joeynmt):
                rate = joeynmt_rate(arguments.joeynmt.absolute(), folder, arguments.updates)
                rates.setdefault("joeynmt fp32", []).append(rate)
    medians = {system: statistics.median(values) for system, values in rates.items()}
    write_result(
        {
            "updates": arguments.updates,
            "seconds_of": "the processor" if arguments.cpu else "the clock",
            "threads": len(os.sched_getaffinity(0)),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "target_tokens_per_second": {s: [round(rate) for rate in values] for s, values in rates.items()},
            "onepass_over": {
                system: round(medians[f"onepass {system.split()[-1]}"] / median, 2)
                for system, median in medians.items()
                if not system.startswith("onepass")
            },
        },
        arguments.json,
    )


RATES = {"onepass": onepass_rate, "plain torch": plain_rate}

if __name__ == "__main__":
    main()
