"""What the adapter's file makes of given rows, in fp32: the reference for an engine that serves it."""

from collections.abc import Iterator, Sequence

import torch
from peft import PeftModel

from answer_loss import CHUNK, answer_states, token_log_probabilities
from batches import padded
from rows import Row


@torch.inference_mode()
def parity_reference(model: PeftModel, rows: Sequence[Row]) -> Iterator[dict[str, object]]:
    """Teacher forced, row by row: answer tokens, log-probability of each, the likeliest token there, and by how many
    nats it is ahead of the next."""
    model.eval()
    causal = model.get_base_model()
    head = causal.get_output_embeddings().weight
    for row in rows:
        ids, answers = padded([row], head.device)
        hidden = causal.base_model(input_ids=ids, use_cache=False).last_hidden_state
        states, targets = answer_states(hidden, ids, answers)
        chosen, top, lead = [], [], []
        for some, wanted in zip(states.split(CHUNK), targets.split(CHUNK), strict=True):
            log_probabilities = token_log_probabilities(some, head)
            chosen += log_probabilities.gather(1, wanted[:, None]).squeeze(1).tolist()
            first, second = log_probabilities.topk(2, dim=1).values.unbind(dim=1)
            top += log_probabilities.argmax(dim=1).tolist()
            lead += (first - second).tolist()
        yield {"id": row.id, "tokens": targets.tolist(), "logProbabilities": chosen, "top": top, "lead": lead}
