"""What can be proved without a model: python -m unittest test_trainer"""

import json
import os
import signal
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import LlamaConfig, LlamaForCausalLM

from answer_loss import SummedAnswerLoss, answer_losses, answer_states
from architecture import ARCHITECTURES, Layout
from checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from checkpoint_file import kept_step, remove_checkpoints
from failure import Failure
from gguf_adapter import Metadata, adapter_tensors, peft_state, read_adapter, write_adapter
from initial import check_initial
from lora import adapter_state, add_adapter, save_peft
from plan import learning_rate_factor, plan_batches, tokens_done
from precision import faster, training_dtype
from rows import Row, check_rows_fit, parse_row, read_run_rows
from run_folder import Config, parse_run
from shared_prefix import hidden_states, shared_prefix
from stopping import Stopped, StopSignals

LENGTHS = [20 + (index * 37) % 200 for index in range(203)]
ANSWERS = ["answer"] * len(LENGTHS)

RUN = {
    "runId": "test",
    "adapter": "support",
    "base": {"path": "base.gguf", "sha256": "b", "name": "Base"},
    "data": {"sha256": "d"},
    "prompt": {"sha256": "p"},
    "configSha256": "c",
    "config": {
        "seed": 1,
        "rank": 2,
        "alpha": 4,
        "learningRate": 1e-3,
        "epochs": 1,
        "batchSize": 8,
        "curriculum": "shuffled",
        "device": "auto",
    },
}


def config(**changes: object) -> Config:
    return replace(parse_run(RUN).config, **changes)


def tiny_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1))


def layout(architecture: str = "llama", heads: int = 1, kv_heads: int = 1) -> Layout:
    return Layout(architecture, gguf.get_tensor_name_map(ARCHITECTURES[architecture], 12), heads, kv_heads)


def key(module: str, side: str, layer: int = 0) -> str:
    return f"base_model.model.model.layers.{layer}.{module}.lora_{side}.weight"


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


class Runs(unittest.TestCase):
    def refused(self, **changes: object) -> None:
        with self.assertRaises(Failure) as caught:
            parse_run({**RUN, "config": {**RUN["config"], **changes}})
        self.assertEqual(caught.exception.code, "bad-run")

    def test_what_may_be_absent_is_none(self) -> None:
        parsed = parse_run(RUN)
        self.assertIsNone(parsed.init)
        self.assertIsNone(parsed.config.max_tokens)
        self.assertIsNone(parsed.config.checkpoint_every_steps)

    def test_refuses_values_out_of_range(self) -> None:
        self.refused(maxTokens=0)
        self.refused(maxTokens=1.5)
        self.refused(checkpointEverySteps=-1)
        self.refused(curriculum="long-first")
        self.refused(curriculum=None)
        self.refused(device="tpu")

    def test_the_initial_adapter_is_part_of_the_provenance(self) -> None:
        parsed = parse_run({**RUN, "init": {"path": "a.gguf", "sha256": "i"}})
        self.assertEqual(parsed.provenance["patchbay.init.sha256"], "i")
        self.assertNotIn("patchbay.init.sha256", parse_run(RUN).provenance)


class Plan(unittest.TestCase):
    def test_every_epoch_takes_every_row_once(self) -> None:
        plan = plan_batches(LENGTHS, ANSWERS, config(epochs=2))
        rows = [row for batch in plan for row in batch]
        self.assertEqual(sorted(rows[:203]), list(range(203)))
        self.assertEqual(sorted(rows[203:]), list(range(203)))

    def test_the_seed_decides(self) -> None:
        def plan(seed: int) -> list[list[int]]:
            return plan_batches(LENGTHS, ANSWERS, config(epochs=3, seed=seed))

        self.assertEqual(plan(1), plan(1))
        self.assertNotEqual(plan(1), plan(2))

    def test_little_goes_into_padding(self) -> None:
        plan = plan_batches(LENGTHS, ANSWERS, config())
        padded = sum(len(batch) * max(LENGTHS[row] for row in batch) for batch in plan)
        self.assertLess(padded / sum(LENGTHS), 1.1)

    def test_stops_at_max_steps_and_inside_a_fractional_epoch(self) -> None:
        self.assertEqual(len(plan_batches(LENGTHS, ANSWERS, config(epochs=3, max_steps=5))), 5)
        self.assertEqual(len(plan_batches(LENGTHS, ANSWERS, config(epochs=1.5))), 39)

    def test_no_batch_mixes_tasks(self) -> None:
        tasks = ["label" if index % 3 == 0 else "answer" for index in range(203)]
        plan = plan_batches(LENGTHS, tasks, config(epochs=2))
        self.assertEqual({len({tasks[row] for row in batch}) for batch in plan}, {1})
        # 68 labels by sixteen and 135 answers by eight; the labels' batches lie among the others.
        self.assertEqual(len(plan), 2 * (5 + 17))
        kinds = [tasks[batch[0]] for batch in plan[:22]]
        self.assertNotEqual(kinds, sorted(kinds))
        self.assertEqual(sorted(row for batch in plan[:22] for row in batch), list(range(203)))

    def test_labels_get_no_more_steps_than_answers(self) -> None:
        tasks = ["answer" if index % 5 == 0 else "label" for index in range(203)]
        plan = plan_batches(LENGTHS, tasks, config())
        # 41 answers by eight make six batches, and so do 162 labels.
        kinds = [tasks[batch[0]] for batch in plan]
        self.assertEqual((kinds.count("answer"), kinds.count("label")), (6, 6))
        self.assertEqual(sorted(row for batch in plan for row in batch), list(range(203)))

    def test_a_batch_of_labels_has_a_bound_where_answers_are_few(self) -> None:
        plan = plan_batches(LENGTHS, ["answer"] + ["label"] * 202, config())
        self.assertEqual(sorted(len(batch) for batch in plan), [1, 10, 64, 64, 64])

    def test_ends_before_the_batch_that_would_pass_the_budget(self) -> None:
        whole = plan_batches(LENGTHS, ANSWERS, config())
        done = tokens_done(whole, LENGTHS)
        for budget, steps in ((done[4], 5), (done[4] - 1, 4), (done[4] + 1, 5), (done[0] - 1, 0), (10**9, 26)):
            self.assertEqual(plan_batches(LENGTHS, ANSWERS, config(max_tokens=budget)), whole[:steps])
        self.assertEqual(len(plan_batches(LENGTHS, ANSWERS, config(max_tokens=10**9, max_steps=3))), 3)

    def test_short_first_reorders_the_batches_of_the_control_within_each_epoch(self) -> None:
        budget = int(1.6 * sum(LENGTHS))
        control = plan_batches(LENGTHS, ANSWERS, config(epochs=2, max_tokens=budget))
        plan = plan_batches(LENGTHS, ANSWERS, config(epochs=2, max_tokens=budget, curriculum="short-first"))
        self.assertNotEqual(plan, control)
        for epoch in (slice(0, 26), slice(26, None)):
            self.assertEqual(sorted(plan[epoch]), sorted(control[epoch]))
            means = [sum(LENGTHS[row] for row in batch) / len(batch) for batch in plan[epoch]]
            self.assertEqual(means, sorted(means))

    def test_no_step_has_rate_zero_and_the_peak_is_reached(self) -> None:
        for steps in (1, 2, 7, 81):
            factors = [learning_rate_factor(step, steps) for step in range(steps)]
            self.assertGreater(min(factors), 0)
            self.assertEqual(max(factors), 1)


class Precision(unittest.TestCase):
    def test_is_bf16_where_that_is_clearly_faster(self) -> None:
        self.assertIs(faster(single=4.0, half=1.0), torch.bfloat16)
        self.assertIs(faster(single=1.0, half=1.6), torch.float32)
        # Neither: rounding less is worth more.
        self.assertIs(faster(single=1.0, half=1.0), torch.float32)

    def test_is_the_same_each_time(self) -> None:
        cpu = torch.device("cpu")
        self.assertEqual(len({training_dtype(cpu) for _ in range(5)}), 1)


class Loss(unittest.TestCase):
    def test_a_state_predicts_the_next_token_of_an_answer(self) -> None:
        hidden = torch.arange(4.0).reshape(1, 4, 1)
        ids, answers = torch.tensor([[5, 6, 7, 8]]), torch.tensor([[True, False, True, False]])
        states, targets = answer_states(hidden, ids, answers)
        # The first token has nothing before it; the third is predicted by the second.
        self.assertEqual((states.tolist(), targets.tolist()), ([[1.0]], [7]))

    def test_loss_and_gradient_are_those_of_cross_entropy(self) -> None:
        torch.manual_seed(0)
        head, targets = torch.randn(50, 16), torch.randint(0, 50, (300,))
        ours = torch.randn(300, 16, requires_grad=True)
        theirs = ours.detach().clone().requires_grad_()
        loss = SummedAnswerLoss.apply(ours, head, targets)
        expected = torch.nn.functional.cross_entropy(theirs @ head.T, targets, reduction="sum")
        (3 * loss).backward()
        (3 * expected).backward()
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(answer_losses(ours, head, targets).sum(), expected)
        torch.testing.assert_close(ours.grad, theirs.grad)


class Adapter(unittest.TestCase):
    def reordered(self, architecture: str) -> dict[str, list[float]]:
        rows = torch.arange(8.0).reshape(8, 1)
        state = {
            key(f"self_attn.{module}", side): rows for module in ("q_proj", "k_proj", "v_proj") for side in "AB"
        }
        tensors = adapter_tensors(state, layout(architecture, heads=1, kv_heads=2))
        return {name: values.ravel().tolist() for name, values in tensors}

    def test_only_b_of_q_and_k_is_reordered_by_its_own_heads(self) -> None:
        tensors = self.reordered("llama")
        as_it_is = list(range(8))
        self.assertEqual(tensors["blk.0.attn_q.weight.lora_a"], as_it_is)
        self.assertEqual(tensors["blk.0.attn_v.weight.lora_b"], as_it_is)
        self.assertEqual(tensors["blk.0.attn_q.weight.lora_b"], [0, 4, 1, 5, 2, 6, 3, 7])
        self.assertEqual(tensors["blk.0.attn_k.weight.lora_b"], [0, 2, 1, 3, 4, 6, 5, 7])

    def test_other_architectures_keep_the_order_of_transformers(self) -> None:
        for architecture in ("qwen2", "qwen3", "gemma3"):
            for values in self.reordered(architecture).values():
                self.assertEqual(values, list(range(8)))

    def test_the_seven_projections_have_a_name_in_every_architecture(self) -> None:
        names = {
            "self_attn.q_proj": "attn_q",
            "self_attn.k_proj": "attn_k",
            "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output",
            "mlp.gate_proj": "ffn_gate",
            "mlp.up_proj": "ffn_up",
            "mlp.down_proj": "ffn_down",
        }
        for architecture in ARCHITECTURES:
            for module, name in names.items():
                found = layout(architecture).tensor_name(key(module, "B", layer=11))
                self.assertEqual(found, f"blk.11.{name}.weight.lora_b")

    def test_tensors_come_by_layer_and_as_f16(self) -> None:
        state = {key("mlp.up_proj", "A", layer): torch.zeros(2, 3) for layer in (10, 2, 0)}
        tensors = list(adapter_tensors(state, layout()))
        self.assertEqual([name.split(".")[1] for name, _ in tensors], ["0", "2", "10"])
        self.assertEqual({values.dtype for _, values in tensors}, {np.dtype(np.float16)})

    def test_refuses_a_tensor_without_a_place(self) -> None:
        with self.assertRaises(ValueError):
            list(adapter_tensors({key("mlp.unheard_of", "A"): torch.zeros(1, 1)}, layout()))


class PeftFolder(unittest.TestCase):
    def test_its_weights_say_what_they_come_from_and_still_load(self) -> None:
        run = parse_run(RUN)
        adapted = add_adapter(tiny_model(), run.config, run.base.name)
        with folder() as path:
            save_peft(adapted, path, run.provenance)
            with safe_open(path / "adapter_model.safetensors", framework="pt") as file:
                self.assertEqual(file.metadata(), {"format": "pt", **run.provenance})
            loaded = adapter_state(PeftModel.from_pretrained(tiny_model(), path))
        self.assertEqual(len(loaded), 28)
        torch.testing.assert_close(loaded, adapter_state(adapted), rtol=0, atol=0)


class SharedPrefix(unittest.TestCase):
    IDS = torch.tensor([[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 6, 5, 0], [1, 2, 3, 4, 7, 7, 0]])
    ANSWERS = torch.tensor([[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 0]], dtype=torch.bool)

    def test_ends_before_what_predicts_an_answer_and_is_left_where_it_saves_little(self) -> None:
        self.assertEqual(shared_prefix(self.IDS, self.ANSWERS), 0)
        # The fourth token predicts the second row's answer.
        many, answers = self.IDS.repeat(20, 1), self.ANSWERS.repeat(20, 1)
        self.assertEqual(shared_prefix(many, answers), 3)
        self.assertEqual(shared_prefix(many + torch.arange(60)[:, None], answers), 0)

    def test_gives_the_loss_and_the_gradients_of_whole_rows(self) -> None:
        losses, gradients = [], []
        for prefix in (0, 3):
            adapted = add_adapter(tiny_model(), config(), "Base")
            for name, parameter in adapted.named_parameters():
                # B is zero at first, and A would have no gradient.
                if "lora_B" in name:
                    torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
            causal = adapted.get_base_model()
            hidden = hidden_states(causal.base_model, self.IDS, prefix)
            states, targets = answer_states(hidden, self.IDS[:, prefix:], self.ANSWERS[:, prefix:])
            loss = SummedAnswerLoss.apply(states, causal.get_output_embeddings().weight, targets)
            loss.backward()
            losses.append(loss.detach())
            gradients.append({name: each.grad for name, each in adapted.named_parameters() if each.requires_grad})
        torch.testing.assert_close(losses[1], losses[0])
        torch.testing.assert_close(gradients[1], gradients[0])
        self.assertGreater(min(each.abs().max().item() for each in gradients[0].values()), 0)


class Initial(unittest.TestCase):
    STATE: Mapping[str, torch.Tensor] = {
        key("self_attn.q_proj", "A"): torch.arange(6.0).reshape(2, 3),
        key("self_attn.q_proj", "B"): torch.arange(16.0).reshape(8, 2),
    }
    PLACES = layout(heads=2)

    def written(self, path: Path, base_sha256: str = "b") -> None:
        metadata = Metadata("llama", 4, "support", "Base", {"patchbay.base.sha256": base_sha256})
        write_adapter(path, adapter_tensors(self.STATE, self.PLACES), metadata)

    def test_a_file_gives_back_what_was_written(self) -> None:
        with folder() as path:
            self.written(path / "a.gguf")
            file = read_adapter(path / "a.gguf")
        self.assertEqual((file.architecture, file.alpha, file.base_sha256), ("llama", 4, "b"))
        state = peft_state(file.tensors, self.PLACES, like=self.STATE)
        self.assertEqual(state.keys(), self.STATE.keys())
        for name, values in state.items():
            torch.testing.assert_close(values, self.STATE[name])

    def test_refuses_what_does_not_fit_the_run(self) -> None:
        run = parse_run(RUN)
        with folder() as path:
            self.written(path / "a.gguf")
            self.written(path / "other.gguf", base_sha256="other")
            file, of_other_base = read_adapter(path / "a.gguf"), read_adapter(path / "other.gguf")
        check_initial(file, self.PLACES, run)
        check_initial(replace(file, base_sha256=None), self.PLACES, run)
        for what, refused in (
            ("base", (of_other_base, self.PLACES, run)),
            ("architecture", (file, layout("qwen2"), run)),
            ("rank", (file, self.PLACES, replace(run, config=config(rank=4)))),
            ("alpha", (file, self.PLACES, replace(run, config=config(alpha=8)))),
        ):
            with self.assertRaisesRegex(ValueError, what):
                check_initial(*refused)

    def test_refuses_other_tensors_and_shapes(self) -> None:
        tensors = dict(adapter_tensors(self.STATE, self.PLACES))
        fewer = {name: values for name, values in tensors.items() if name.endswith("lora_a")}
        with self.assertRaisesRegex(ValueError, "linear projections"):
            peft_state(fewer, self.PLACES, like=self.STATE)
        wider = {name: np.zeros((9, 9), np.float32) for name in tensors}
        with self.assertRaisesRegex(ValueError, "shape"):
            peft_state(wider, self.PLACES, like=self.STATE)


class Checkpoints(unittest.TestCase):
    PROVENANCE = parse_run(RUN).provenance

    def checkpoint(self, step: int) -> Checkpoint:
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.AdamW([weight])
        weight.sum().backward()
        optimizer.step()
        curve = [{"step": 1, "loss": 0.1}]
        return Checkpoint(
            step, {"weight": weight.detach()}, optimizer.state_dict(), curve, 1.5, self.PROVENANCE, torch.float32
        )

    def test_the_newest_alone_is_kept_and_comes_back_whole(self) -> None:
        with folder() as path:
            self.assertEqual(kept_step(path), 0)
            self.assertIsNone(read_checkpoint(path, self.PROVENANCE))
            for step in (9, 10):
                save_checkpoint(path, self.checkpoint(step))
            self.assertEqual([file.name for file in path.iterdir()], ["checkpoint-10.pt"])
            self.assertEqual(kept_step(path), 10)
            read, written = read_checkpoint(path, self.PROVENANCE), self.checkpoint(10)
        self.assertEqual((read.step, read.curve, read.seconds), (10, written.curve, 1.5))
        self.assertIs(read.dtype, torch.float32)
        torch.testing.assert_close(read.adapter, written.adapter)
        torch.testing.assert_close(read.optimizer["state"], written.optimizer["state"])

    def test_a_torn_one_is_no_checkpoint(self) -> None:
        with folder() as path:
            save_checkpoint(path, self.checkpoint(3))
            (path / "checkpoint.unfinished").write_bytes(b"half of it")
            self.assertEqual(read_checkpoint(path, self.PROVENANCE).step, 3)
            remove_checkpoints(path)
            self.assertEqual(list(path.iterdir()), [])

    def test_refuses_that_of_another_run(self) -> None:
        with folder() as path:
            save_checkpoint(path, self.checkpoint(3))
            with self.assertRaises(Failure) as caught:
                read_checkpoint(path, {**self.PROVENANCE, "patchbay.data.sha256": "other"})
        self.assertEqual(caught.exception.code, "checkpoint-mismatch")
        self.assertIn("patchbay.data.sha256", caught.exception.message)


class Stopping(unittest.TestCase):
    def setUp(self) -> None:
        for kind in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, kind, signal.getsignal(kind))
        self.signals = StopSignals()

    def test_at_once_outside_of_training(self) -> None:
        with self.assertRaises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)

    def test_the_first_waits_for_the_step(self) -> None:
        with self.assertRaises(Stopped), self.signals.after_each_step():
            self.signals.stop_if_requested()
            os.kill(os.getpid(), signal.SIGINT)
            self.assertTrue(self.signals.requested)
            self.signals.stop_if_requested()
        # The way out is not interrupted.
        os.kill(os.getpid(), signal.SIGTERM)

    def test_the_second_does_not(self) -> None:
        with self.assertRaises(Stopped), self.signals.after_each_step():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            self.fail("went on after the second signal")

    def test_one_that_comes_after_the_last_step_is_not_lost(self) -> None:
        with self.assertRaises(Stopped), self.signals.after_each_step():
            os.kill(os.getpid(), signal.SIGTERM)


class Rows(unittest.TestCase):
    def refusal(self, **fields: object) -> Failure:
        row = {"id": "a", "input_ids": [1, 2, 3], "completion_mask": [0, 1, 1], **fields}
        with self.assertRaises(Failure) as caught:
            parse_row(json.dumps(row), "train.jsonl line 7")
        return caught.exception

    def test_names_the_line(self) -> None:
        self.assertIn("train.jsonl line 7", self.refusal(input_ids=[1, 2]).message)

    def test_tells_a_bad_row_from_one_without_an_answer(self) -> None:
        self.assertEqual(self.refusal(completion_mask=[0, 1, 2]).code, "bad-row")
        self.assertEqual(self.refusal(input_ids=[1, 2, True]).code, "bad-row")
        self.assertEqual(self.refusal(task="guess").code, "bad-row")
        self.assertEqual(self.refusal(completion_mask=[0, 0, 0]).code, "empty-mask")
        # A mask on the very first token alone asks to predict it from nothing.
        self.assertEqual(self.refusal(completion_mask=[1, 0, 0]).code, "empty-mask")

    def test_held_out_rows_are_answers(self) -> None:
        with folder() as path:
            row = {"id": "a", "input_ids": [1, 2], "completion_mask": [0, 1]}
            answer, label = json.dumps(row), json.dumps({**row, "id": "b", "task": "label"})
            (path / "train.jsonl").write_text(f"{answer}\n{label}\n")
            (path / "heldout.jsonl").write_text(f"{label}\n{answer}\n")
            rows = read_run_rows(path)
            self.assertEqual([row.task for row in rows.train], ["answer", "label"])
            self.assertEqual(([row.id for row in rows.held_out], rows.parity), (["a"], []))
            (path / "heldout.jsonl").write_text(f"{label}\n")
            with self.assertRaises(Failure) as caught:
                read_run_rows(path)
        self.assertEqual(caught.exception.code, "no-rows")

    def test_refuses_rather_than_truncates(self) -> None:
        rows = [Row("a", [1, 2, 3], [0, 1, 1])]
        check_rows_fit(rows, "train.jsonl", context_length=3, vocabulary=4)
        with self.assertRaises(Failure) as caught:
            check_rows_fit(rows, "train.jsonl", context_length=2, vocabulary=4)
        self.assertEqual(caught.exception.code, "row-too-long")


if __name__ == "__main__":
    unittest.main()
