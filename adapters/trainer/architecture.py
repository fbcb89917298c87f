"""Where a LoRA tensor of transformers' model has its place in llama.cpp's, by architecture."""

import re
from dataclasses import dataclass

import gguf
import numpy as np
from transformers import PreTrainedConfig

# By general.architecture of the base's GGUF file. Mistral's models are "llama" there.
ARCHITECTURES = {
    gguf.MODEL_ARCH_NAMES[architecture]: architecture
    for architecture in (
        gguf.MODEL_ARCH.LLAMA,
        gguf.MODEL_ARCH.QWEN2,
        gguf.MODEL_ARCH.QWEN3,
        gguf.MODEL_ARCH.GEMMA3,
    )
}

_PEFT_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


@dataclass(frozen=True)
class Layout:
    architecture: str
    """llama.cpp takes an adapter only for a base of the same architecture."""
    names: gguf.TensorNameMap
    heads: int
    kv_heads: int

    def tensor_name(self, peft_key: str) -> str:
        match = _PEFT_KEY.fullmatch(peft_key)
        name = None if match is None else self.names.get_name(match["module"])
        if match is None or name is None:
            raise ValueError(f"no place in a GGUF adapter for {peft_key}")
        return f"{name}.weight.lora_{match['side'].lower()}"

    def to_gguf(self, peft_key: str, values: np.ndarray) -> np.ndarray:
        return self._regroup(peft_key, values, 2, -1)

    def from_gguf(self, peft_key: str, values: np.ndarray) -> np.ndarray:
        return self._regroup(peft_key, values, -1, 2)

    def _regroup(self, peft_key: str, values: np.ndarray, *grid: int) -> np.ndarray:
        """Reorders the output rows of Q and K where the two rotate other pairs of a head's rows.

        transformers rotates a head's first half against its second. llama.cpp's "llama" rotates
        neighbours; its other architectures do as transformers. A head's rows are thus a grid of
        (2, half) here and of (half, 2) there. Only B produces outputs, so A stays as it is.
        """
        heads = self._rotary_heads(peft_key)
        if heads is None:
            return values
        out, rank = values.shape
        return values.reshape(heads, *grid, rank).swapaxes(1, 2).reshape(out, rank)

    def _rotary_heads(self, peft_key: str) -> int | None:
        if self.architecture != "llama":
            return None
        if peft_key.endswith(".q_proj.lora_B.weight"):
            return self.heads
        return self.kv_heads if peft_key.endswith(".k_proj.lora_B.weight") else None


def layout_of(architecture: str, config: PreTrainedConfig) -> Layout:
    text = config.get_text_config()
    return Layout(
        architecture,
        gguf.get_tensor_name_map(ARCHITECTURES[architecture], text.num_hidden_layers),
        text.num_attention_heads,
        text.num_key_value_heads,
    )
