"""Rows as one rectangle of token ids."""

from collections.abc import Sequence

import torch

from rows import Row


def padded(rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and answer mask, each (batch, length).

    Padded on the right, where causal attention never looks: no attention mask is needed.
    """
    shape = len(rows), max(len(row.input_ids) for row in rows)
    ids = torch.zeros(shape, dtype=torch.long)
    answers = torch.zeros(shape, dtype=torch.bool)
    for index, row in enumerate(rows):
        length = len(row.input_ids)
        ids[index, :length] = torch.tensor(row.input_ids)
        answers[index, :length] = torch.tensor(row.completion_mask, dtype=torch.bool)
    return ids.to(device), answers.to(device)
