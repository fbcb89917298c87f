"""One training run from folder to folder: load, evaluate, train, evaluate, save."""

import json
import time
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from peft import PeftModel

from checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from checkpoint_file import remove_checkpoints
from events import EventStream
from failure import Failure
from gguf_adapter import Metadata, adapter_tensors, peft_state, read_adapter, write_adapter
from held_out import HeldOut, held_out_loss
from initial import load_initial
from loading import Models, load_models
from lora import adapter_state, add_adapter, save_peft, set_adapter_state
from parity import parity_reference
from plan import plan_batches, tokens_done
from precision import dtype_name
from progress import Step, StepEvents
from rows import TASKS, read_run_rows
from run_folder import read_run
from stopping import StopSignals
from training import new_optimizer, train_adapter


class TrainingRun:
    def __init__(self, folder: Path, events: EventStream, signals: StopSignals) -> None:
        self._started = time.monotonic()
        self._folder = folder
        self._events = events
        self._signals = signals
        self._run = read_run(folder)
        self._rows = read_run_rows(folder)
        self._lengths = [len(row.input_ids) for row in self._rows.train]
        config = self._run.config
        self._plan = plan_batches(self._lengths, [row.task for row in self._rows.train], config)
        if not self._plan:
            raise Failure("bad-run", f"config.maxTokens, {config.max_tokens}, does not hold a single batch")

    def run(self) -> None:
        checkpoint = read_checkpoint(self._folder, self._run.provenance)
        models = load_models(self._run, self._rows, self._events, checkpoint and checkpoint.dtype)
        self._set_start(models, checkpoint)
        model = models.adapted
        with model.disable_adapter():
            base = self._evaluate("base", model)
        curve = self._train(models, checkpoint)
        adapter = self._evaluate("adapter", model)
        self._save_adapter(models)
        if models.exact is not None:
            self._write_parity_reference(models)
        self._write_result(models, base, adapter, curve)
        remove_checkpoints(self._folder)
        self._events.emit("saved", gguf="adapter.gguf", peft="peft")

    def _set_start(self, models: Models, checkpoint: Checkpoint | None) -> None:
        """The weights to train on from: the checkpoint's, those of `init`, or fresh ones."""
        if checkpoint is not None:
            set_adapter_state(models.adapted, checkpoint.adapter)
            # The time of the processes before this one counts.
            self._started -= checkpoint.seconds
            self._events.emit("resumed", step=checkpoint.step)
        elif self._run.init is not None:
            load_initial(models.adapted, models.layout, self._run.init, self._run)

    def _evaluate(self, which: str, model: PeftModel) -> HeldOut:
        result = held_out_loss(model, self._rows.held_out, self._run.config.batch_size)
        self._events.emit("evaluated", which=which, **asdict(result))
        return result

    def _train(self, models: Models, checkpoint: Checkpoint | None) -> list[dict[str, float]]:
        """The loss of every step of the plan, each reported as it comes."""
        model = models.adapted
        optimizer = new_optimizer(model, self._run.config)
        curve: list[dict[str, float]] = []
        first = 0
        if checkpoint is not None:
            optimizer.load_state_dict(checkpoint.optimizer)
            curve, first = checkpoint.curve, checkpoint.step
        step_events = StepEvents(self._plan, self._lengths, first)

        def report(step: Step) -> None:
            curve.append({"step": step.step, "loss": step.loss})
            first_row = self._rows.train[self._plan[step.step - 1][0]]
            self._events.emit("step", task=first_row.task, **step_events.fields(step))
            if self._is_kept(step.step):
                save_checkpoint(
                    self._folder,
                    Checkpoint(
                        step=step.step,
                        adapter=adapter_state(model),
                        optimizer=optimizer.state_dict(),
                        curve=curve,
                        seconds=time.monotonic() - self._started,
                        provenance=self._run.provenance,
                        dtype=models.dtype,
                    ),
                )
            self._signals.stop_if_requested()

        # A checkpoint of the last step leaves nothing to train.
        if first < len(self._plan):
            with self._signals.after_each_step():
                train_adapter(
                    model, optimizer, self._rows.train, self._plan, first, self._run.config, self._folder, report
                )
        return curve

    def _is_kept(self, step: int) -> bool:
        every = self._run.config.checkpoint_every_steps
        is_due = every is not None and step % every == 0
        # The last step always: evaluating and saving come next, and a stop there loses no training.
        return is_due or self._signals.requested or step == len(self._plan)

    def _save_adapter(self, models: Models) -> None:
        save_peft(models.adapted, self._folder / "peft", self._run.provenance)
        write_adapter(
            self._folder / "adapter.gguf",
            adapter_tensors(adapter_state(models.adapted), models.layout),
            Metadata(
                architecture=models.layout.architecture,
                alpha=self._run.config.alpha,
                name=self._run.adapter,
                base_name=self._run.base.name,
                provenance=self._run.provenance,
            ),
        )

    def _write_parity_reference(self, models: Models) -> None:
        """The values are read back from adapter.gguf, so that it is the file that is checked."""
        model = add_adapter(models.exact, self._run.config, self._run.base.name)
        tensors = read_adapter(self._folder / "adapter.gguf").tensors
        set_adapter_state(model, peft_state(tensors, models.layout, like=adapter_state(model)))
        rows = self._rows.parity
        with (self._folder / "parity-reference.jsonl").open("w", encoding="utf-8") as file:
            for reference in parity_reference(model, rows):
                file.write(json.dumps(reference) + "\n")
        self._events.emit("parity-reference", rows=len(rows), tokens=sum(row.answer_tokens for row in rows))

    def _write_result(self, models: Models, base: HeldOut, adapter: HeldOut, curve: list[dict[str, float]]) -> None:
        train = self._rows.train
        tasks = Counter(row.task for row in train)
        result = {
            "heldOutLoss": {"base": base.loss, "adapter": adapter.loss},
            "heldOutRows": base.rows,
            "heldOutTokens": base.tokens,
            "trainRows": len(train),
            "trainTokens": sum(row.answer_tokens for row in train),
            "tasks": {task: tasks[task] for task in TASKS},
            "tokensTrained": tokens_done(self._plan, self._lengths)[-1],
            "steps": len(self._plan),
            "seconds": round(time.monotonic() - self._started, 1),
            "lossCurve": curve,
            "machine": {"device": models.adapted.device.type, "dtype": dtype_name(models.dtype)},
            "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft", "gguf")},
        }
        (self._folder / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
