"""What a run reports after each optimiser step."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from failure import Failure


@dataclass(frozen=True)
class Step:
    step: int
    loss: float
    learning_rate: float
    seconds: float
    """Since training began."""


class StepReporter(TrainerCallback):
    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self._started = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **_: object,
    ) -> None:
        if "loss" not in logs:  # the summary at the end
            return
        if not math.isfinite(logs["loss"]):
            raise Failure("diverged", f"the loss is {logs['loss']} at step {state.global_step}: lower the learning rate")
        self._on_step(
            Step(
                step=state.global_step,
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                seconds=time.monotonic() - self._started,
            )
        )
