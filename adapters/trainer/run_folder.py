"""The run folder's run.json, parsed and checked at the edge."""

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
class Init:
    """The adapter, a GGUF file, whose weights training starts from."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Config:
    seed: int
    rank: int
    alpha: float
    learning_rate: float
    epochs: float
    batch_size: int
    max_steps: int | None
    max_tokens: int | None
    curriculum: Literal["shuffled", "short-first"]
    checkpoint_every_steps: int | None
    device: Literal["auto", "cpu", "cuda"]
    threads: int | None


@dataclass(frozen=True)
class Run:
    run_id: str
    adapter: str
    base: Base
    init: Init | None
    data_sha256: str
    prompt_sha256: str
    config_sha256: str
    config: Config

    @property
    def provenance(self) -> dict[str, str]:
        """What the weights come from: written into the adapter's file, compared with a checkpoint's."""
        return {
            "patchbay.adapter": self.adapter,
            "patchbay.base.sha256": self.base.sha256,
            "patchbay.data.sha256": self.data_sha256,
            "patchbay.prompt.sha256": self.prompt_sha256,
            "patchbay.config.sha256": self.config_sha256,
            **({} if self.init is None else {"patchbay.init.sha256": self.init.sha256}),
        }


def read_run(folder: Path) -> Run:
    try:
        source = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure("bad-run", f"run.json cannot be read: {error}") from error
    return parse_run(source)


def parse_run(source: object) -> Run:
    base = _object(source, "base")
    return Run(
        run_id=_value(source, "runId", str),
        adapter=_value(source, "adapter", str),
        base=Base(Path(_value(base, "path", str)), _value(base, "sha256", str), _value(base, "name", str)),
        init=_parse_init(source),
        data_sha256=_value(_object(source, "data"), "sha256", str),
        prompt_sha256=_value(_object(source, "prompt"), "sha256", str),
        config_sha256=_value(source, "configSha256", str),
        config=_parse_config(_object(source, "config")),
    )


def _parse_init(source: Any) -> Init | None:
    if source.get("init") is None:
        return None
    init = _object(source, "init")
    return Init(Path(_value(init, "path", str)), _value(init, "sha256", str))


def _parse_config(config: dict[str, Any]) -> Config:
    return Config(
        seed=_value(config, "seed", int),
        rank=_positive(config, "rank", int),
        alpha=_positive(config, "alpha", int, float),
        learning_rate=_positive(config, "learningRate", int, float),
        epochs=_positive(config, "epochs", int, float),
        batch_size=_positive(config, "batchSize", int),
        max_steps=_optional_positive(config, "maxSteps", int),
        max_tokens=_optional_positive(config, "maxTokens", int),
        curriculum=_choice(config, "curriculum", ("shuffled", "short-first")),
        checkpoint_every_steps=_optional_positive(config, "checkpointEverySteps", int),
        device=_choice(config, "device", ("auto", "cpu", "cuda")),
        threads=_optional_positive(config, "threads", int),
    )


def _object(source: object, name: str) -> dict[str, Any]:
    return _value(source, name, dict)


def _value(source: object, name: str, *types: type) -> Any:
    # `type(...) in`, not isinstance: True is an int to isinstance.
    if not isinstance(source, dict) or type(source.get(name)) not in types:
        raise Failure("bad-run", f'run.json: "{name}" must be {" or ".join(kind.__name__ for kind in types)}')
    return source[name]


def _choice(source: dict[str, Any], name: str, choices: Sequence[str]) -> Any:
    value = _value(source, name, str)
    if value not in choices:
        raise Failure("bad-run", f'run.json: "{name}" must be one of {", ".join(choices)}, not "{value}"')
    return value


def _positive(source: dict[str, Any], name: str, *types: type) -> Any:
    value = _value(source, name, *types)
    if not value > 0:
        raise Failure("bad-run", f'run.json: "{name}" must be above 0')
    return value


def _optional_positive(source: dict[str, Any], name: str, *types: type) -> Any:
    return None if source.get(name) is None else _positive(source, name, *types)
