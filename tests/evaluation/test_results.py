"""The schema of `results.json`: what fits it, what is refused, what a row says."""

import json

import pytest

from onepass.errors import DataError
from onepass.evaluation.latency import Latency
from onepass.evaluation.quality import Quality
from onepass.evaluation.results import Traits, parse_results, result_row
from onepass.evaluation.table import render_markdown

TRAITS = Traits(
    role="student",
    family="fertility",
    distilled=True,
    finetuned=False,
    engine="torch",
    precision="float32",
    search="argmax",
)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r.update(extra=1), "extra: Extra inputs are not permitted"),
        (lambda r: r.pop("seed"), "seed: Field required"),
        (lambda r: r["systems"][0].update(belu=30.0), "systems.0.belu"),
        (lambda r: r["systems"][0].update(p50_ms=0.0), "systems.0.p50_ms"),
        (lambda r: r["systems"][0].pop("traits"), "systems.0.traits: Field required"),
        (lambda r: r["systems"][0]["traits"].update(family="rnn"), "no family is called 'rnn'"),
        (lambda r: r["systems"][0]["traits"].update(role="judge"), "systems.0.traits.role"),
        (lambda r: r["systems"].append(dict(r["systems"][0])), "two systems have one name"),
        (lambda r: r.update(rivals=["nobody"]), "not among the systems: ['nobody']"),
        (lambda r: r.update(baseline="nobody"), "not among the systems: ['nobody']"),
        (lambda r: r.update(rivals=["argmax, raw"]), "the rival 'argmax, raw' has no p50_ms"),
    ],
)
def test_malformed_results_are_errors_that_name_the_key(results, change, problem):
    change(results)
    with pytest.raises(DataError) as caught:
        render_markdown(results)
    assert problem in str(caught.value)


def test_rivals_come_in_the_order_of_their_columns(results):
    results["rivals"] = ["greedy|fast", "beam 4"]
    assert [rival.p50_ms for rival in parse_results(results).rival_systems] == [9.0, 90.0]


def test_a_row_from_measurements_fits_the_schema(results):
    quality = Quality(31.234, 52.345, "b", "c", (30.111, 32.999), 0.04321, 0.98765, 0.012345)
    latency = Latency("argmax", (0.004, 0.005, 0.009), {1: 166.666, 8: 400.0}, 1.01, 2, "torch float32 cpu")
    row = result_row(
        "argmax", model="student", traits=TRAITS, quality=quality, latency=latency, lengths=[3, 5, 9]
    )
    assert row["bleu"] == 31.23
    assert row["bleu_interval"] == [30.11, 33.0]
    assert row["p_value"] == 0.0432
    assert row["p50_ms"] == 5.0
    assert row["throughput"] == {"1": 166.67, "8": 400.0}
    assert [bucket["p50_ms"] for bucket in row["latency_by_length"]] == [4.0, 5.0, 9.0]
    results["systems"].append(json.loads(json.dumps(row)) | {"name": "measured"})
    *_, measured = parse_results(results).systems
    assert measured.bleu_interval == (30.11, 33.0)
    assert measured.traits == TRAITS


def test_a_row_leaves_out_what_was_not_measured():
    quality = Quality(31.0, 52.0, "b", "c", None, None, 1.0, 0.0)
    row = result_row("argmax", model="student", traits=TRAITS, quality=quality)
    assert set(row) == {"name", "model", "traits", "bleu", "chrf", "length_ratio", "repetition_rate"}


def test_rows_of_an_older_version_are_one_short_error_that_says_what_to_do(results):
    for system in results["systems"] * 2:
        system.pop("traits", None)
    results["systems"] += [results["systems"][-1] | {"name": f"{n}"} for n in range(20)]
    with pytest.raises(DataError, match=r"traits: Field required; and 20 more(.|\n)*--from evaluate"):
        parse_results(results)
