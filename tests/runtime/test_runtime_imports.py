"""The runtime wing needs neither torch nor anything else of the training wing."""

import json
import subprocess
import sys
from pathlib import Path

TRAINING_WING = (
    "torch",
    "pydantic",
    "accelerate",
    "ctranslate2",
    "datasets",
    "matplotlib",
    "onnx",
    "sacrebleu",
    "safetensors",
    "thot",
)


def imported_after(code: str) -> set[str]:
    code += "\nimport json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_translating_imports_none_of_the_training_wing(bundles: Path) -> None:
    for family, candidates in (
        ("fertility", 1),
        ("fertility", 3),
        ("ctc", 1),
        ("dag", 1),
        ("ctc as read", 3),
    ):
        imported = imported_after(
            "from onepass import Translation, Translator\n"
            f"translator = Translator.load({str(bundles / family)!r} + '.exported',"
            f" num_candidates={candidates}, num_threads=1)\n"
            "[found] = translator.translate_stream(['Where is it?'])\n"
            "assert isinstance(found, Translation)"
        )
        assert "onnxruntime" in imported
        assert not imported.intersection(TRAINING_WING)


def test_the_command_line_translates_without_the_training_wing(bundles: Path) -> None:
    imported = imported_after(
        "import contextlib, io, sys, onepass.__main__\n"
        f"sys.argv = ['onepass', 'translate', '--model', {str(bundles / 'ctc.exported')!r}, 'Where is it?']\n"
        "with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.suppress(SystemExit):\n"
        "    onepass.__main__.main()"
    )
    assert "onnxruntime" in imported
    assert imported.intersection(TRAINING_WING) <= {"pydantic"}  # which Typer imports


def test_the_package_alone_imports_nothing_big() -> None:
    imported = imported_after("import onepass; onepass.__version__")
    assert not imported.intersection((*TRAINING_WING, "numpy", "onnxruntime", "sentencepiece", "typer"))
