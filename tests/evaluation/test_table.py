import io
import json
import os
import platform
import socket

import pytest
from rich.console import Console

from onepass.errors import DataError
from onepass.evaluation.latency import Latency
from onepass.evaluation.quality import Quality
from onepass.evaluation.table import (
    _processor,
    is_markdown_block_current,
    machine_kind,
    parse_results,
    render_markdown,
    render_rich,
    render_summary,
    result_row,
    update_markdown_block,
    versions,
)

MARKDOWN = r"""
| system | runs as | BLEU | BLEU 95% | chrF | length | repeats | ms p50 | ms p90 | ms p99 | speed vs beam 4 (torch float32 cpu, 2 threads) | speed vs greedy\|fast (CTranslate2 int8 cpu, 1 thread) |
| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
| beam 4 | torch float32 cpu, 2 threads | 37.0 | [36.0, 38.2] | 57.0 | 0.97 | 1.2% | 90.0 | 135.0 | 180.0 | 1.0x | 0.10x |
| greedy\|fast | CTranslate2 int8 cpu, 1 thread | 36.5† | [35.5, 37.8] | 56.5 | 0.96 | 1.2% | 9.0 | 13.5 | 18.0 | 10.0x | 1.0x |
| argmax | torch float32 cpu, 2 threads | 31.0 | [30.0, 32.2] | 51.0 | 0.82 | 1.2% | 6.0 | 9.0 | 12.0 | 15.0x | 1.5x |
| NPD [10] | torch float32 cpu, 2 threads | 34.0 | [33.0, 35.2] | 54.0 | 0.89 | 1.2% | 36.0‡ | 54.0 | 72.0 | 2.5x | 0.25x |
| argmax, raw | – | 22.0 | – | – | – | – | – | – | – | – | – |

Sentences a second, by batch size (unsorted):

| system | runs as | batch 1 | batch 8 |
| --- | --- | --: | --: |
| beam 4 | torch float32 cpu, 2 threads | 11.1 | 33.3 |
| greedy\|fast | CTranslate2 int8 cpu, 1 thread | 111.1 | 333.3 |
| argmax | torch float32 cpu, 2 threads | 166.7 | 500.0 |
| NPD [10] | torch float32 cpu, 2 threads | 27.8 | 83.3 |

- Quality on 1,200 test sentences, en to de: BLEU `nrefs:1|tok:13a` with its 95% bootstrap interval, chrF `nrefs:1|nc:6`. Length: that of the translations over that of the references, in tokens; repeats: words that repeat the one before them.
- Milliseconds a sentence, text to text, one sentence at a time: percentiles of 200 sentences, 3 round(s) after a warm-up, each system in a process of its own, taking turns. Speed is the rival's median over the system's.
- † BLEU not significantly different from beam 4's (paired bootstrap, p >= 0.05).
- ‡ noisy: the medians of its rounds differ by more than a factor of 1.2.
- Training of teacher: 12,000 updates in 2 h 30 min.
- Training of student: 800 updates in 1.5 min on a GPU.
- Training of raw student: 900 updates in 30.0 min; 4.5 million target tokens, 2,500 a second; 0.2x the teacher's time.
- Machine: Linux x86_64, 2 core(s). Versions: python 3.11.7, torch 2.13.0.
- Seed 3; command: `onepass run recipes/toy.toml --to runs/toy`.
"""  # noqa: E501 (as rendered)


def test_markdown_is_as_expected(results):
    assert render_markdown(results) == MARKDOWN.lstrip()


def test_markdown_survives_json(results):
    assert render_markdown(json.loads(json.dumps(results))) == MARKDOWN.lstrip()


def test_a_summary_has_the_narrow_columns_and_says_what_its_marks_mean(results):
    assert render_summary(results).splitlines() == [
        "| system | BLEU | chrF | ms p50 | ms p99 | speed vs beam 4 | speed vs greedy\\|fast |",
        "| --- | --: | --: | --: | --: | --: | --: |",
        "| beam 4 | 37.0 | 57.0 | 90.0 | 180.0 | 1.0x | 0.10x |",
        "| greedy\\|fast | 36.5† | 56.5 | 9.0 | 18.0 | 10.0x | 1.0x |",
        "| argmax | 31.0 | 51.0 | 6.0 | 12.0 | 15.0x | 1.5x |",
        "| NPD [10] | 34.0 | 54.0 | 36.0‡ | 72.0 | 2.5x | 0.25x |",
        "| argmax, raw | 22.0 | – | – | – | – | – |",
        "",
        "- † BLEU not significantly different from beam 4's (paired bootstrap, p >= 0.05).",
        "- ‡ noisy: the medians of its rounds differ by more than a factor of 1.2.",
    ]


def test_a_training_of_no_measurable_time_has_no_speed(results):
    results["training"] = {
        name: {"updates": 1, "seconds": 0.0, "tokens": 9} for name in ("teacher", "student")
    }
    assert "- Training of student: 1 updates in 0.0 min.\n" in render_markdown(results)


def test_without_latency_there_are_no_latency_notes(results):
    results |= {"rivals": [], "latency": None, "training": {}}
    results["systems"] = results["systems"][-1:]
    results["baseline"] = None
    assert render_markdown(results).splitlines()[:4] == [
        "| system | runs as | BLEU | BLEU 95% | chrF | length | repeats | ms p50 | ms p90 | ms p99 |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
        "| argmax, raw | – | 22.0 | – | – | – | – | – | – | – |",
        "",
    ]
    assert "taking turns" not in render_markdown(results)


def test_terminal_table_has_every_number_and_names_the_rivals(results):
    screen = io.StringIO()
    Console(file=screen, width=100).print(render_rich(results))
    shown = screen.getvalue()
    rows = {line.split("│")[1].strip(): line for line in shown.splitlines() if "│" in line}
    assert [cell.strip() for cell in rows["NPD [10]"].split("│")[2:-1]] == [
        "34.0",
        "54.0",
        "36.0‡",
        "72.0",
        "2.5x",
        "0.25x",
    ]
    assert "speed vs beam 4" in shown
    assert "CTranslate2 int8 cpu, 1 thread: greedy|fast." in shown
    assert "nrefs:1|tok:13a" in shown


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda r: r.update(extra=1), "extra: Extra inputs are not permitted"),
        (lambda r: r.pop("seed"), "seed: Field required"),
        (lambda r: r["systems"][0].update(belu=30.0), "systems.0.belu"),
        (lambda r: r["systems"][0].update(p50_ms=0.0), "systems.0.p50_ms"),
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


def test_a_row_from_measurements_fits_the_schema(results):
    quality = Quality(31.234, 52.345, "b", "c", (30.111, 32.999), 0.04321, 0.98765, 0.012345)
    latency = Latency("argmax", (0.004, 0.005, 0.009), {1: 166.666, 8: 400.0}, 1.01, 2, "torch float32 cpu")
    row = result_row("argmax", model="student", quality=quality, latency=latency, lengths=[3, 5, 9])
    assert row["bleu"] == 31.23
    assert row["bleu_interval"] == [30.11, 33.0]
    assert row["p_value"] == 0.0432
    assert row["p50_ms"] == 5.0
    assert row["throughput"] == {"1": 166.67, "8": 400.0}
    assert [bucket["p50_ms"] for bucket in row["latency_by_length"]] == [4.0, 5.0, 9.0]
    results["systems"].append(json.loads(json.dumps(row)) | {"name": "measured"})
    assert parse_results(results).system("measured").bleu_interval == (30.11, 33.0)


def test_times_by_length_are_a_table_where_all_systems_have_the_same_sentences(results):
    table = """
| system | 4.5 (9) | 8.0 (9) | 15.0 (9) |
| --- | --: | --: | --: |
| beam 4 | 50.6 | 90.0 | 168.8 |
| greedy\\|fast | 5.1 | 9.0 | 16.9 |
"""
    results["latency"]["length_of"] = "source"
    assert table in render_markdown(results)
    results["latency"]["length_of"] = "output"
    assert "| 4.5 (9) |" not in render_markdown(results)


def test_a_row_leaves_out_what_was_not_measured():
    quality = Quality(31.0, 52.0, "b", "c", None, None, 1.0, 0.0)
    row = result_row("argmax", model="student", quality=quality)
    assert set(row) == {"name", "model", "bleu", "chrf", "length_ratio", "repetition_rate"}


PAGE = "# Title\n\n<!-- results:begin -->\nold\n<!-- results:end -->\n\nAfter.\n"


def test_a_block_is_replaced_and_nothing_else(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    assert not is_markdown_block_current(page, "results", MARKDOWN)
    update_markdown_block(page, "results", MARKDOWN)
    assert page.read_text(encoding="utf-8") == PAGE.replace("old", MARKDOWN.strip())
    assert is_markdown_block_current(page, "results", MARKDOWN)
    assert os.listdir(tmp_path) == ["README.md"]


def test_a_block_that_has_drifted_is_noticed(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    update_markdown_block(page, "results", MARKDOWN)
    page.write_text(page.read_text(encoding="utf-8").replace("31.0", "33.0"), encoding="utf-8")
    assert not is_markdown_block_current(page, "results", MARKDOWN)


@pytest.mark.parametrize(
    "text",
    [
        "no marks",
        "<!-- results:begin -->\n",
        "<!-- results:end -->\n<!-- results:begin -->\n",
        PAGE + PAGE,
        PAGE.replace("results", "other"),
    ],
)
def test_pages_without_the_marks_are_errors_and_stay_as_they_are(tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"README\.md"):
        update_markdown_block(page, "results", "new")
    with pytest.raises(DataError, match=r"README\.md"):
        is_markdown_block_current(page, "results", "new")
    assert page.read_text(encoding="utf-8") == text


def test_a_missing_page_is_an_error(tmp_path):
    with pytest.raises(DataError, match="Cannot read the page"):
        update_markdown_block(tmp_path / "none.md", "results", "new")


def test_machine_and_versions_say_what_not_who_or_where():
    found = versions()
    assert found["python"] == platform.python_version()
    assert {"onepass", "sacrebleu", "torch"} <= set(found)
    machine = machine_kind()
    assert "core(s)" in machine
    for text in (machine, str(found)):
        assert "/" not in text
        assert socket.gethostname() not in text


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f avx512_vnni", "Xeon with AVX-512 VNNI"),
        ("fpu avx2", "Xeon with AVX2"),
        ("fpu", "Xeon"),
    ],
)
def test_a_processor_is_named_with_its_fastest_instructions(tmp_path, flags, expected):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: Xeon\nflags\t\t: {flags}\n\n" * 2)
    assert _processor(cpuinfo) == expected
