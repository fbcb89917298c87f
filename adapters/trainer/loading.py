"""A run's models: the one to train and, where parity rows ask for it, the base in fp32."""

import time
from dataclasses import dataclass

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from architecture import Layout, layout_of
from base_model import choose_device, for_training, load_exact, read_architecture
from events import EventStream
from file_hash import check_sha256
from lora import add_adapter
from precision import dtype_name, training_dtype
from rows import RunRows, check_rows_fit
from run_folder import Run


@dataclass(frozen=True)
class Models:
    adapted: PeftModel
    exact: PreTrainedModel | None
    layout: Layout
    dtype: torch.dtype
    """That of the base as it trains."""


def load_models(run: Run, rows: RunRows, events: EventStream, dtype: torch.dtype | None) -> Models:
    """`dtype` is that of the run's first process, None in the first one, which chooses."""
    started = time.monotonic()
    if run.config.threads is not None:
        torch.set_num_threads(run.config.threads)
    device = choose_device(run.config.device)
    check_sha256("base", run.base.path, run.base.sha256)
    architecture = read_architecture(run.base.path)
    exact = load_exact(run.base.path, device)
    text = exact.config.get_text_config()
    for some, file in (rows.train, "train.jsonl"), (rows.held_out, "heldout.jsonl"), (rows.parity, "parity.jsonl"):
        check_rows_fit(some, file, text.max_position_embeddings, text.vocab_size)
    keep_exact = bool(rows.parity)
    dtype = dtype or training_dtype(device)
    adapted = add_adapter(for_training(exact, dtype, keep_exact), run.config, run.base.name)
    events.emit(
        "loaded",
        seconds=round(time.monotonic() - started, 1),
        device=device.type,
        threads=torch.get_num_threads(),
        dtype=dtype_name(dtype),
    )
    return Models(adapted, exact if keep_exact else None, layout_of(architecture, exact.config), dtype)
