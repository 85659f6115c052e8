"""Leaky integrate-and-fire neurons that learn: runtime/spiking.py's equations, with snnTorch's surrogate gradients.

One autograd step for all time steps: the forward pass keeps the currents only, the backward pass runs the membranes again. As in snnTorch the
reset passes no gradient. With s' the surrogate's slope at m_t - threshold and g_t the gradient of spike t, backwards in time:

    d current_t = lambda_t = g_t * s'(m_t - threshold) + beta * lambda_(t+1) (* (1 - z_t) where the reset is to zero)

Surrogates and their usual slopes are snnTorch's too. Its Leaky, stepped through time, gives the same numbers (tests/train/test_spiking.py), in
several times the time and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from runtime.spiking import Spiking

BLOCK = 131_072  # neurons times samples that are stepped through time together: their arrays stay in a core's cache


def _atan(above: Tensor) -> Tensor:
    """1 + (pi u)**2, in place."""
    return above.mul_(torch.pi).square_().add_(1)


def _fast_sigmoid(above: Tensor) -> Tensor:
    """(1 + 25 |u|)**2, in place."""
    return above.abs_().mul_(25).add_(1).square_()


SURROGATES: dict[str, Callable[[Tensor], Tensor]] = {"atan": _atan, "fast_sigmoid": _fast_sigmoid}  # 1 / slope of the step at u = m - threshold


def lif(current: Tensor, spiking: Spiking, surrogate: str, steady: bool) -> Tensor:
    """Spikes (steps, n, neurons) of currents (n, neurons), if ``steady``, or (steps, n, neurons)."""
    out: Tensor = _Lif.apply(current, spiking, surrogate, steady)
    return out


def membranes(current: Tensor, spiking: Spiking, steady: bool) -> Tensor:
    """Membrane potentials (steps, n, neurons), differentiable in the currents; meant for the few neurons of a last layer."""
    potentials: list[Tensor] = []
    membrane = torch.zeros_like(current if steady else current[0])
    spike = torch.zeros_like(membrane)
    for t in range(spiking.steps):
        if spiking.reset == "zero":
            membrane = membrane * (1 - spike)
        membrane = spiking.beta * membrane + (current if steady else current[t])
        if spiking.reset == "subtract":
            membrane = membrane - spiking.threshold * spike
        spike = (membrane.detach() > spiking.threshold).to(membrane.dtype)
        potentials.append(membrane)
    return torch.stack(potentials)


class _Lif(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, spiking: Spiking, surrogate: str, steady: bool) -> Tensor:
        ctx.save_for_backward(current)
        ctx.spiking, ctx.surrogate, ctx.steady = spiking, surrogate, steady
        spikes = current.new_empty((spiking.steps, *(current.shape if steady else current.shape[1:])))
        rows = max(1, BLOCK // spikes.shape[2])
        for at in range(0, spikes.shape[1], rows):
            part = slice(at, at + rows)
            _run(current[part] if steady else current[:, part], spiking, steady, None, spikes[:, part])
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (g,), (current,) = grads, ctx.saved_tensors
        spiking: Spiking = ctx.spiking
        out = torch.empty_like(current)
        rows = max(1, BLOCK // g.shape[2])
        for at in range(0, g.shape[1], rows):
            part = slice(at, at + rows)
            block = current[part] if ctx.steady else current[:, part]
            _backward(block, g[:, part], spiking, ctx.surrogate, ctx.steady, out[part] if ctx.steady else out[:, part])
        return out, None, None, None


def _backward(current: Tensor, g: Tensor, spiking: Spiking, surrogate: str, steady: bool, out: Tensor) -> None:
    """The gradient of the currents of some samples, into ``out``."""
    potentials = current.new_empty(g.shape)
    spikes = _run(current, spiking, steady, potentials)
    carried = torch.zeros_like(g[0])  # lambda_(t+1) times what it passes on
    if steady:
        out.zero_()
    for t in reversed(range(spiking.steps)):
        carried.addcdiv_(g[t], SURROGATES[surrogate](potentials[t].sub_(spiking.threshold)))
        if steady:
            out.add_(carried)
        else:
            out[t] = carried
        carried.mul_(spiking.beta)
        if spiking.reset == "zero" and t:
            carried.mul_(1 - spikes[t - 1])


def _run(current: Tensor, spiking: Spiking, steady: bool, potentials: Tensor | None, spikes: Tensor | None = None) -> Tensor:
    """Spikes (steps, n, neurons), in ``spikes`` if it is given; the membranes go into ``potentials`` if it is given."""
    shape = current.shape if steady else current.shape[1:]
    spikes = current.new_empty((spiking.steps, *shape)) if spikes is None else spikes
    membrane = current.new_zeros(shape)
    for t in range(spiking.steps):
        if t and spiking.reset == "zero":
            membrane.mul_(1 - spikes[t - 1])
        membrane.mul_(spiking.beta).add_(current if steady else current[t])
        if t and spiking.reset == "subtract":
            membrane.sub_(spikes[t - 1], alpha=spiking.threshold)
        torch.gt(membrane, spiking.threshold, out=spikes[t])
        if potentials is not None:
            potentials[t] = membrane
    return spikes
