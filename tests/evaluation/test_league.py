"""Measuring: each row has its own translations, quality, lengths and times, each system its best setting.

The systems are functions of this module with known outputs, and the clock is a table.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from onepass.evaluation import league as module
from onepass.evaluation.latency import Latency
from onepass.evaluation.league import PROBE_SENTENCES, WARMUP, League, measure_league
from onepass.evaluation.quality import measure
from onepass.evaluation.results import Engine, Traits
from onepass.evaluation.systems import Competitor
from onepass.evaluation.timed_process import SystemSpec
from onepass.settings import EvaluateSettings

CORES = 3
SRC = [f"{'very ' * n}long source {n}" for n in range(8)]
REF = [
    "der Hund läuft heute schnell durch den Park",
    "die Katze schläft den ganzen Tag",
    "das Wetter ist heute schön",
    "er liest jeden Abend ein Buch",
    "wir gehen morgen mit unseren Freunden ins Kino",
    "sie trinkt eine Tasse Tee",
    "ich habe gestern einen Brief geschrieben",
    "das Kind spielt im Garten",
]
GOOD = [*REF[:6], "ich habe einen Brief geschrieben", "das Kind spielt im Garten"]
"""One word is missing."""
WORSE = [" ".join([*line.split()[:-1], "nicht", "nicht"]) for line in REF]
"""Another end, with a word that repeats the one before."""
NEAR = [*REF[:5], "sie trinkt einen Kaffee", *REF[6:]]
"""One line is another one: worse than the missing word, but not surely."""
OUTPUTS = {"good": GOOD, "near": NEAR, "worse": WORSE}


def system(
    outputs: str, *, threads: int, log: str = "", speed: str = ""
) -> Callable[[Sequence[str]], list[str]]:
    """Knows its translations by heart."""
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{outputs} {speed} {threads}\n")
    known = dict(zip(SRC, OUTPUTS[outputs], strict=True))
    return lambda lines: [known[line] for line in lines]


def competitor(name: str, outputs: str, *speeds: str, log: Path | None = None) -> Competitor:
    arguments = {"outputs": outputs} | ({} if log is None else {"log": str(log)})
    traits = Traits(
        role="student",
        family="ctc",
        distilled=True,
        finetuned=False,
        engine="torch",
        search="argmax",
        variant=outputs,
    )
    variants = tuple({"speed": speed} for speed in speeds) or ({},)
    factory = f"{__name__}:{system.__name__}"
    return Competitor(name, f"student-{outputs}", traits, factory, arguments, variants, single=False)


TOKENIZER: Any = SimpleNamespace(
    encode_src_batch=lambda lines: [[0] * (100 + len(line.split())) for line in lines],
    encode_tgt_batch=lambda lines: [[0] * len(line.split()) for line in lines],
)


def measured(directory: Path, competitors: Sequence[Competitor], **others: Any) -> dict[str, Any]:
    settings = {"latency_sentences": 0, "bootstrap_samples": 200} | others.pop("settings", {})
    league = League(
        competitors=competitors,
        src=SRC,
        ref=others.pop("ref", REF),
        tokenizer=TOKENIZER,
        settings=EvaluateSettings(**settings),
        seed=7,
        directory=directory,
        progress=lambda done, total, note: None,
        **others,
    )
    return dict(json.loads(json.dumps(measure_league(league))))


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("onepass.evaluation.league", "onepass.evaluation.systems"):
        monkeypatch.setattr(f"{place}.available_cores", lambda: CORES)


class Clock:
    """Stands for the processes: milliseconds of a sentence by speed, and what was asked of it."""

    def __init__(self, alone: dict[str, float], rate_in_batches: dict[str, float]) -> None:
        self.alone, self.rate_in_batches = alone, rate_in_batches
        self.asked: list[dict[str, Any]] = []

    def __call__(
        self,
        systems: Sequence[SystemSpec],
        sentences: Sequence[str],
        *,
        rounds: int,
        warmup: int,
        batch_sizes: Sequence[int] = (1,),
        on_turn: Callable[[str], None] = lambda name: None,
    ) -> dict[str, Latency]:
        conditions = {"rounds": rounds, "warmup": warmup, "batch_sizes": list(batch_sizes)}
        names = [spec.name for spec in systems]
        self.asked.append({"names": names, "sentences": list(sentences), **conditions})
        found = {}
        for spec in systems:
            speed = spec.arguments.get("speed", spec.arguments["outputs"])
            # Each sentence takes a little longer than the one before.
            seconds = tuple((self.alone[speed] + place / 10) / 1000 for place in range(len(sentences)))
            rates = {1: 1000 / self.alone[speed]} | {
                size: self.rate_in_batches[speed] * size for size in batch_sizes if size > 1
            }
            found[spec.name] = Latency(spec.name, seconds, rates, 1.0, spec.threads, f"on {speed}")
            for _ in range(rounds):
                on_turn(spec.name)
        return found


# --- quality -----------------------------------------------------------------


def shy(threads: int) -> Callable[[Sequence[str]], list[str]]:
    """Has other words among neighbours, as a shortlist has."""
    return lambda lines: [f"{line} of {len(lines)}" for line in lines]


@pytest.mark.parametrize(
    ("engine", "neighbours"), [("ONNX Runtime", 1), ("CTranslate2", 1), ("torch", len(SRC))]
)
def test_what_has_a_shortlist_translates_each_sentence_alone(
    tmp_path: Path, engine: Engine, neighbours: int
) -> None:
    row = competitor("shy", "good")
    row = replace(row, factory=f"{__name__}:{shy.__name__}", arguments={})
    row = replace(row, traits=row.traits.model_copy(update={"engine": engine}), variants=({},))
    found = measured(tmp_path, [row])
    assert found["translated"] == "each sentence alone"
    written = (tmp_path / "translations/shy.txt").read_text(encoding="utf-8").splitlines()
    assert written == [f"{line} of {neighbours}" for line in SRC]


def test_every_row_has_the_quality_of_its_own_translations(tmp_path: Path) -> None:
    baseline = competitor("base", "good")
    rows = [competitor("other", "worse"), baseline, competitor("third", "near")]
    results = measured(tmp_path, rows, baseline=baseline)
    assert [row.pop("traits")["variant"] for row in results["systems"]] == ["worse", "good", "near"]
    assert results["systems"] == [
        {
            "name": "other",
            "model": "student-worse",
            "bleu": 62.46,
            "bleu_interval": [55.56, 66.63],
            "p_value": 0.005,
            "chrf": 78.53,
            "length_ratio": 1.1633,
            "repetition_rate": 0.14035,
        },
        {
            "name": "base",
            "model": "student-good",
            "bleu": 93.7,
            "bleu_interval": [73.69, 100.0],
            "chrf": 95.95,
            "length_ratio": 0.9796,
            "repetition_rate": 0.0,
        },
        {
            "name": "third",
            "model": "student-near",
            "bleu": 93.14,
            "bleu_interval": [77.09, 100.0],
            "p_value": 0.3134,
            "chrf": 96.47,
            "length_ratio": 0.9796,
            "repetition_rate": 0.0,
        },
    ]
    assert results["baseline"] == "base"
    assert results["test_sentences"] == 8
    assert "|bs:200|seed:7|" in results["bleu_signature"]
    assert results["chrf_signature"].startswith("nrefs:1|case:mixed")
    assert {"latency", "rivals"}.isdisjoint(results)


def test_scores_are_those_of_sacrebleu_and_a_row_is_compared_with_the_baseline(tmp_path: Path) -> None:
    baseline = competitor("base", "good")
    rows = [baseline, competitor("other", "worse"), competitor("third", "near")]
    results = measured(tmp_path, rows, baseline=baseline)
    for row, hyp in zip(results["systems"], (GOOD, WORSE, NEAR), strict=True):
        assert row["bleu"] == pytest.approx(BLEU().corpus_score(hyp, [REF]).score, abs=0.005)
        assert row["chrf"] == pytest.approx(CHRF().corpus_score(hyp, [REF]).score, abs=0.005)
        of_baseline = None if hyp is GOOD else GOOD
        expected = measure(hyp, REF, baseline=of_baseline, bootstrap_samples=200, seed=7).p_value
        assert row.get("p_value") == (expected and round(expected, 4))


def test_each_row_keeps_its_own_translations_as_a_file(tmp_path: Path) -> None:
    measured(tmp_path, [competitor("base, one", "good"), competitor("other", "worse")])
    files = {path.name: path.read_text(encoding="utf-8").splitlines() for path in tmp_path.glob("*/*")}
    assert files == {"base-one.txt": GOOD, "other.txt": WORSE}


def test_without_references_there_is_no_quality_and_no_baseline(tmp_path: Path) -> None:
    baseline = competitor("base", "good")
    results = measured(tmp_path, [baseline], baseline=baseline, ref=None)
    assert [set(row) for row in results["systems"]] == [{"name", "model", "traits"}]
    assert (results["baseline"], results["bleu_signature"], results["chrf_signature"]) == (None, "", "")


def test_without_a_baseline_there_is_no_p_value(tmp_path: Path) -> None:
    results = measured(tmp_path, [competitor("base", "good"), competitor("other", "worse")])
    assert results["baseline"] is None
    assert not any("p_value" in row for row in results["systems"])


# --- speed -------------------------------------------------------------------

TIMING = {"latency_sentences": 3, "rounds": 2, "batch_sizes": (1, 8)}


@pytest.mark.usefixtures("cores")
def test_every_row_has_its_own_times_by_its_own_lengths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock({"good": 5.0, "worse": 2.0}, {"good": 30.0, "worse": 90.0})
    monkeypatch.setattr(module, "measure_latency", clock)
    slow, fast = competitor("slow", "good"), competitor("fast", "worse")
    results = measured(tmp_path, [slow, fast], rivals=[fast], settings=TIMING)
    assert clock.asked == [
        {
            "names": ["slow", "fast"],
            "sentences": SRC[:3],
            "rounds": 2,
            "warmup": WARMUP,
            "batch_sizes": [1, 8],
        }
    ]
    assert results["latency"] == {"sentences": 3, "rounds": 2, "warmup": WARMUP, "length_of": "output"}
    assert results["rivals"] == ["fast"]
    by_name = {row["name"]: row for row in results["systems"]}
    for name, outputs, first, rate in (("slow", GOOD, 5.0, 240.0), ("fast", WORSE, 2.0, 720.0)):
        row = by_name[name]
        assert row["p50_ms"] == pytest.approx(first + 0.1)
        assert row["throughput"] == {"1": 1000 / first, "8": rate}
        times = {len(line.split()): first + place / 10 for place, line in enumerate(outputs[:3])}
        buckets = [(bucket["length"], bucket["p50_ms"]) for bucket in row["latency_by_length"]]
        assert buckets == sorted(times.items())
        assert {"tried_ms", "tried_in_batches", "batches_as"}.isdisjoint(row)


@pytest.mark.usefixtures("cores")
def test_times_can_be_told_by_the_sources_lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measure_latency", Clock({"good": 5.0}, {"good": 30.0}))
    results = measured(tmp_path, [competitor("slow", "good")], settings=TIMING, length_of="source")
    [row] = results["systems"]
    buckets = [(bucket["length"], bucket["p50_ms"]) for bucket in row["latency_by_length"]]
    assert buckets == [(103, 5.0), (104, 5.1), (105, 5.2)]
    assert results["latency"]["length_of"] == "source"


@pytest.mark.usefixtures("cores")
def test_each_system_runs_with_its_fastest_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which need not be the fastest for batches; what is far from it is not tried there."""
    clock = Clock({"brisk": 2.0, "steady": 2.9, "slow": 3.5}, {"brisk": 50.0, "steady": 70.0, "slow": 900.0})
    monkeypatch.setattr(module, "measure_latency", clock)
    row = competitor("row", "good", "slow", "brisk", "steady", log=tmp_path / "log")
    results = measured(tmp_path, [row], settings=TIMING | {"rounds": 1})
    probe, in_batches, final = clock.asked
    assert [len(asked["names"]) for asked in clock.asked] == [3, 2, 2]
    assert (probe["sentences"], probe["warmup"], probe["batch_sizes"]) == (SRC, WARMUP, [1])
    assert len(SRC) < PROBE_SENTENCES
    assert (in_batches["sentences"], in_batches["batch_sizes"]) == (SRC, [8])
    assert (final["names"], final["sentences"]) == (["row", "row, batches"], SRC[:3])
    # The translations are made with the setting for a sentence alone, on all cores.
    assert (tmp_path / "log").read_text() == f"good brisk {CORES}\n"
    [measured_row] = results["systems"]
    threads = f"{CORES} threads"
    assert (measured_row["description"], measured_row["threads"]) == ("on brisk", CORES)
    assert measured_row["batches_as"] == f"on steady, {threads}"
    assert measured_row["p50_ms"] == pytest.approx(2.1)
    assert measured_row["throughput"] == {"1": 500.0, "8": 560.0}
    tried = {"slow": 3.85, "brisk": 2.35, "steady": 3.25}
    assert measured_row["tried_ms"] == {f"on {speed}, {threads}": ms for speed, ms in tried.items()}
    assert measured_row["tried_in_batches"] == {
        f"on brisk, {threads}": 400.0,
        f"on steady, {threads}": 560.0,
    }


@pytest.mark.usefixtures("cores")
def test_where_no_batches_are_timed_none_are_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock({"brisk": 2.0, "steady": 2.9}, {})
    monkeypatch.setattr(module, "measure_latency", clock)
    results = measured(
        tmp_path, [competitor("row", "good", "steady", "brisk")], settings=TIMING | {"batch_sizes": (1,)}
    )
    assert [asked["batch_sizes"] for asked in clock.asked] == [[1], [1]]
    [row] = results["systems"]
    assert row["throughput"] == {"1": 500.0}
    assert {"tried_in_batches", "batches_as"}.isdisjoint(row)


@pytest.mark.usefixtures("cores")
def test_progress_tells_every_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "measure_latency", Clock({"good": 2.0, "worse": 2.0}, dict.fromkeys(OUTPUTS, 9))
    )
    told: list[tuple[int, int, str]] = []
    league = League(
        competitors=[competitor("a", "good"), competitor("b", "worse")],
        src=SRC,
        ref=None,
        tokenizer=TOKENIZER,
        settings=EvaluateSettings(latency_sentences=2, rounds=2),
        seed=1,
        directory=tmp_path,
        progress=lambda *report: told.append(report),
    )
    measure_league(league)
    assert [report for report in told if report[2].startswith("timing")] == [
        (1, 4, "timing: a"),
        (2, 4, "timing: a"),
        (3, 4, "timing: b"),
        (4, 4, "timing: b"),
    ]
