"""What the server of `tiny_run` imports before it forks: everything slow. Nothing runs here.

Some of it is imported by others when they first need it: torch's compiler, above all, by the first optimizer.
"""

import accelerate  # noqa: F401
import ctranslate2.specs  # noqa: F401
import onnx.numpy_helper  # noqa: F401
import sacrebleu  # noqa: F401
import torch
import torch._dynamo

import onepass.cli
import onepass.decoding.translator
import onepass.evaluation.figures
import onepass.export.ctranslate2
import onepass.phrasebook
import onepass.pipeline.evaluate
import onepass.pipeline.run
import onepass.training.loop  # noqa: F401

torch.set_num_threads(1)
