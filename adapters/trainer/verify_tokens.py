"""Checks the server's token ids against transformers' tokenizer: python verify_tokens.py DIR...

The server tokenises with llama.cpp, for serving and for training alike. This asks an independent
implementation, row by row: are the ids what the model's own chat template and tokenizer make of the
row's messages, and does the mask span exactly the assistant's answers, closing token included?
Prints one JSON object; exit codes: 0 all equal, 1 some differ or a folder cannot be read. The folders
share the first one's base model.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from offline import go_offline

go_offline()

import gguf
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from failure import Failure
from rows import Row, read_messages, read_rows
from run_folder import read_run

SHOWN = 5


@dataclass(frozen=True)
class Expected:
    input_ids: list[int]
    completion_mask: list[int]


@dataclass(frozen=True)
class Difference:
    id: str
    at: int
    """Index of the first token that differs."""
    ours: str
    theirs: str


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a run folder's token ids against transformers' tokenizer.")
    parser.add_argument("folders", type=Path, nargs="+", help="each holds run.json, train.jsonl and heldout.jsonl")
    folders = parser.parse_args().folders
    try:
        tokenizer = load_tokenizer(read_run(folders[0]).base.path)
        if tokenizer.chat_template is None:
            # A base without chat tuning: the template is the server's choice, the tokens are compared all the same.
            tokenizer.chat_template = (folders[0] / "chat_template.jinja").read_text(encoding="utf-8")
        rows, differences = 0, []
        for file in (folder / name for folder in folders for name in ("train.jsonl", "heldout.jsonl")):
            for row, messages in zip(read_rows(file), read_messages(file), strict=True):
                rows += 1
                difference = compare(row, tokenise(tokenizer, messages), tokenizer)
                differences += [] if difference is None else [difference]
    except Failure as failure:
        print(f"{failure.code}: {failure.message}", file=sys.stderr)
        return 1
    shown = [asdict(difference) for difference in differences[:SHOWN]]
    print(json.dumps({"rows": rows, "equal": rows - len(differences), "different": shown}))
    return 1 if differences else 0


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(base.parent, gguf_file=base.name)
    kind = gguf.GGUFReader(base).get_field("tokenizer.ggml.pre")
    if kind is not None and kind.contents() == "smollm":
        # transformers 5.18 leaves out SmolLM's first step, one token for every digit.
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    return tokenizer


def tokenise(tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, str]]) -> Expected:
    """Finds the answers in the template's text, and by character offsets the tokens they became."""
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    spans = []
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            start = _answer_start(tokenizer, text, messages[:index])
            # The turn is closed by a special token: not always the tokenizer's eos_token, as in Gemma's.
            closing = next(
                last
                for token, (first, last) in zip(encoded["input_ids"], offsets, strict=True)
                if first >= start and token in special
            )
            spans.append((start, closing))
    mask = [int(any(start <= first and last <= end for start, end in spans)) for first, last in offsets]
    return Expected(encoded["input_ids"], mask)


def compare(row: Row, expected: Expected, tokenizer: PreTrainedTokenizerBase) -> Difference | None:
    """None when equal. A row may end after its last answer, before what the template puts behind it."""
    last_answer_ends = max(index for index, bit in enumerate(expected.completion_mask) if bit) + 1
    length = max(len(row.input_ids), last_answer_ends)
    ours = list(zip(row.input_ids, row.completion_mask, strict=True))
    theirs = list(zip(expected.input_ids, expected.completion_mask, strict=True))[:length]
    if ours == theirs:
        return None
    at = next(
        (index for index, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]),
        min(len(ours), len(theirs)),
    )
    return Difference(row.id, at, _show(ours[at : at + 6], tokenizer), _show(theirs[at : at + 6], tokenizer))


def _answer_start(tokenizer: PreTrainedTokenizerBase, text: str, before: Sequence[dict[str, str]]) -> int:
    prompt = tokenizer.apply_chat_template(before, tokenize=False, add_generation_prompt=True)
    if not text.startswith(prompt):
        raise Failure("bad-template", "the chat template writes a turn otherwise once an answer follows it")
    return len(prompt)


def _show(tokens: Sequence[tuple[int, int]], tokenizer: PreTrainedTokenizerBase) -> str:
    """Tokens between bars, those of an answer with a star: "|Hello*| there*|"."""
    pieces = [tokenizer.decode([token]) + ("*" if bit else "") for token, bit in tokens]
    return "|" + "".join(piece + "|" for piece in pieces)


if __name__ == "__main__":
    sys.exit(main())
