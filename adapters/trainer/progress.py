"""What a run reports after each optimiser step."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from failure import Failure
from plan import tokens_done


@dataclass(frozen=True)
class Step:
    step: int
    loss: float
    learning_rate: float
    seconds: float
    """Since this process began to train."""


class StepReporter(TrainerCallback):
    """`first` is the number of steps that are done already: the Trainer counts from 0."""

    def __init__(self, first: int, on_step: Callable[[Step], None]) -> None:
        self._first = first
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
        step = self._first + state.global_step
        if not math.isfinite(logs["loss"]):
            raise Failure("diverged", f"the loss is {logs['loss']} at step {step}: lower the learning rate")
        self._on_step(
            Step(
                step=step,
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                seconds=time.monotonic() - self._started,
            )
        )


class StepEvents:
    """The fields of a step's event, out of the plan and the steps that were done before."""

    def __init__(self, plan: Sequence[Sequence[int]], lengths: Sequence[int], first: int) -> None:
        self._first = first
        self._steps = len(plan)
        self._epochs = [rows / len(lengths) for rows in accumulate(len(batch) for batch in plan)]
        self._tokens = [0, *tokens_done(plan, lengths)]

    def fields(self, step: Step) -> dict[str, float]:
        tokens = self._tokens[step.step] - self._tokens[self._first]
        seconds_a_step = step.seconds / (step.step - self._first)
        return {
            "step": step.step,
            "steps": self._steps,
            "epoch": round(self._epochs[step.step - 1], 3),
            "loss": step.loss,
            "learningRate": step.learning_rate,
            "tokensPerSecond": round(tokens / step.seconds, 1),
            "etaSeconds": round(seconds_a_step * (self._steps - step.step), 1),
        }
