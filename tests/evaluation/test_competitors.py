"""The rows of a run: what each is called, and that it is what it is called."""

from pathlib import Path
from typing import Any, Literal

import pytest

from onepass.evaluation.competitors import Student, competitors, main_student
from onepass.settings import StudentSettings

RUN, EXPORTED = Path("run"), Path("exported")


def student(stage: str, **settings: Any) -> Student:
    kind, _, variant = stage.partition("-")
    return Student(stage, variant, kind == "finetune", RUN / stage, StudentSettings(**settings))


def rows(
    *students: Student, teacher: Path | None = RUN / "teacher", candidates: tuple[int, ...] = (10, 100)
) -> list[Any]:
    return competitors(teacher, students, EXPORTED, beam_size=4, num_candidates=candidates)


@pytest.fixture(autouse=True)
def _compute_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda device: {"float32"})


def test_the_papers_student_and_its_variants() -> None:
    found = rows(
        student("student"),
        student("finetune"),
        student("student-raw", distilled=False),
        student("finetune-raw", distilled=False),
    )
    usual: dict[str, Any] = {
        "beam_size": 1,
        "candidates": 1,
        "corrections": 0,
        "variant": "",
        "distilled": True,
    }
    teacher = {**usual, "role": "teacher", "family": "autoregressive", "distilled": False, "finetuned": False}
    in_torch = {"engine": "torch", "precision": "float32"}
    plain = {**usual, **in_torch, "role": "student", "family": "fertility", "search": "argmax"}
    plain |= {"finetuned": False}
    tuned = plain | {"finetuned": True}
    raw = {"variant": "raw", "distilled": False}
    graph = {"engine": "ONNX Runtime"}
    assert [(row.name, row.model, row.traits.model_dump()) for row in found] == [
        ("teacher greedy", "teacher", teacher | in_torch | {"search": "greedy"}),
        ("teacher beam 4", "teacher", teacher | in_torch | {"search": "beam", "beam_size": 4}),
        (
            "teacher greedy, CTranslate2",
            "teacher",
            teacher | {"engine": "CTranslate2", "precision": None, "search": "greedy"},
        ),
        ("NAT argmax", "student", plain),
        ("NAT + FT argmax", "finetune", tuned),
        ("NAT + FT argmax, ONNX int8", "finetune", tuned | graph | {"precision": "int8"}),
        ("NAT + FT argmax, ONNX float32", "finetune", tuned | graph),
        ("NAT + FT average", "finetune", tuned | {"search": "average"}),
        ("NAT + FT NPD 10", "finetune", tuned | {"candidates": 10}),
        ("NAT + FT NPD 100", "finetune", tuned | {"candidates": 100}),
        ("NAT argmax, raw", "student-raw", plain | raw),
        ("NAT + FT argmax, raw", "finetune-raw", tuned | raw),
    ]
    arguments = {row.name: row.arguments for row in found}
    assert arguments["NAT argmax"] == {"bundle": "run/student"}
    assert arguments["NAT + FT argmax, ONNX int8"]["bundle"] == "exported/finetune"
    assert arguments["NAT + FT NPD 10"]["teacher"] == "run/teacher"
    assert arguments["teacher greedy, CTranslate2"] == {
        "bundle": "run/teacher",
        "directory": "exported/teacher",
        "beam_size": 1,
    }


def test_a_graph_is_searched_in_every_way() -> None:
    main, dag = student("student", family="ctc"), student("student-dag", family="dag", slots=4)
    found = rows(main, dag, candidates=(10,))[-7:]
    searches = ["greedy", "lookahead", "viterbi", "marginal"]
    assert [(row.name, row.traits.search, row.traits.engine) for row in found] == [
        *((f"DAG {search}", search, "torch") for search in searches),
        *((f"DAG, ONNX {precision}", "marginal", "ONNX Runtime") for precision in ("int8", "float32")),
        ("DAG, 10 candidates", "marginal", "torch"),
    ]
    assert [row.arguments.get("search") for row in found] == [*searches, None, None, None]


def test_titles_of_two_students_of_a_kind_differ() -> None:
    glancing: Any = {"family": "ctc", "glancing": (0.5, 0.3)}
    found = rows(
        student("student", **glancing),
        student("student-b", **glancing),
        student("finetune-b", **glancing),
        student("student-c", family="ctc"),
        student("student-d", family="ctc", compresses="c"),
        student("student-deep", family="autoregressive"),
        student("student-wide", family="autoregressive"),
        student("student-nat"),
    )
    titles = ["CTC + GLAT", "CTC + GLAT, b", "CTC + GLAT + FT, b", "CTC", "CTC compressed"]
    engines = ("", ", ONNX int8", ", ONNX float32", ", 10 candidates")  # of 100 there are not so many
    assert [row.name for row in found[3:]] == [
        *(f"{name}{engine}" for name in titles for engine in engines),
        "AR student greedy",
        "AR student greedy, CTranslate2",
        "AR student, wide greedy",
        "AR student, wide greedy, CTranslate2",
        "NAT argmax, nat",
    ]
    assert {row.traits.role for row in found[3:]} == {"student"}


@pytest.mark.parametrize("family", ["fertility", "ctc"])
def test_without_a_teacher_nothing_chooses_among_candidates(family: Literal["fertility", "ctc"]) -> None:
    found = rows(student("student", family=family, distilled=False), teacher=None)
    assert {row.traits.role for row in found} == {"student"}
    assert {row.traits.candidates for row in found} == {1}


def test_the_main_student_is_no_variant_and_fine_tuned_where_it_is() -> None:
    plain, tuned, variant = student("student"), student("finetune"), student("finetune-b")
    assert main_student([plain, variant]) == plain
    assert main_student([plain, tuned, variant]) == tuned
