"""A PEFT LoRA adapter as the GGUF file that llama.cpp plugs into a context."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch

# llama.cpp's names for the seven linear projections of a block.
TENSOR_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
PROJECTIONS = tuple(name.split(".")[1] for name in TENSOR_NAMES)

_PEFT_KEY = re.compile(r"\.layers\.(?P<layer>\d+)\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight$")


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


def adapter_tensors(
    state: Mapping[str, torch.Tensor], heads: int, kv_heads: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and f16 values of every tensor, by layer and name: equal weights give equal bytes.

    `state` has PEFT's keys. lora_a is (rank, in), lora_b is (out, rank); llama.cpp adds
    alpha / rank * B A to the weight, rank being read off lora_a's shape.
    """
    named = {_tensor_name(key): (key, tensor) for key, tensor in state.items()}
    for name in sorted(named, key=lambda name: (int(name.split(".")[1]), name)):
        key, tensor = named[name]
        values = tensor.detach().cpu().float().numpy()
        if "q_proj.lora_B" in key:
            values = _interleave_rotary(values, heads)
        elif "k_proj.lora_B" in key:
            values = _interleave_rotary(values, kv_heads)
        yield name, np.ascontiguousarray(values, dtype=np.float16)


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


def _tensor_name(peft_key: str) -> str:
    match = _PEFT_KEY.search(peft_key)
    if match is None or match["module"] not in TENSOR_NAMES:
        raise ValueError(f"no place in a GGUF adapter for {peft_key}")
    return f"blk.{match['layer']}.{TENSOR_NAMES[match['module']]}.weight.lora_{match['side'].lower()}"


def _interleave_rotary(b: np.ndarray, heads: int) -> np.ndarray:
    """Reorders the output rows of Q and K from transformers' layout to llama.cpp's.

    transformers rotates a head's first half against its second, llama.cpp's llama architecture
    rotates neighbours. Only B produces outputs, so A stays as it is.
    """
    out, rank = b.shape
    return b.reshape(heads, 2, out // heads // 2, rank).swapaxes(1, 2).reshape(out, rank)
