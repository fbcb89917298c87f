"""The base model: the server's own GGUF file, dequantised into PyTorch."""

import copy
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GgufConfig, PreTrainedModel
from transformers.integrations.gguf import read_gguf_metadata

from architecture import ARCHITECTURES
from failure import Failure
from vector_math import settle_vector_math


def read_architecture(path: Path) -> str:
    """The file's general.architecture, without its weights: seconds before they would be read in vain."""
    metadata, tensor_names = read_gguf_metadata(str(path))
    architecture = metadata["general.architecture"]
    if architecture not in ARCHITECTURES:
        raise Failure(
            "unsupported-base",
            f'no adapters for the architecture "{architecture}"; supported: {", ".join(ARCHITECTURES)}',
        )
    # transformers 5.18 leaves these out without a word, and the adapter would be trained on other positions.
    scaling = metadata.get(f"{architecture}.rope.scaling.type", "none")
    if scaling != "none" or "rope_freqs.weight" in tensor_names:
        raise Failure("unsupported-base", "its rotary frequencies are scaled, which transformers does not read")
    return architecture


def choose_device(wanted: str) -> torch.device:
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Failure("no-device", "config.device is cuda, but PyTorch sees no CUDA device")
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def load_exact(path: Path, device: torch.device) -> PreTrainedModel:
    """The weights as the file means them, in fp32."""
    settle_vector_math()
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        attn_implementation="sdpa",
    )
    _forget_quantisation(model)
    return model.to(device)


def for_training(exact: PreTrainedModel, dtype: torch.dtype, keep_exact: bool) -> PreTrainedModel:
    """The model in `dtype`: a copy, or `exact` itself rounded. In fp32 a copy shares the weights, which are frozen.

    Parameters only. `model.to(bfloat16)` would round the buffers too, among them the rotary
    frequencies, which transformers keeps in fp32 in a model of any dtype.
    """
    shared = {id(parameter): parameter for parameter in exact.parameters()} if dtype == torch.float32 else {}
    model = copy.deepcopy(exact, shared) if keep_exact else exact
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype
    return model


def _forget_quantisation(model: PreTrainedModel) -> None:
    """transformers 5.18 still calls the dequantised model quantised, and refuses to train it."""
    model.hf_quantizer = None
    del model.is_quantized
