"""Supervised fine-tuning of a LoRA adapter with TRL, on rows that arrive as token ids."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from datasets import Dataset
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

from answer_loss import SummedAnswerLoss, answer_states
from plan import learning_rate_factor
from progress import Step, StepReporter
from rows import Row
from run_folder import Config
from shared_prefix import hidden_states, shared_prefix

# The label of a token that is not learnt, in TRL as in PyTorch.
IGNORED = -100


def new_optimizer(model: PeftModel, config: Config) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=config.learning_rate,
        weight_decay=0.0,
    )


def train_adapter(
    model: PeftModel,
    optimizer: torch.optim.Optimizer,
    rows: Sequence[Row],
    plan: list[list[int]],
    first: int,
    config: Config,
    folder: Path,
    on_step: Callable[[Step], None],
) -> None:
    """Trains in place, one optimiser step for every batch of `plan` from `first` (0 is the beginning)."""
    rest = plan[first:]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(first + step, len(plan))
    )
    trainer = _PlannedSFTTrainer(
        plan=rest,
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            max_steps=len(rest),
            per_device_train_batch_size=config.batch_size,
            completion_only_loss=True,
            # Nothing is truncated: rows were checked against the model's context.
            max_length=None,
            bf16=False,  # compute_loss below does its own autocast
            gradient_checkpointing=False,
            # Keeps TRL from patching the model's forward pass: compute_loss below needs none of it.
            loss_type="nll",
            use_cpu=model.device.type == "cpu",
            seed=config.seed,
            logging_steps=1,
            # The default writes the mean of earlier losses in place of NaN.
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(
            {
                "input_ids": [row.input_ids for row in rows],
                "completion_mask": [row.completion_mask for row in rows],
            }
        ),
        processing_class=_padding_only_tokenizer(),
        optimizers=(optimizer, schedule),
        callbacks=[StepReporter(first, on_step)],
    )
    # PEFT casts what enters an adapter to its weights' fp32, autocast casts it back: an eighth of the time.
    with disable_input_dtype_casting(model):
        trainer.train()


class _PlannedSFTTrainer(SFTTrainer):
    """Takes its batches from a plan made beforehand, and its loss from answer_loss.py."""

    def __init__(self, plan: list[list[int]], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._plan = plan

    def get_train_dataloader(self) -> DataLoader:
        dataset = self.train_dataset.select_columns(["input_ids", "labels"])
        return DataLoader(dataset, batch_sampler=self._plan, collate_fn=self.data_collator)

    def compute_loss(
        self,
        model: PeftModel,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        causal = model.get_base_model()
        head = causal.get_output_embeddings().weight
        ids, answers = inputs["input_ids"], inputs["labels"] != IGNORED
        prefix = shared_prefix(ids, answers)
        # LoRA's weights are fp32, so that small updates are not rounded away; its products run in the base's dtype.
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=head.dtype == torch.bfloat16):
            hidden = hidden_states(causal.base_model, ids, prefix)
        states, targets = answer_states(hidden, ids[:, prefix:], answers[:, prefix:])
        return SummedAnswerLoss.apply(states, head, targets) / len(targets)


def _padding_only_tokenizer() -> PreTrainedTokenizerFast:
    """SFTTrainer wants a tokenizer, for its padding id only; this one can do nothing else.

    The id does not matter: attention and loss leave padding out.
    """
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({"<pad>": 0}, unk_token="<pad>")), pad_token="<pad>"
    )
