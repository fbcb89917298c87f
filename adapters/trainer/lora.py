"""The adapter: LoRA on the seven linear projections of every block (Hu et al., 2021, arXiv 2106.09685)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file
from transformers import PreTrainedModel

from run_folder import Config

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# PEFT's default, "auto", looks the base model up on the hub, to see whether its vocabulary has grown.
SAVE_EMBEDDINGS = False


def lora_config(config: Config) -> LoraConfig:
    # No rsLoRA and no DoRA: llama.cpp scales by alpha / rank and knows no magnitude vectors, so
    # either would load without a word and compute something else.
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=0.0,
        target_modules=list(PROJECTIONS),
        task_type="CAUSAL_LM",
    )


def add_adapter(model: PreTrainedModel, config: Config, base_name: str) -> PeftModel:
    """A fresh adapter on every linear projection. Its A is drawn from `config.seed`; its B is 0."""
    torch.manual_seed(config.seed)
    adapted = get_peft_model(model, lora_config(config))
    adapted.peft_config["default"].base_model_name_or_path = base_name
    return adapted


def adapter_state(model: PeftModel) -> dict[str, torch.Tensor]:
    return get_peft_model_state_dict(model, save_embedding_layers=SAVE_EMBEDDINGS)


def save_peft(model: PeftModel, folder: Path, provenance: Mapping[str, str]) -> None:
    model.save_pretrained(folder, save_embedding_layers=SAVE_EMBEDDINGS)
    # The same tensors again: PEFT itself has no way to say what they come from.
    metadata = {"format": "pt", **provenance}
    save_file(adapter_state(model), folder / SAFETENSORS_WEIGHTS_NAME, metadata=metadata)


def set_adapter_state(model: PeftModel, state: Mapping[str, torch.Tensor]) -> None:
    set_peft_model_state_dict(model, dict(state))
