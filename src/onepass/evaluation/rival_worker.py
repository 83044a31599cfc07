"""A process with an engine of another project: JSON lists of sentences in, lists of translations out.

It is run by the interpreter that has the engine, which may be older than this package: nothing of the package
is imported, and nothing newer than Python 3.6 is used.
"""

import glob
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from typing import Any

Translate = Callable[[list[str]], list[str]]


def firefox(model: str, vocabularies: list[str], shortlist: str | None, **_: Any) -> Translate:
    """The engine of Firefox, a sentence at a time."""
    import fxtranslate

    def read(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    words = None if shortlist is None else read(shortlist)
    engine = fxtranslate.Translator(read(model), read(vocabularies[0]), read(vocabularies[-1]), words)
    return lambda lines: [engine.translate(line) for line in lines]


def bergamot(
    model: str,
    vocabularies: list[str],
    shortlist: str | None,
    threads: int,
    gemm_precision: str,
) -> Translate:
    """The engine of Bergamot; its package would ask a server, so its extension module is loaded alone."""
    found = [path for entry in sys.path for path in glob.glob(os.path.join(entry, "bergamot", "_bergamot*"))]
    spec = importlib.util.spec_from_file_location("_bergamot", found[0])
    assert spec is not None
    assert spec.loader is not None
    engine: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(engine)
    config: dict[str, Any] = {
        "models": [model],
        "vocabs": [vocabularies[0], vocabularies[-1]],
        "beam-size": 1,
        "normalize": 1.0,
        "word-penalty": 0,
        "mini-batch": 64,
        "maxi-batch": 1000,
        "maxi-batch-sort": "src",
        "workspace": 128,
        "max-length-factor": 2.5,
        "max-length-break": 256,
        "mini-batch-words": 1024,
        "ssplit-mode": "paragraph",
        "gemm-precision": gemm_precision,
        "skip-cost": True,
        "cpu-threads": 0,
        "quiet": True,
    }
    if shortlist is not None:
        config["shortlist"] = [shortlist, False]
    service = engine.Service(engine.ServiceConfig(numWorkers=threads, logLevel="off"))
    translator = service.modelFromConfig(json.dumps(config))  # JSON is YAML
    options = engine.ResponseOptions(qualityScores=False, alignment=False, HTML=False, sentenceMappings=False)

    def translate(lines: list[str]) -> list[str]:
        found = service.translate(translator, engine.VectorString(lines), options)
        return [response.target.text for response in found]

    return translate


ENGINES: dict[str, Callable[..., Translate]] = {"firefox": firefox, "bergamot": bergamot}


def main() -> None:
    """Answers each line of stdin; what a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines = iter(sys.stdin.buffer)
    settings = json.loads(next(lines).decode("utf-8"))
    translate = ENGINES[settings.pop("engine")](**settings)
    print("[]", file=answers, flush=True)
    for line in lines:
        print(json.dumps(translate(json.loads(line.decode("utf-8")))), file=answers, flush=True)


if __name__ == "__main__":
    main()
