"""The adapter: LoRA on the seven linear projections of every block (Hu et al., 2021, arXiv 2106.09685)."""

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from gguf_adapter import PROJECTIONS
from run_folder import Config


def add_adapter(model: PreTrainedModel, config: Config, base_name: str) -> PeftModel:
    """A fresh adapter on every linear projection. Its A is drawn from `config.seed`; its B is 0."""
    torch.manual_seed(config.seed)
    adapted = get_peft_model(
        model,
        # No rsLoRA and no DoRA: llama.cpp scales by alpha / rank and knows no magnitude vectors, so
        # either would load without a word and compute something else.
        LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=0.0,
            target_modules=list(PROJECTIONS),
            task_type="CAUSAL_LM",
        ),
    )
    adapted.peft_config["default"].base_model_name_or_path = base_name
    return adapted
