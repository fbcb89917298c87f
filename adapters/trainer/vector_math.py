"""MKL's vector functions, before several threads call one of them for the first time.

MKL 2024.2, which PyTorch's wheels hold, looks for a function's kernel at the first call. Where two threads do that at
once, one of them can be given the kernel of low accuracy for that call (pytorch/pytorch issue 188792): rotary angles
that are off by 1.5e-4 in a run's first batch, and a held-out loss that differs between two runs of one seed.
"""

import torch

# Those that a model, its loss and AdamW use.
FUNCTIONS = (torch.cos, torch.sin, torch.exp, torch.sqrt, torch.tanh)


def settle_vector_math() -> None:
    """Calls each with one number, which one thread does alone. The calls after it all get the accurate kernel."""
    one = torch.ones(1)
    for function in FUNCTIONS:
        function(one)
