"""Corrections in exported bundles: what torch makes of the same drafts, however they are asked for."""

from pathlib import Path

import pytest

from onepass import Translator as AnyTranslator
from onepass.decoding.translator import Translator as TorchTranslator
from onepass.errors import UsageError
from onepass.runtime.describe import describe_bundle
from onepass.runtime.translator import Translator
from tiny_export import AS_READ
from tiny_run import call, many_lines

LINES = many_lines(30)
MODELS = ("fertility", "ctc", "fertility as read", "ctc as read")
REAL = {
    "en-pt": [
        "Where is the station?",
        "The committee will meet again in 14 days, and {name} will write to info@example.org.",
        "My grandmother, who lives in the mountains, has 99 sheep and 3 very old dogs.",
        "Welcome",
        "HELP!",
    ],
    "pt-en": [
        "Onde fica a estação?",
        "O comité reúne-se de novo daqui a 14 dias, e {name} vai escrever para info@example.org.",
        "Perigo",
    ],
}


def load(bundles: Path, name: str, **settings: object) -> Translator:
    return Translator.load(bundles / f"{name}.exported", precision="float32", num_threads=1, **settings)


def teacher_of(bundles: Path, name: str) -> Path:
    return bundles / ("teacher as read" if name in AS_READ else "teacher")


@pytest.mark.parametrize("corrections", [1, 6])
@pytest.mark.parametrize("candidates", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_a_bundle_corrects_as_torch_does(bundles: Path, name: str, candidates: int, corrections: int) -> None:
    settings = {"num_candidates": candidates, "num_corrections": corrections}
    torch = TorchTranslator.load(bundles / name, teacher=teacher_of(bundles, name), **settings)
    expected = torch.translate(LINES, alignment=True)
    found = load(bundles, name, **settings).translate(LINES, alignment=True)
    assert [t.text for t in found] == [t.text for t in expected]
    assert [t.alignment for t in found] == [t.alignment for t in expected]
    assert [t.score for t in found] == pytest.approx([t.score for t in expected], abs=1e-4)
    drafts = load(bundles, name, num_candidates=candidates).translate(LINES)
    assert sum(one.text != other.text for one, other in zip(found, drafts, strict=True)) > 15


def test_of_several_translations_the_first_one_is_corrected(bundles: Path) -> None:
    found = load(bundles, "ctc", num_corrections=6).translate(LINES, n_best=3)
    chosen = load(bundles, "ctc").translate(LINES, n_best=3)
    assert [t.text for t in found] != [t.text for t in chosen]
    assert any(one.alternatives for one in found)
    for one in found:
        assert one.alternatives is not None
        assert one.text not in {alternative.text for alternative in one.alternatives}


def test_what_cannot_be_corrected_is_an_error(bundles: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no teacher that corrects"):
        load(bundles, "dag", num_corrections=1)
    with pytest.raises(UsageError, match="no such number"):
        load(bundles, "ctc", num_corrections=-1)
    with pytest.raises(UsageError, match="Corrections are a teacher's"):
        AnyTranslator.load(bundles / "ctc", num_corrections=2)
    with pytest.raises(UsageError, match="Corrections are a teacher's"):
        AnyTranslator.load(bundles / "teacher", num_corrections=2)
    done = call("translate", "--model", bundles / "dag.exported", "--corrections", "2", "a")
    assert done.code == 2
    assert "leave the corrections out" in done.err
    assert any("corrections" in line for line in describe_bundle(load(bundles, "ctc").bundle))
    assert not any("corrections" in line for line in describe_bundle(load(bundles, "dag").bundle))


@pytest.mark.parametrize("model", REAL)
def test_shipped_models_correct_themselves(model: str) -> None:
    """In int8, alone and in a batch; what must not change does not; in the end the teacher agrees."""
    lines = REAL[model]
    corrected = AnyTranslator.load(model, num_corrections=50, num_threads=1)
    found = corrected.translate(lines)
    assert [corrected.translate([line])[0].text for line in lines] == [t.text for t in found]
    assert [
        t.text for t in AnyTranslator.load(model, num_corrections=50, num_threads=2).translate(lines)
    ] == [t.text for t in found]
    for needed in ("14", "{name}", "info@example.org"):
        assert needed in found[1].text
    more = AnyTranslator.load(model, num_corrections=90).translate(lines)
    assert [t.text for t in more] == [t.text for t in found]  # the teacher agrees
    alone = AnyTranslator.load(model, num_candidates=1).translate(lines)
    assert [t.text for t in alone] != [t.text for t in found]
    done = call("translate", "--model", model, "--corrections", "50", *lines)
    assert done.out.splitlines() == [t.text for t in found]
