"""One training run from folder to folder: load, evaluate, train, evaluate, save."""

import json
import time
from dataclasses import asdict
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict

from base_model import DTYPE, check_hash, choose_device, load_base
from events import EventStream
from gguf_adapter import Metadata, adapter_tensors, write_adapter
from held_out import HeldOut, held_out_loss
from lora import add_adapter
from plan import plan_batches
from progress import Step
from run_folder import Row, Run, check_rows_fit, read_rows, read_run
from training import train_adapter


def train_run(folder: Path, events: EventStream) -> None:
    started = time.monotonic()
    run = read_run(folder)
    config = run.config
    train, held_out = read_rows(folder / "train.jsonl"), read_rows(folder / "heldout.jsonl")
    model = _load(run, train, held_out, events)

    def evaluate(which: str) -> HeldOut:
        result = held_out_loss(model, held_out, config.batch_size)
        events.emit("evaluated", which=which, **asdict(result))
        return result

    with model.disable_adapter():
        base = evaluate("base")
    plan = plan_batches(
        [len(row.input_ids) for row in train], config.batch_size, config.epochs, config.max_steps, config.seed
    )
    curve = _train(model, train, plan, run, folder, events)
    adapter = evaluate("adapter")

    _save(folder, run, model)
    result = {
        "heldOutLoss": {"base": base.loss, "adapter": adapter.loss},
        "heldOutRows": base.rows,
        "heldOutTokens": base.tokens,
        "trainRows": len(train),
        "trainTokens": sum(row.answer_tokens for row in train),
        "steps": len(plan),
        "seconds": round(time.monotonic() - started, 1),
        "lossCurve": curve,
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft", "gguf")},
    }
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    events.emit("saved", gguf="adapter.gguf", peft="peft")


def _load(run: Run, train: list[Row], held_out: list[Row], events: EventStream) -> PeftModel:
    started = time.monotonic()
    if run.config.threads is not None:
        torch.set_num_threads(run.config.threads)
    device = choose_device(run.config.device)
    check_hash(run.base)
    base = load_base(run.base.path, device)
    for rows, file in (train, "train.jsonl"), (held_out, "heldout.jsonl"):
        check_rows_fit(rows, file, base.config.max_position_embeddings, base.config.vocab_size)
    model = add_adapter(base, run.config, run.base.name)
    events.emit(
        "loaded",
        seconds=round(time.monotonic() - started, 1),
        device=device.type,
        threads=torch.get_num_threads(),
        dtype=str(DTYPE).removeprefix("torch."),
    )
    return model


def _train(
    model: PeftModel, rows: list[Row], plan: list[list[int]], run: Run, folder: Path, events: EventStream
) -> list[dict[str, float]]:
    """The loss of every step, each reported as it comes."""
    curve: list[dict[str, float]] = []
    rows_done = list(accumulate(len(batch) for batch in plan))
    tokens_done = list(accumulate(sum(len(rows[index].input_ids) for index in batch) for batch in plan))

    def report(step: Step) -> None:
        curve.append({"step": step.step, "loss": step.loss})
        events.emit(
            "step",
            step=step.step,
            steps=len(plan),
            epoch=round(rows_done[step.step - 1] / len(rows), 3),
            loss=step.loss,
            learningRate=step.learning_rate,
            tokensPerSecond=round(tokens_done[step.step - 1] / step.seconds, 1),
            etaSeconds=round(step.seconds / step.step * (len(plan) - step.step), 1),
        )

    train_adapter(model, rows, plan, run.config, folder, report)
    return curve


def _save(folder: Path, run: Run, model: PeftModel) -> None:
    # "auto" would look the base model up on the hub, to see whether its vocabulary has grown.
    model.save_pretrained(folder / "peft", save_embedding_layers=False)
    write_adapter(
        folder / "adapter.gguf",
        adapter_tensors(
            get_peft_model_state_dict(model, save_embedding_layers=False),
            model.config.num_attention_heads,
            model.config.num_key_value_heads,
        ),
        Metadata(
            architecture=model.config.model_type,
            alpha=run.config.alpha,
            name=run.adapter,
            base_name=run.base.name,
            provenance={
                "patchbay.adapter": run.adapter,
                "patchbay.base.sha256": run.base.sha256,
                "patchbay.data.sha256": run.data_sha256,
                "patchbay.prompt.sha256": run.prompt_sha256,
                "patchbay.config.sha256": run.config_sha256,
            },
        ),
    )
