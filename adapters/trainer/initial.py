"""Starting from an earlier adapter's weights, in place of a fresh adapter's."""

import math

from peft import PeftModel

from architecture import Layout
from failure import Failure
from file_hash import check_sha256
from gguf_adapter import AdapterFile, peft_state, read_adapter
from lora import adapter_state, set_adapter_state
from run_folder import Init, Run


def load_initial(model: PeftModel, layout: Layout, init: Init, run: Run) -> None:
    check_sha256("init", init.path, init.sha256)
    try:
        file = read_adapter(init.path)
        check_initial(file, layout, run)
        set_adapter_state(model, peft_state(file.tensors, layout, like=adapter_state(model)))
    except ValueError as error:
        raise Failure("init-mismatch", f"{init.path.name} cannot be the start of this run: {error}") from error


def check_initial(file: AdapterFile, layout: Layout, run: Run) -> None:
    """@raises ValueError"""
    # An adapter not made here may lack the base's hash; its shapes are checked all the same.
    if file.base_sha256 not in (None, run.base.sha256):
        raise ValueError(f"it was trained on a base of sha256 {file.base_sha256}")
    if file.architecture != layout.architecture:
        raise ValueError(f'its architecture is "{file.architecture}", the base\'s "{layout.architecture}"')
    ranks = {values.shape[0] for name, values in file.tensors.items() if name.endswith(".lora_a")}
    if ranks != {run.config.rank}:
        raise ValueError(f"its rank is {', '.join(map(str, sorted(ranks)))}, config.rank is {run.config.rank}")
    # The file holds alpha in fp32.
    if file.alpha is None or not math.isclose(file.alpha, run.config.alpha, rel_tol=1e-6):
        raise ValueError(f"its alpha is {file.alpha}, config.alpha is {run.config.alpha}")
