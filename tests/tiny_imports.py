"""What the server of `tiny_run` imports before it forks: everything slow. Nothing runs here."""

import accelerate  # noqa: F401
import ctranslate2  # noqa: F401
import sacrebleu  # noqa: F401
import torch

import onepass.cli
import onepass.decoding.translator
import onepass.evaluation.figures
import onepass.export.ctranslate2
import onepass.phrasebook
import onepass.pipeline.evaluate
import onepass.pipeline.run
import onepass.training.loop  # noqa: F401

torch.set_num_threads(1)
