"""A batch's hidden states, with the tokens that all its rows begin with read once.

Rows of a domain begin with the same system prompt: a quarter of an answer's tokens, half of a label's.
Causal attention makes of them the same keys and values in every row, so they are computed for one row
and attended to by all; gradients flow back through them from every row. The numbers are those of whole rows.
"""

import torch
from transformers import PreTrainedModel

# Tokens. The second pass through the model costs about as much as so many.
LEAST_SAVED = 64


def shared_prefix(ids: torch.Tensor, answers: torch.Tensor) -> int:
    """How many tokens of `ids` (batch, length) to read once; 0 where that saves nothing.

    None of them predicts a token of an answer (`answers`, boolean, of the same shape). Never on a GPU,
    where a pass takes as long whatever it holds.
    """
    alike = int((ids == ids[0]).all(dim=0).long().cumprod(dim=0).sum())
    first_answer = int(answers.any(dim=0).long().argmax())
    prefix = max(0, min(alike, first_answer - 1))
    return prefix if ids.device.type == "cpu" and prefix * (len(ids) - 1) >= LEAST_SAVED else 0


def hidden_states(model: PreTrainedModel, ids: torch.Tensor, prefix: int) -> torch.Tensor:
    """Last hidden states of `ids` from `prefix` on: (batch, length - prefix, width).

    No attention mask: padding is on the right, where causal attention never looks.
    """
    if prefix == 0:
        return model(input_ids=ids, use_cache=False).last_hidden_state
    cache = model(input_ids=ids[:1, :prefix], use_cache=True).past_key_values
    cache.batch_repeat_interleave(len(ids))
    return model(input_ids=ids[:, prefix:], past_key_values=cache, use_cache=True).last_hidden_state
