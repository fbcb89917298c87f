"""Loads exported votes into TRL's KTO trainer and takes one step: python load_kto.py MODEL.gguf VOTES.jsonl FOLDER"""

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TRL_EXPERIMENTAL_SILENCE="1")
sys.path.insert(0, str(Path(__file__).parents[2] / "adapters" / "trainer"))

import torch
from base_model import for_training, load_exact
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from trl import KTOConfig, KTOTrainer

model_path, votes, folder = (Path(argument) for argument in sys.argv[1:4])
rows = load_dataset("json", data_files=str(votes), split="train", cache_dir=str(folder / "cache"))
tokenizer = AutoTokenizer.from_pretrained(model_path.parent, gguf_file=model_path.name)
trainer = KTOTrainer(
    model=for_training(load_exact(model_path, torch.device("cpu")), torch.bfloat16, keep_exact=False),
    args=KTOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=len(rows),
        max_steps=1,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
    ),
    train_dataset=rows,
    processing_class=tokenizer,
    peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"),
)
result = trainer.train()
print(json.dumps({"rows": len(rows), "steps": result.global_step, "loss": result.training_loss}))
