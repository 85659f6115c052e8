"""Leaky integrate-and-fire neurons that learn: runtime/network/spiking/floating.py's equations, with snnTorch's surrogate gradients.

One autograd step for all time steps: the forward pass keeps the currents only, the backward pass runs the membranes again. As in snnTorch the
reset passes no gradient of its own. With s' the surrogate's slope at m_t - threshold and g_t the gradient of spike t, backwards in time:

    d current_t = lambda_t = g_t * s'(m_t - threshold) + beta * lambda_(t+1) (* (1 - z_t) where the reset is to zero)
    d beta      = sum over t of lambda_t * m_(t-1) (* (1 - z_(t-1)) where the reset is to zero)
    d threshold = - sum over t of g_t * s'(m_t - threshold) - sum over t of lambda_t * z_(t-1) where the reset subtracts

Surrogates and their usual slopes are snnTorch's too. Its Leaky, stepped through time, gives the same numbers (tests/train/test_spiking.py), in
several times the time and memory. Codings, read-outs and what a model does with time: train/spiking/dynamics.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from runtime.network.spiking.constants import Spiking

BLOCK = 131_072  # neurons times samples that are stepped through time together: their arrays stay in a core's cache


def _atan(above: Tensor) -> Tensor:
    """1 + (pi u)**2, in place."""
    return above.mul_(torch.pi).square_().add_(1)


def _fast_sigmoid(above: Tensor) -> Tensor:
    """(1 + 25 |u|)**2, in place."""
    return above.abs_().mul_(25).add_(1).square_()


SURROGATES: dict[str, Callable[[Tensor], Tensor]] = {"atan": _atan, "fast_sigmoid": _fast_sigmoid}  # 1 / slope of the step at u = m - threshold


@dataclass(frozen=True)
class _Time:
    """What stepping needs to know besides tensors."""

    steps: int
    zero: bool  # whether the reset is to zero
    surrogate: str
    steady: bool  # whether the currents are the same in every step


def lif(current: Tensor, spiking: Spiking, surrogate: str, steady: bool, beta: Tensor | None = None, threshold: Tensor | None = None) -> Tensor:
    """Spikes (steps, n, neurons) of currents (n, neurons), if ``steady``, or (steps, n, neurons).

    ``beta``, ``threshold``: () tensors that may learn, in place of the constants of ``spiking``.
    """
    beta = torch.tensor(spiking.beta) if beta is None else beta
    threshold = torch.tensor(spiking.threshold) if threshold is None else threshold
    out: Tensor = _Lif.apply(current, beta, threshold, _Time(spiking.steps, spiking.reset == "zero", surrogate, steady))
    return out


def membranes(current: Tensor, spiking: Spiking, steady: bool, beta: Tensor | None = None, threshold: Tensor | None = None) -> Tensor:
    """Membrane potentials (steps, n, neurons), differentiable in all tensors; meant for the few neurons of a last layer."""
    kept = spiking.beta if beta is None else beta
    level = spiking.threshold if threshold is None else threshold
    potentials: list[Tensor] = []
    membrane = torch.zeros_like(current if steady else current[0])
    spike = torch.zeros_like(membrane)
    for t in range(spiking.steps):
        if spiking.reset == "zero":
            membrane = membrane * (1 - spike)
        membrane = kept * membrane + (current if steady else current[t])
        if spiking.reset == "subtract":
            membrane = membrane - level * spike
        spike = (membrane.detach() > level).to(membrane.dtype)
        potentials.append(membrane)
    return torch.stack(potentials)


class _Lif(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, beta: Tensor, threshold: Tensor, time: _Time) -> Tensor:
        ctx.save_for_backward(current)
        ctx.beta, ctx.threshold, ctx.time = beta.item(), threshold.item(), time
        spikes = current.new_empty((time.steps, *(current.shape if time.steady else current.shape[1:])))
        for part in _parts(spikes):
            _run(current[part] if time.steady else current[:, part], ctx.beta, ctx.threshold, time, None, spikes[:, part])
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (g,), (current,) = grads, ctx.saved_tensors
        time: _Time = ctx.time
        out = torch.empty_like(current)
        learned = torch.zeros(2, device=g.device) if any(ctx.needs_input_grad[1:3]) else None  # d beta, d threshold
        for part in _parts(g):
            block = current[part] if time.steady else current[:, part]
            _backward(block, g[:, part], ctx.beta, ctx.threshold, time, out[part] if time.steady else out[:, part], learned)
        return out, *((None, None) if learned is None else learned.unbind()), None


def _parts(spikes: Tensor) -> list[slice]:
    """Samples that are stepped together."""
    rows = max(1, BLOCK // spikes.shape[2])
    return [slice(at, at + rows) for at in range(0, spikes.shape[1], rows)]


def _backward(current: Tensor, g: Tensor, beta: float, threshold: float, time: _Time, out: Tensor, learned: Tensor | None) -> None:
    """The gradient of the currents of some samples, into ``out``; that of beta and threshold is added to ``learned``."""
    potentials = current.new_empty(g.shape)
    spikes = _run(current, beta, threshold, time, potentials)
    carried = torch.zeros_like(g[0])  # lambda_(t+1) times what it passes on
    if time.steady:
        out.zero_()
    for t in reversed(range(time.steps)):
        inverse = SURROGATES[time.surrogate](potentials[t].sub_(threshold))
        carried.addcdiv_(g[t], inverse)
        if learned is not None:
            learned[1] -= (g[t] / inverse).sum()
            if t:
                before = potentials[t - 1] * (1 - spikes[t - 1]) if time.zero else potentials[t - 1]
                learned[0] += (carried * before).sum()
                learned[1] -= 0 if time.zero else (carried * spikes[t - 1]).sum()
        if time.steady:
            out.add_(carried)
        else:
            out[t] = carried
        carried.mul_(beta)
        if time.zero and t:
            carried.mul_(1 - spikes[t - 1])


def _run(current: Tensor, beta: float, threshold: float, time: _Time, potentials: Tensor | None, spikes: Tensor | None = None) -> Tensor:
    """Spikes (steps, n, neurons), in ``spikes`` if it is given; the membranes go into ``potentials`` if it is given."""
    shape = current.shape if time.steady else current.shape[1:]
    spikes = current.new_empty((time.steps, *shape)) if spikes is None else spikes
    membrane = current.new_zeros(shape)
    for t in range(time.steps):
        if t and time.zero:
            membrane.mul_(1 - spikes[t - 1])
        membrane.mul_(beta).add_(current if time.steady else current[t])
        if t and not time.zero:
            membrane.sub_(spikes[t - 1], alpha=threshold)
        torch.gt(membrane, threshold, out=spikes[t])
        if potentials is not None:
            potentials[t] = membrane
    return spikes
