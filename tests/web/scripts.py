"""The scripts of a page in node: a line of JSON in, a line of JSON out."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from onepass.bundle import Bundle
from onepass.files import write_json
from onepass.runtime.shipped import find_model
from onepass.web.build import _description, _model_files
from onepass.web.patterns import scripted_patterns

NODE = shutil.which("node")


def scripts(directory: Path) -> Path:
    """The scripts and the tokenizer of en-pt, without the graph and the runtime."""
    bundle = Bundle.open(find_model("en-pt"))
    for file in (files("onepass.web") / "static").iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "patterns.js").write_text(scripted_patterns(), encoding="utf-8")
    write_json(directory / "model.json", _description(bundle, dict(_model_files(bundle))))
    shutil.copy(bundle.directory / "joint.spm", directory)
    (directory / "ort.wasm.bundle.min.mjs").write_text("export const env = { wasm: {} };", encoding="utf-8")
    return directory


PREPARE = """
import fs from "node:fs";
import readline from "node:readline";
const { Tokenizer } = await import(`${DIR}/tokenizer.js`);
const { LineReader } = await import(`${DIR}/sentences.js`);
const { calmLine, calmText, capitalized, withCapitals } = await import(`${DIR}/capitals.js`);
const { Letters, withLackingCapitals } = await import(`${DIR}/letters.js`);
const { Engine } = await import(`${DIR}/engine.js`);
const { restored, timeWritten } = await import(`${DIR}/spans.js`);
const { localised } = await import(`${DIR}/numbers.js`);
const { placed } = await import(`${DIR}/placing.js`);
const { validOutput, withEndMarks } = await import(`${DIR}/validity.js`);
const { Translator } = await import(`${DIR}/translator.js`);
const said = JSON.parse(fs.readFileSync(`${DIR}/model.json`));
const { aliases } = said.placeholders;
const tokenizer = new Tokenizer(new Uint8Array(fs.readFileSync(`${DIR}/joint.spm`)), aliases.length);
const reader = new LineReader(tokenizer, said, said.abbreviations, aliases);
for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await DO(JSON.parse(line))));
}
"""


def in_node(directory: Path, function: str, values: Sequence[Any]) -> list[Any]:
    """What a function of JavaScript makes of each value."""
    assert NODE
    script = directory / "run.js"
    start = f"const DIR = {json.dumps(str(directory))};\nconst DO = {function};\n"
    script.write_text(start + PREPARE, encoding="utf-8")
    lines = "".join(json.dumps(value) + "\n" for value in values)
    done = subprocess.run([NODE, script], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]
