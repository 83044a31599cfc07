"""Labels of slots where the source has placeholders: each of them in one place, and nowhere else.

The aliases of a source's placeholders are not written either: to a model that starts from its teacher they
are the same word.
"""

from __future__ import annotations

import torch
from torch import Tensor

from onepass.models.autoregressive import PAD
from onepass.models.one_pass import NEVER, Decoded, OnePassTransformer
from onepass.runtime.placing import placed
from onepass.text.placeholder_ids import PlaceholderIds


def place_labels(
    model: OnePassTransformer,
    decoded: Decoded,
    src_ids: Tensor,
    placeholders: PlaceholderIds,
    likely: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """The labels of the sentences that have placeholders, in place of those that they would have without.

    Args:
        model: in eval mode.
        decoded: its states.
        src_ids: int64 [B, S], padded with 0.
        placeholders: of the model.
        likely: labels of every slot, the most probable first, and their log probabilities, [B, L, count]
            each. A slot with a placeholder has it first, and nothing else.
    """
    labels, log_probs = (part.clone() for part in likely)
    weight, bias = model.output_weight(), model.output_bias()
    for number, row in enumerate(src_ids.tolist()):
        spans = placeholders.within(row)
        if not spans:
            continue
        length = int(decoded.mask[number].sum())
        logits = (decoded.states[number, :length] @ weight.T).float()
        logits = logits if bias is None else logits + bias
        of_spans = logits[:, spans]  # [L, K]
        logits[:, [*NEVER, *placeholders.ids, *placeholders.hidden(spans)]] = -torch.inf
        total = torch.cat([logits, of_spans], 1).logsumexp(1, keepdim=True)
        best = (logits - total).topk(labels.size(2))
        of_spans = of_spans - total
        held = placed(best.values[:, 0].cpu().numpy(), of_spans.T.cpu().numpy())
        labels[number, :length], log_probs[number, :length] = best.indices, best.values
        for slot, span in enumerate(held.tolist()):
            if span >= 0:
                labels[number, slot] = PAD
                labels[number, slot, 0] = spans[span]
                log_probs[number, slot] = -torch.inf
                log_probs[number, slot, 0] = of_spans[slot, span]
    return labels, log_probs
