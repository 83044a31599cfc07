"""Settings become a record, or one clear error that names the setting."""

import numpy as np
import pytest

from onepass.errors import ModelError
from onepass.models.marian import MarianSizes
from onepass.nn.post_norm import LayerSizes
from onepass.teachers.configuration import read_sizes
from onepass.teachers.items import Item
from onepass.teachers.layout import check_items
from tiny_marian import Shape, random_arrays

SHAPE = Shape()


def items(shape: Shape, settings: str | None = None) -> dict[str, Item]:
    text = (shape.settings() if settings is None else settings).encode()
    found = {name: Item(array) for name, array in random_arrays(shape).items()}
    return found | {"special:model.yml": Item(np.frombuffer(text + b"\0", np.int8))}


@pytest.mark.parametrize(
    ("shape", "joint", "tied"),
    [
        (SHAPE, True, True),
        (Shape(joint=False, tgt_words=40, recurrent=False, activation="swish"), False, True),
        (Shape(joint=False, tied=False), False, False),
        (Shape(tied=False, encoder=3, heads=8, inner=32), True, False),
    ],
)
def test_the_record_says_what_the_settings_say(shape: Shape, joint: bool, tied: bool) -> None:
    layers = LayerSizes(shape.width, shape.inner, shape.heads, shape.activation)
    sizes = (shape.src_words + 2, shape.tgt_words + 2)
    expected = MarianSizes(layers, shape.encoder, shape.decoder, shape.recurrent, joint, tied, *sizes)
    found = items(shape)
    assert read_sizes(found, "here") == expected
    check_items(found, expected, "here")


def test_what_is_not_said_is_marians_default() -> None:
    shape = Shape(
        width=512, inner=2048, heads=8, encoder=1, decoder=1, recurrent=False, joint=False, tied=False
    )
    found = items(shape, "type: transformer\n")
    sizes = read_sizes(found, "here")
    assert sizes.layers == LayerSizes(512, 2048, 8, "swish")
    assert (sizes.encoder_layers, sizes.decoder_layers) == (1, 1)
    assert (sizes.recurrent, sizes.joint, sizes.tied) == (False, False, False)
    check_items(found, sizes, "here")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("type: transformer", "type: s2s"),
        ("dim-emb: 64", "dim-emb: -64"),
        ("dim-emb: 64", "dim-emb: 1e2"),
        ("dim-emb: 64", "dim-emb: 99999999999999999999"),
        ("dim-emb: 64", "dim-emb: ٦٤"),
        ("dim-emb: 64", "dim-emb: [64]x"),
        ("dim-emb: 64", "dim-emb: 62"),
        ("enc-depth: 2", "enc-depth: 0"),
        ("enc-depth: 2", "enc-depth: 2000000000"),
        ("transformer-heads: 4", "transformer-heads: 5"),
        ("transformer-heads: 4", "transformer-heads: many"),
        ("transformer-ffn-activation: relu", "transformer-ffn-activation: gelu"),
        ("autoreg: rnn", "autoreg: average-attention"),
        ("dec-cell: ssru", "dec-cell: sru"),
        ("dec-cell-high-depth: 1", "dec-cell-high-depth: 2"),
        ("layer-normalization: false", "layer-normalization: true"),
        ('transformer-preprocess: ""', "transformer-preprocess: n"),
        ("transformer-postprocess: dan", "transformer-postprocess: da"),
        ("transformer-postprocess-emb: d", "transformer-postprocess-emb: dn"),
        ('transformer-postprocess-top: ""', "transformer-postprocess-top: n"),
        ("transformer-train-position-embeddings: false", "transformer-train-position-embeddings: true"),
        ("transformer-tied-layers: []", "transformer-tied-layers: [1, 1]"),
        ("transformer-ffn-depth: 2", "transformer-ffn-depth: 3"),
        ("tied-embeddings-all: true", "tied-embeddings-all: maybe"),
        ("tied-embeddings-all: true", "tied-embeddings-all: false"),
        ("right-left: false", "right-left: true"),
        ("  - 56\n  - 56", "  - 56\n  - 64"),
        ("dim-vocabs:\n  - 56\n  - 56", "dim-vocabs: many"),
    ],
)
def test_a_setting_that_is_not_read_is_one_clear_error(before: str, after: str) -> None:
    settings = SHAPE.settings()
    assert before in settings
    with pytest.raises(ModelError):
        read_sizes(items(SHAPE, settings.replace(before, after)), "here")


def test_settings_that_are_missing_or_no_yaml_are_one_clear_error() -> None:
    found = items(SHAPE)
    del found["special:model.yml"]
    with pytest.raises(ModelError, match=r"has no special:model\.yml"):
        read_sizes(found, "here")
    with pytest.raises(ModelError, match="cannot be read"):
        read_sizes(items(SHAPE, "[" * 1000), "here")


def test_arrays_that_are_missing_unknown_or_of_another_shape_are_one_clear_error() -> None:
    good = items(SHAPE)
    sizes = read_sizes(good, "here")
    without = {name: item for name, item in good.items() if name != "decoder_l2_rnn_Wf"}
    with pytest.raises(ModelError, match=r"missing.*decoder_l2_rnn_Wf"):
        check_items(without, sizes, "here")
    with pytest.raises(ModelError, match=r"unknown.*Wpos"):
        check_items(good | {"Wpos": good["Wemb"]}, sizes, "here")
    with pytest.raises(ModelError, match="encoder_l1_ffn_W2"):
        check_items(good | {"encoder_l1_ffn_W2": good["encoder_l1_ffn_W1"]}, sizes, "here")
    deeper = read_sizes(items(SHAPE, SHAPE.settings().replace("enc-depth: 2", "enc-depth: 3")), "here")
    with pytest.raises(ModelError, match="encoder_l3"):
        check_items(good, deeper, "here")
    alpha = Item(np.ones((1, 1), np.float32))  # what only an engine in 8 bits needs
    extra = good | {"none_QuantMultA": alpha, "encoder_l1_ffn_W1_QuantMultA": alpha}
    check_items(extra, sizes, "here")
    with pytest.raises(ModelError, match="none_QuantMultA"):
        check_items(good | {"none_QuantMultA": good["Wemb"]}, sizes, "here")
