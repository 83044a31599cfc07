"""A smaller student out of a larger one: the first layers, in each the hidden units that weigh most."""

from __future__ import annotations

from onepass.models.one_pass import OnePassTransformer
from onepass.nn.post_norm import ActivatedFeedForward
from onepass.nn.transformer import FeedForward


def init_pruned(student: OnePassTransformer, larger: OnePassTransformer) -> None:
    """Copies what fits of the larger model into one of the same family and width.

    Of the layers of each stack the first ones stay; of the hidden units of a layer those whose weights in
    and out have the largest product of norms.

    Raises:
        RuntimeError: the larger model is smaller in some way, or of another family or width.
    """
    weights = larger.state_dict()
    for name, module in student.named_modules():
        if isinstance(module, FeedForward | ActivatedFeedForward):
            inner, outer = weights[f"{name}.inner.weight"], weights[f"{name}.outer.weight"]
            importance = inner.norm(dim=1) * outer.norm(dim=0)
            kept = importance.topk(module.inner.out_features).indices.sort().values
            weights[f"{name}.inner.weight"] = inner[kept]
            weights[f"{name}.inner.bias"] = weights[f"{name}.inner.bias"][kept]
            weights[f"{name}.outer.weight"] = outer[:, kept]
    student.load_state_dict({name: weights[name] for name in student.state_dict()})
