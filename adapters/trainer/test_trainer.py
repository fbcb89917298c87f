"""What can be proved without a model: python -m unittest test_trainer"""

import json
import unittest

import numpy as np
import torch

from answer_loss import SummedAnswerLoss, answer_losses, answer_states
from failure import Failure
from gguf_adapter import adapter_tensors
from plan import learning_rate_factor, plan_batches
from run_folder import Row, check_rows_fit, parse_row

LENGTHS = [20 + (index * 37) % 200 for index in range(203)]


class Plan(unittest.TestCase):
    def test_every_epoch_takes_every_row_once(self) -> None:
        plan = plan_batches(LENGTHS, 8, epochs=2, max_steps=None, seed=1)
        rows = [row for batch in plan for row in batch]
        self.assertEqual(sorted(rows[:203]), list(range(203)))
        self.assertEqual(sorted(rows[203:]), list(range(203)))

    def test_the_seed_decides(self) -> None:
        def plan(seed: int) -> list[list[int]]:
            return plan_batches(LENGTHS, 8, epochs=3, max_steps=None, seed=seed)

        self.assertEqual(plan(1), plan(1))
        self.assertNotEqual(plan(1), plan(2))

    def test_little_goes_into_padding(self) -> None:
        plan = plan_batches(LENGTHS, 8, epochs=1, max_steps=None, seed=1)
        padded = sum(len(batch) * max(LENGTHS[row] for row in batch) for batch in plan)
        self.assertLess(padded / sum(LENGTHS), 1.1)

    def test_stops_at_max_steps_and_inside_a_fractional_epoch(self) -> None:
        self.assertEqual(len(plan_batches(LENGTHS, 8, epochs=3, max_steps=5, seed=1)), 5)
        self.assertEqual(len(plan_batches(LENGTHS, 8, epochs=1.5, max_steps=None, seed=1)), 39)

    def test_no_step_has_rate_zero_and_the_peak_is_reached(self) -> None:
        for steps in (1, 2, 7, 81):
            factors = [learning_rate_factor(step, steps) for step in range(steps)]
            self.assertGreater(min(factors), 0)
            self.assertEqual(max(factors), 1)


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
    def test_only_b_of_q_and_k_is_reordered_by_its_own_heads(self) -> None:
        rows = torch.arange(8.0).reshape(8, 1)
        state = {
            f"base_model.model.model.layers.0.self_attn.{module}.lora_{side}.weight": rows
            for module in ("q_proj", "k_proj", "v_proj")
            for side in "AB"
        }
        tensors = {name: values.ravel().tolist() for name, values in adapter_tensors(state, heads=1, kv_heads=2)}
        as_it_is = list(range(8))
        self.assertEqual(tensors["blk.0.attn_q.weight.lora_a"], as_it_is)
        self.assertEqual(tensors["blk.0.attn_v.weight.lora_b"], as_it_is)
        self.assertEqual(tensors["blk.0.attn_q.weight.lora_b"], [0, 4, 1, 5, 2, 6, 3, 7])
        self.assertEqual(tensors["blk.0.attn_k.weight.lora_b"], [0, 2, 1, 3, 4, 6, 5, 7])

    def test_tensors_come_by_layer_and_as_f16(self) -> None:
        state = {
            f"base_model.model.model.layers.{layer}.mlp.up_proj.lora_A.weight": torch.zeros(2, 3)
            for layer in (10, 2, 0)
        }
        tensors = list(adapter_tensors(state, heads=1, kv_heads=1))
        self.assertEqual([name.split(".")[1] for name, _ in tensors], ["0", "2", "10"])
        self.assertEqual({values.dtype for _, values in tensors}, {np.dtype(np.float16)})

    def test_refuses_a_tensor_without_a_place(self) -> None:
        with self.assertRaises(ValueError):
            list(adapter_tensors({"base_model.model.lm_head.lora_A.weight": torch.zeros(1, 1)}, 1, 1))


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
        self.assertEqual(self.refusal(completion_mask=[0, 0, 0]).code, "empty-mask")
        # A mask on the very first token alone asks to predict it from nothing.
        self.assertEqual(self.refusal(completion_mask=[1, 0, 0]).code, "empty-mask")

    def test_refuses_rather_than_truncates(self) -> None:
        rows = [Row("a", [1, 2, 3], [0, 1, 1])]
        check_rows_fit(rows, "train.jsonl", context_length=3, vocabulary=4)
        with self.assertRaises(Failure) as caught:
            check_rows_fit(rows, "train.jsonl", context_length=2, vocabulary=4)
        self.assertEqual(caught.exception.code, "row-too-long")


if __name__ == "__main__":
    unittest.main()
