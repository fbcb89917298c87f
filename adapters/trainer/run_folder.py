"""The run folder's inputs, parsed and checked at the edge: run.json, train.jsonl, heldout.jsonl."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from failure import Failure


@dataclass(frozen=True)
class Base:
    path: Path
    sha256: str
    name: str


@dataclass(frozen=True)
class Config:
    seed: int
    rank: int
    alpha: float
    learning_rate: float
    epochs: float
    batch_size: int
    max_steps: int | None
    device: Literal["auto", "cpu", "cuda"]
    threads: int | None


@dataclass(frozen=True)
class Run:
    run_id: str
    adapter: str
    base: Base
    data_sha256: str
    prompt_sha256: str
    config_sha256: str
    config: Config


@dataclass(frozen=True)
class Row:
    """One conversation as the server tokenised it.

    `completion_mask` has the length of `input_ids`; 1 marks the tokens of assistant answers, closing
    token included. Several spans of ones are several answers.
    """

    id: str
    input_ids: list[int]
    completion_mask: list[int]

    @property
    def answer_tokens(self) -> int:
        # The first token has nothing before it to be predicted from.
        return sum(self.completion_mask[1:])


def read_run(folder: Path) -> Run:
    try:
        source = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure("bad-run", f"run.json cannot be read: {error}") from error
    return parse_run(source)


def parse_run(source: object) -> Run:
    base, config = _object(source, "base"), _object(source, "config")
    device = _value(config, "device", str)
    if device not in ("auto", "cpu", "cuda"):
        raise Failure("bad-run", f'run.json: config.device must be auto, cpu or cuda, not "{device}"')
    return Run(
        run_id=_value(source, "runId", str),
        adapter=_value(source, "adapter", str),
        base=Base(Path(_value(base, "path", str)), _value(base, "sha256", str), _value(base, "name", str)),
        data_sha256=_value(_object(source, "data"), "sha256", str),
        prompt_sha256=_value(_object(source, "prompt"), "sha256", str),
        config_sha256=_value(source, "configSha256", str),
        config=Config(
            seed=_value(config, "seed", int),
            rank=_positive(config, "rank", int),
            alpha=_positive(config, "alpha", int, float),
            learning_rate=_positive(config, "learningRate", int, float),
            epochs=_positive(config, "epochs", int, float),
            batch_size=_positive(config, "batchSize", int),
            max_steps=_optional_positive(config, "maxSteps", int),
            device=device,
            threads=_optional_positive(config, "threads", int),
        ),
    )


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
    ids, mask = source.get("input_ids"), source.get("completion_mask")
    if not _are_integers(ids):
        raise Failure("bad-row", f"{where}: input_ids must be a list of integers")
    if not _are_integers(mask) or not set(mask) <= {0, 1}:
        raise Failure("bad-row", f"{where}: completion_mask must be a list of 0 and 1")
    if len(mask) != len(ids):
        raise Failure("bad-row", f"{where}: {len(ids)} input_ids but {len(mask)} values in completion_mask")
    row = Row(source["id"], ids, mask)
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


def _object(source: object, name: str) -> dict[str, Any]:
    return _value(source, name, dict)


def _value(source: object, name: str, *types: type) -> Any:
    # `type(...) in`, not isinstance: True is an int to isinstance.
    if not isinstance(source, dict) or type(source.get(name)) not in types:
        raise Failure("bad-run", f'run.json: "{name}" must be {" or ".join(kind.__name__ for kind in types)}')
    return source[name]


def _positive(source: dict[str, Any], name: str, *types: type) -> Any:
    value = _value(source, name, *types)
    if not value > 0:
        raise Failure("bad-run", f'run.json: "{name}" must be above 0')
    return value


def _optional_positive(source: dict[str, Any], name: str, *types: type) -> Any:
    return None if source.get(name) is None else _positive(source, name, *types)
