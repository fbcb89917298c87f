"""The base model: the server's own GGUF file, proved by its hash, dequantised into PyTorch."""

import hashlib
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GgufConfig, PreTrainedModel

from failure import Failure
from run_folder import Base

DTYPE = torch.bfloat16


def check_hash(base: Base) -> None:
    """An adapter trained on other weights of the same shape would load, and talk nonsense."""
    try:
        with base.path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Failure("base-missing", f"the base model cannot be read: {error}") from error
    if actual != base.sha256:
        raise Failure("base-mismatch", f"run.json names a base of sha256 {base.sha256}, the file has {actual}")


def choose_device(wanted: str) -> torch.device:
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Failure("no-device", "config.device is cuda, but PyTorch sees no CUDA device")
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def load_base(path: Path, device: torch.device) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=DTYPE,
        attn_implementation="sdpa",
    )
    if model.config.model_type != "llama":
        # Other architectures need their own tensor layout in the adapter file (see gguf_adapter.py).
        raise Failure("unsupported-base", f'no adapters for the architecture "{model.config.model_type}" yet')
    _forget_quantisation(model)
    return model.to(device)


def _forget_quantisation(model: PreTrainedModel) -> None:
    """transformers 5.18 still calls the dequantised model quantised, and refuses to train it."""
    model.hf_quantizer = None
    del model.is_quantized
