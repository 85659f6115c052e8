"""``compile = true``: the forward and backward pass of a training step by torch.compile.

Measured on one thread of an x86-64 core, seconds of processor time a step against torch without it: replicated layers (recipe mnist-5k-conv) 0.74,
field layers (mnist-2k) 0.86. Spatial and spiking layers have their passes written out by hand: a spatial layer's took 1.08 of the time, so both are
refused. The first steps take half a minute longer, so it is an option. Results differ by rounding, and a resumed run may round its first steps
otherwise than one that went on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from devices.errors import InputError, NearwireError
from train.layers.base import TrainLayer
from train.model.model import Model
from train.quantised.model import QuantisedModel


def check_compilable(model: Model | QuantisedModel, processes: int) -> None:
    """InputError for a model that gains nothing, and for several processes that share it."""
    if processes > 1:
        raise InputError(f"--compile is for one process, and {processes} share this run. Leave it out, or train without torchrun.")
    written_out = ["spiking neurons"] if model.neurons is not None else []
    written_out += [f"{module.kind} layers" for module in model.modules() if isinstance(module, TrainLayer) and module.written_out]
    if written_out:
        raise InputError(f"--compile does nothing for {written_out[0]}, whose passes are matrix products or written out already. Leave it out.")


def compiled(model: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The model's forward pass to scores or loss, compiled when it is first called. NearwireError where there is no compiler for it.

    Called once an epoch: torch keeps what it compiled for this model.
    """
    from torch._dynamo.exc import TorchDynamoException  # a slow import

    with_compiler: Callable[..., Tensor] = torch.compile(model)

    def forward(*arguments: Tensor | float) -> Tensor:
        try:
            return with_compiler(*arguments)
        except TorchDynamoException as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            reason = " ".join(lines[: 1 + lines[0].endswith(":")])
            raise NearwireError(
                f"torch.compile failed: {reason.rstrip('.')}. It needs a C++ compiler (g++); train without --compile otherwise."
            ) from error

    return forward
