"""The run folder's rows, parsed and checked at the edge: train.jsonl, heldout.jsonl, parity.jsonl."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from failure import Failure

# What a row teaches: an answer, or a classification label of a few tokens as the assistant's answer.
Task = Literal["answer", "label"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class Row:
    """One conversation as the server tokenised it.

    `completion_mask` has the length of `input_ids`; 1 marks the tokens of assistant answers, closing
    token included. Several spans of ones are several answers.
    """

    id: str
    input_ids: list[int]
    completion_mask: list[int]
    task: Task = "answer"

    @property
    def answer_tokens(self) -> int:
        # The first token has nothing before it to be predicted from.
        return sum(self.completion_mask[1:])


@dataclass(frozen=True)
class RunRows:
    train: list[Row]
    held_out: list[Row]
    """Answers only: labels are measured by what they decide, not by their loss."""
    parity: list[Row]
    """Empty where the folder has no parity.jsonl."""


def read_run_rows(folder: Path) -> RunRows:
    held_out = [row for row in read_rows(folder / "heldout.jsonl") if row.task == "answer"]
    if not held_out:
        raise Failure("no-rows", "heldout.jsonl holds no rows of answers")
    parity = folder / "parity.jsonl"
    return RunRows(read_rows(folder / "train.jsonl"), held_out, read_rows(parity) if parity.exists() else [])


def read_rows(path: Path) -> list[Row]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise Failure("bad-row", f"{path.name} cannot be read: {error}") from error
    rows = [parse_row(line, f"{path.name} line {number}") for number, line in enumerate(lines, start=1)]
    if not rows:
        raise Failure("no-rows", f"{path.name} holds no rows")
    return rows


def read_messages(path: Path) -> list[list[dict[str, str]]]:
    """The conversations that the rows were made of, for those who check the token ids."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    try:
        return [[{"role": turn["role"], "content": turn["content"]} for turn in row["messages"]] for row in rows]
    except (KeyError, TypeError) as error:
        raise Failure("bad-row", f"{path.name}: a row without messages of role and content") from error


def parse_row(line: str, where: str) -> Row:
    try:
        source = json.loads(line)
    except ValueError as error:
        raise Failure("bad-row", f"{where} is not JSON: {error}") from error
    if not isinstance(source, dict) or not isinstance(source.get("id"), str):
        raise Failure("bad-row", f"{where}: no id")
    ids, mask, task = source.get("input_ids"), source.get("completion_mask"), source.get("task", "answer")
    if not _are_integers(ids):
        raise Failure("bad-row", f"{where}: input_ids must be a list of integers")
    if not _are_integers(mask) or not set(mask) <= {0, 1}:
        raise Failure("bad-row", f"{where}: completion_mask must be a list of 0 and 1")
    if len(mask) != len(ids):
        raise Failure("bad-row", f"{where}: {len(ids)} input_ids but {len(mask)} values in completion_mask")
    if task not in TASKS:
        raise Failure("bad-row", f"{where}: task must be {' or '.join(TASKS)}")
    row = Row(source["id"], ids, mask, task)
    if row.answer_tokens == 0:
        raise Failure("empty-mask", f'{where}: row "{row.id}" has no answer to learn from')
    return row


def check_rows_fit(rows: Sequence[Row], file: str, context_length: int, vocabulary: int) -> None:
    """Refuses what the model cannot take: nothing is ever truncated, the end is what one wants to teach."""
    for number, row in enumerate(rows, start=1):
        if len(row.input_ids) > context_length:
            raise Failure(
                "row-too-long",
                f'{file} line {number}: row "{row.id}" has {len(row.input_ids)} tokens, '
                f"the model's context holds {context_length}",
            )
        if min(row.input_ids) < 0 or max(row.input_ids) >= vocabulary:
            raise Failure("bad-row", f"{file} line {number}: a token id outside the vocabulary of {vocabulary}")


def _are_integers(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)
