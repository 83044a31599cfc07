import io
import json

import pytest
from rich.console import Console

from onepass.evaluation.results import parse_results
from onepass.evaluation.table import render_markdown, render_rich, render_summary, speed_ratio

MARKDOWN = r"""
| system | runs as | BLEU | BLEU 95% | chrF | length | repeats |
| --- | --- | --: | --: | --: | --: | --: |
| beam 4 | torch float32 cpu, 2 threads | 37.0 | [36.0, 38.2] | 57.0 | 0.97 | 1.2% |
| greedy\|fast | CTranslate2 int8 cpu, 1 thread | 36.5† | [35.5, 37.8] | 56.5 | 0.96 | 1.2% |
| argmax | torch float32 cpu, 2 threads | 31.0 | [30.0, 32.2] | 51.0 | 0.82 | 1.2% |
| NPD [10] | torch float32 cpu, 2 threads | 34.0 | [33.0, 35.2] | 54.0 | 0.89 | 1.2% |
| argmax, raw | – | 22.0 | – | – | – | – |

| system | ms p50 | ms p90 | ms p99 | speed vs beam 4 | speed vs greedy\|fast |
| --- | --: | --: | --: | --: | --: |
| beam 4 | 90.0 | 135.0 | 180.0 | 1.0x | 0.10x |
| greedy\|fast | 9.0 | 13.5 | 18.0 | 10.0x | 1.0x |
| argmax | 6.0 | 9.0 | 12.0 | 15.0x | 1.5x |
| NPD [10] | 36.0‡ | 54.0 | 72.0 | 2.5x | 0.25x |

Sentences per second, by batch size (unsorted):

| system | runs as | batch 1 | batch 8 |
| --- | --- | --: | --: |
| beam 4 | torch float32 cpu, 2 threads | 11.1 | 33.3 |
| greedy\|fast | CTranslate2 int8 cpu, 1 thread | 111.1 | 333.3 |
| argmax | torch float32 cpu, 2 threads | 166.7 | 500.0 |
| NPD [10] | torch float32 cpu, 2 threads | 27.8 | 83.3 |

- Quality on 1,200 test sentences, en to de: BLEU `nrefs:1|tok:13a` with its 95% bootstrap interval, chrF `nrefs:1|nc:6`. Length: that of the translations over that of the references, in tokens; repeats: words that repeat the one before them. Translated in batches.
- Milliseconds per sentence, text to text, one sentence at a time: percentiles of 200 sentences, 3 round(s) after a warm-up, each system in a process of its own, taking turns. Speed is the rival's median over the system's.
- † BLEU not significantly different from beam 4's (paired bootstrap, p >= 0.05).
- ‡ noisy: the medians of its rounds differ by more than a factor of 1.2.
- Training of teacher: 12,000 updates in 2 h 30 min.
- Training of student: 800 updates in 1.5 min on a GPU.
- Training of raw student: 900 updates in 30.0 min; 4.5 million target tokens, 2,500 per second; 0.2x the teacher's time.
- Machine: Linux x86_64, 2 core(s). Versions: python 3.11.7, torch 2.13.0.
- Seed 3; command: `onepass run recipes/toy.toml --to runs/toy`.
"""  # noqa: E501 (as rendered)


def test_markdown_is_as_expected(results):
    assert render_markdown(results) == MARKDOWN.lstrip()


def test_markdown_survives_json(results):
    assert render_markdown(json.loads(json.dumps(results))) == MARKDOWN.lstrip()


def test_no_table_has_more_than_eight_columns_however_many_rivals(results):
    timed = [system for system in results["systems"] if system.get("p50_ms") is not None]
    further = [{**timed[0], "name": f"rival {i}"} for i in range(6)]
    results["systems"] += further
    results["rivals"] = [system["name"] for system in further]
    rows = [line for line in render_markdown(results).splitlines() if line.startswith("|")]
    assert max(line.count(" | ") + 1 for line in rows) <= 8
    for name in results["rivals"]:
        assert any(f"speed vs {name}" in line for line in rows)


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


@pytest.mark.parametrize(
    ("description", "tried", "ratio"),
    [
        ("CTranslate2 int8", {}, "–"),
        ("CTranslate2 int8, vocabulary map", {}, "3.0x"),
        ("CTranslate2 int8", {"CTranslate2 int8, vocabulary map, 1 thread": 9.9}, "3.0x"),
    ],
)
def test_a_graph_with_a_shortlist_has_no_ratio_to_a_rival_that_had_none(results, description, tried, ratio):
    rival, student = results["systems"][1:3]
    student["traits"] = student["traits"] | {"engine": "ONNX Runtime", "precision": "int8"}
    student["p50_ms"] = 3.0
    rival |= {"description": description, "tried_ms": tried}
    found = parse_results(results)
    assert speed_ratio(found.systems[2], found.systems[1]) == ratio
    assert speed_ratio(found.systems[2], found.systems[0]) == "30.0x"


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
        "| system | runs as | BLEU | BLEU 95% | chrF | length | repeats |",
        "| --- | --- | --: | --: | --: | --: | --: |",
        "| argmax, raw | – | 22.0 | – | – | – | – |",
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
