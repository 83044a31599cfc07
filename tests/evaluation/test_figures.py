import os

import pytest
from matplotlib.image import imread

from onepass.errors import DataError
from onepass.evaluation import figures
from onepass.evaluation.figures import bleu_against_latency, latency_against_length

FIGURES = [bleu_against_latency, latency_against_length]


@pytest.mark.parametrize("draw", FIGURES)
def test_figures_are_png_files_with_something_on_them(results, draw, tmp_path):
    draw(results, tmp_path / "figure.png")
    image = imread(tmp_path / "figure.png", format="png")
    assert image.shape[:2] == (1000, 1440)
    assert 0.005 < (image[..., :3].min(axis=-1) < 0.9).mean() < 0.5
    assert os.listdir(tmp_path) == ["figure.png"]


@pytest.mark.parametrize("draw", FIGURES)
def test_the_same_results_give_the_same_bytes(results, draw, tmp_path):
    for name in ("a", "b"):
        draw(results, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("draw", FIGURES)
def test_a_figure_that_cannot_be_drawn_leaves_the_old_one(results, draw, tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")
    results |= {"rivals": [], "baseline": None}
    results["systems"] = results["systems"][-1:]  # has no latency
    with pytest.raises(DataError, match="nothing to draw"):
        draw(results, path)
    assert path.read_bytes() == b"old"


def test_labels_cover_neither_points_nor_each_other(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    results["systems"] += [
        results["systems"][2] | {"name": f"crowd {n}", "p50_ms": 6.0 + n / 10, "bleu": 31.0 + n / 5}
        for n in range(4)
    ]
    bleu_against_latency(results, tmp_path / "none.png")
    (axes,) = drawn[0].axes
    boxes = [label.get_window_extent() for label in axes.texts]
    assert len(boxes) == 8
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        for system in results["systems"]:
            if "p50_ms" in system:
                x, y = axes.transData.transform((system["p50_ms"], system["bleu"]))
                assert not box.contains(x, y)


def test_the_caption_names_the_rivals(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    bleu_against_latency(results, tmp_path / "none.png")
    caption = drawn[0].get_supxlabel()
    assert "Speed against beam 4 (torch float32 cpu, 2 threads): 15.0x argmax; 2.5x NPD [10]" in caption
    assert "Speed against greedy|fast (CTranslate2 int8 cpu, 1 thread): 1.5x argmax" in caption


def crowded(results):
    """`results` with 30 students more, each faster and worse than the one before."""
    student = results["systems"][2]
    results["systems"] += [
        student | {"name": f"crowd {n}", "p50_ms": 5.0 - n / 10, "bleu": 31.0 - n / 5} for n in range(30)
    ]
    return results


def test_points_of_a_crowd_bear_numbers_that_the_legend_names(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    bleu_against_latency(crowded(results), tmp_path / "none.png")
    (figure,) = drawn
    (axes,) = figure.axes
    assert axes.bbox.height > figure.bbox.height / 2
    assert "see the table" in figure.get_supxlabel()
    by_speed = sorted((s for s in results["systems"] if "p50_ms" in s), key=lambda s: s["p50_ms"])
    (legend,) = figure.legends
    names = [f"{number}  {system['name']}" for number, system in enumerate(by_speed, 1)]
    assert [text.get_text() for text in legend.get_texts()] == names
    assert legend.get_window_extent().y0 >= 0
    places = {label.get_text(): label.xy for label in axes.texts}
    assert places == {str(n): (s["p50_ms"], s["bleu"]) for n, s in enumerate(by_speed, 1)}


def test_lines_of_a_crowd_are_of_the_rivals_and_the_best_students(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    crowded(results)
    beaten = results["systems"][-1] | {"name": "beaten", "p50_ms": 9.0}
    results["systems"].append(beaten)
    latency_against_length(results, tmp_path / "none.png")
    (axes,) = drawn[0].axes
    names = {line.get_label() for line in axes.lines}
    assert set(results["rivals"]) | {"crowd 0", "crowd 29"} <= names
    assert "beaten" not in names
    assert "left out" in drawn[0].get_supxlabel()
    assert "beaten" not in drawn[0].get_supxlabel()
