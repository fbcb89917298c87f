"""Loads a PEFT copy as any Python server would and compares it with its GGUF file: python check_peft_copy.py MODEL.gguf ADAPTER.gguf COPY"""

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
sys.path.insert(0, str(Path(__file__).parents[2] / "adapters" / "trainer"))

import torch
from architecture import layout_of
from base_model import load_exact, read_architecture
from gguf_adapter import peft_state, read_adapter
from lora import adapter_state
from peft import PeftModel
from peft.tuners.lora import LoraLayer

model_path, adapter_path, copy = (Path(argument) for argument in sys.argv[1:4])
base = load_exact(model_path, torch.device("cpu"))
layout = layout_of(read_architecture(model_path), base.config)
model = PeftModel.from_pretrained(base, copy)
loaded = adapter_state(model)
meant = peft_state(read_adapter(adapter_path).tensors, layout, like=loaded)
scalings = {module.scaling["default"] for module in model.modules() if isinstance(module, LoraLayer)}
print(
    json.dumps(
        {
            "tensors": len(loaded),
            "different": sum(not torch.equal(loaded[key], meant[key]) for key in meant),
            "zero": sum(not tensor.any() for tensor in loaded.values()),
            "scalings": sorted(scalings),
        }
    )
)
