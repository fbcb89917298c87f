"""Training speed beside a hand-written loop: python bench_speed.py DIR

Trains on a run folder's first batches, in turns: this trainer's own path, and what one would write
by hand, a plain model of transformers with PEFT's LoRA, its own loss and AdamW, both in the dtype
that is faster on this device. Prints one JSON object: tokens a second, prompts included, padding not;
`ratio` is ours over bare of each turn.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from offline import go_offline

go_offline()

import torch
from peft import PeftModel, get_peft_model

from base_model import choose_device, for_training, load_exact
from batches import padded
from lora import add_adapter, lora_config
from plan import plan_batches, tokens_done
from precision import training_dtype
from rows import Row, read_rows
from run_folder import Config, read_run
from training import IGNORED, new_optimizer, train_adapter

STEPS = 6
TURNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description="Training speed beside a hand-written loop.")
    parser.add_argument("folder", type=Path, help="holds run.json and train.jsonl")
    folder = parser.parse_args().folder
    # The libraries print their logs there.
    with contextlib.redirect_stdout(sys.stderr):
        speeds = measure(folder)
    print(json.dumps(speeds))


def measure(folder: Path) -> dict[str, dict[str, float]]:
    run, rows = read_run(folder), read_rows(folder / "train.jsonl")
    if run.config.threads is not None:
        torch.set_num_threads(run.config.threads)
    lengths = [len(row.input_ids) for row in rows]
    plan = plan_batches(lengths, [row.task for row in rows], run.config)[:STEPS]
    tokens = tokens_done(plan, lengths)[-1]
    device = choose_device(run.config.device)
    exact, dtype = load_exact(run.base.path, device), training_dtype(device)
    bare_base = for_training(exact, dtype, keep_exact=True)
    with tempfile.TemporaryDirectory() as scratch:
        adapted = add_adapter(for_training(exact, dtype, keep_exact=False), run.config, run.base.name)
        ours = _our_turn(adapted, rows, plan, run.config, Path(scratch))
        bare = _bare_turn(bare_base, [[rows[index] for index in batch] for batch in plan], run.config)
        # The first turn warms up.
        turns = [(tokens / ours(), tokens / bare()) for _ in range(1 + TURNS)][1:]
    return {
        "ours": _spread([mine for mine, _ in turns]),
        "bare": _spread([other for _, other in turns]),
        "ratio": _spread([mine / other for mine, other in turns]),
    }


def _our_turn(
    model: PeftModel, rows: Sequence[Row], plan: list[list[int]], config: Config, scratch: Path
) -> Callable[[], float]:
    """Trains the plan once; returns the seconds from the first step's begin to the last one's end."""
    optimizer = new_optimizer(model, config)

    def turn() -> float:
        seconds: list[float] = []
        train_adapter(model, optimizer, rows, plan, 0, config, scratch, lambda step: seconds.append(step.seconds))
        return seconds[-1]

    return turn


def _bare_turn(base: torch.nn.Module, batches: Sequence[Sequence[Row]], config: Config) -> Callable[[], float]:
    # LoRA in the base's dtype too: PEFT's default, fp32, makes it cast back and forth, which is slower.
    model = get_peft_model(base, lora_config(config), autocast_adapter_dtype=False)
    model.train()
    optimizer = new_optimizer(model, config)
    inputs = [_inputs(batch, base.device) for batch in batches]

    def turn() -> float:
        started = time.monotonic()
        for batch in inputs:
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            # Read, as one would to report it; on a GPU this also waits for the step.
            loss.item()
        return time.monotonic() - started

    return turn


def _inputs(batch: Sequence[Row], device: torch.device) -> dict[str, torch.Tensor]:
    ids, answers = padded(batch, device)
    lengths = torch.tensor([len(row.input_ids) for row in batch], device=device)
    return {
        "input_ids": ids,
        "attention_mask": (torch.arange(ids.shape[1], device=device) < lengths[:, None]).long(),
        "labels": ids.masked_fill(~answers, IGNORED),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "low": round(min(values), 3),
        "high": round(max(values), 3),
    }


if __name__ == "__main__":
    main()
