"""A PEFT LoRA adapter as the GGUF file that llama.cpp plugs into a context."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch

from architecture import Layout


@dataclass(frozen=True)
class Metadata:
    """What a loader needs to know about the file, and what proves where it comes from."""

    architecture: str
    alpha: float
    name: str
    base_name: str
    # patchbay.*: the server refuses an adapter whose base is not the one it serves. llama.cpp itself
    # rejects wrong shapes only, not another base of the same shape.
    provenance: Mapping[str, str]


@dataclass(frozen=True)
class AdapterFile:
    """What an adapter's file says, as fp32 values under llama.cpp's names."""

    architecture: str | None
    alpha: float | None
    base_sha256: str | None
    tensors: Mapping[str, np.ndarray]


def adapter_tensors(state: Mapping[str, torch.Tensor], layout: Layout) -> Iterator[tuple[str, np.ndarray]]:
    """Name and f16 values of every tensor, by layer and name: equal weights give equal bytes.

    `state` has PEFT's keys. lora_a is (rank, in), lora_b is (out, rank); llama.cpp adds
    alpha / rank * B A to the weight, rank being read off lora_a's shape.
    """
    named = {layout.tensor_name(key): (key, tensor) for key, tensor in state.items()}
    for name in sorted(named, key=lambda name: (int(name.split(".")[1]), name)):
        key, tensor = named[name]
        values = layout.to_gguf(key, tensor.detach().cpu().float().numpy())
        yield name, np.ascontiguousarray(values, dtype=np.float16)


def peft_state(
    tensors: Mapping[str, np.ndarray], layout: Layout, like: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The reverse of adapter_tensors: the values under the keys of `like`, which also sets the shapes.

    @raises ValueError if there is not exactly one tensor of the right shape for every key
    """
    names = {key: layout.tensor_name(key) for key in like}
    if set(names.values()) != set(tensors):
        raise ValueError("its tensors are not those of an adapter on all linear projections of this base")
    state = {}
    for key, name in names.items():
        if tensors[name].shape != tuple(like[key].shape):
            raise ValueError(f"{name} has shape {tensors[name].shape}, not {tuple(like[key].shape)}")
        state[key] = torch.from_numpy(np.array(layout.from_gguf(key, tensors[name])))
    return state


def write_adapter(path: Path, tensors: Iterator[tuple[str, np.ndarray]], metadata: Metadata) -> None:
    """Complete or not there at all: written beside `path`, then renamed."""
    unfinished = path.with_name(path.name + ".unfinished")
    writer = gguf.GGUFWriter(unfinished, metadata.architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", metadata.alpha)
    writer.add_name(metadata.name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, metadata.base_name)
    for key, value in metadata.provenance.items():
        writer.add_string(key, value)
    for name, values in tensors:
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.replace(path)


def read_adapter(path: Path) -> AdapterFile:
    """@raises ValueError if it is no GGUF file"""
    reader = gguf.GGUFReader(path)

    def value(key: str) -> object:
        field = reader.get_field(key)
        return None if field is None else field.contents()

    return AdapterFile(
        architecture=value("general.architecture"),
        alpha=value("adapter.lora.alpha"),
        base_sha256=value("patchbay.base.sha256"),
        tensors={tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors},
    )
