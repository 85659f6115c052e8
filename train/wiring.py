"""The differentiable weights of position layers, fused: positions in, layer output out, no (outputs, inputs, d) array in between.

    d2_ji = ||receiver_j - sender_i||**2 + gap**2        one matrix product of the positions and their norms
    w_ji  = rule(d2_ji), 0 where d2_ji > cutoff2
    out   = (x * mask) @ w.T + bias

Every rule's derivative is a power of the weight itself, d rule / d d2 = factor * w**power, so the backward pass needs the weights only:
with G = (d out).T @ x, A = G * w and B = 2 * factor * A * w**(power - 1),

    d mask     = column sums of A
    d receiver = receiver * (B @ mask) - B @ (sender * mask)
    d sender   = mask * (sender * (B.T @ 1) - B.T @ receiver)
    d gap      = gap * sum of B @ mask

Pruned connections have w = 0 and thereby no gradient. The mask multiplies the sender's output, so it costs (samples, inputs), not
(outputs, inputs). EPSILON of runtime/kinds/spatial.py bounds d2 from below; there the gradient is 0, as that of a clamp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from devices.errors import unknown_name
from runtime.kinds.spatial import EPSILON


@dataclass(frozen=True)
class Rule:
    """A rule of runtime/rules.py on tensors. ``apply`` works in place; d rule / d d2 = factor * w**power, power >= 1."""

    apply: Callable[[Tensor], Tensor]
    factor: float
    power: int


RULES = {
    "inverse": Rule(lambda d2: d2.rsqrt_(), -0.5, 3),
    "inverse_square": Rule(lambda d2: d2.reciprocal_(), -1.0, 2),
    "gaussian": Rule(lambda d2: d2.mul_(-0.5).exp_(), -0.5, 1),
}


def rule(name: str) -> Rule:
    """The rule of that name; InputError with the nearest name otherwise."""
    if name not in RULES:
        raise unknown_name("wiring rule", name, RULES)
    return RULES[name]


def squared_distances(sender: Tensor, receiver: Tensor, gap: Tensor | float) -> Tensor:
    """(outputs, inputs) squared length units. With a gap, one product of (q, |q|**2 + gap**2, 1) and (-2 p, 1, |p|**2); without, exact differences."""
    gap2 = gap * gap
    if isinstance(gap, float) and gap == 0:  # relaxed neurons may almost coincide, where the product would cancel
        d2 = torch.zeros(len(receiver), len(sender), dtype=sender.dtype, device=sender.device)
        for k in range(sender.shape[1]):
            difference = receiver[:, k, None] - sender[None, :, k]
            d2.addcmul_(difference, difference)
        return d2
    centre = sender.mean(0)  # small coordinates cancel least
    p, q = sender - centre, receiver - centre
    ones_p, ones_q = torch.ones_like(p[:, :1]), torch.ones_like(q[:, :1])
    left = torch.cat((q, (q * q).sum(1, keepdim=True) + gap2, ones_q), 1)
    right = torch.cat((-2 * p, ones_p, (p * p).sum(1, keepdim=True)), 1)
    return left @ right.T


class _SpatialProduct(torch.autograd.Function):
    """See the module. Arguments: x (samples, inputs), mask (inputs,), sender (inputs, k), receiver (outputs, k), gap, bias (outputs,)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mask: Tensor,
        sender: Tensor,
        receiver: Tensor,
        gap: Tensor | float,
        bias: Tensor,
        wiring: Rule,
        cutoff: Cutoff | None,
        kind: torch.dtype,
    ) -> Tensor:
        d2 = squared_distances(sender, receiver, gap)
        far = None if cutoff is None else d2 > cutoff(d2)
        near = None
        if float(gap) ** 2 < 2 * EPSILON:
            near = d2 < EPSILON
            d2.clamp_(min=EPSILON)
        weight = wiring.apply(d2)
        if far is not None:
            weight.masked_fill_(far, 0)
        ctx.save_for_backward(x, mask, sender, receiver, weight, *([gap] if isinstance(gap, Tensor) else []), *([near] if near is not None else []))
        ctx.wiring, ctx.gap = wiring, None if isinstance(gap, Tensor) else gap
        ctx.near, ctx.kind = near is not None, kind
        if kind != x.dtype:
            return (x * mask).to(kind).mm(weight.to(kind).T).to(x.dtype).add_(bias)
        return torch.addmm(bias, x * mask, weight.T)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (g,) = grads
        x, mask, sender, receiver, weight, *rest = ctx.saved_tensors
        gap = rest.pop(0) if ctx.gap is None else ctx.gap
        k = sender.shape[1]
        low, kind = g.to(ctx.kind), ctx.kind
        d_x = low.mm(weight.to(kind)).to(g.dtype).mul_(mask) if ctx.needs_input_grad[0] else None
        a = low.T.mm(x.to(kind)).to(g.dtype).mul_(weight)
        d_mask = a.sum(0)
        for _ in range(ctx.wiring.power - 1):
            a.mul_(weight)
        if ctx.near:
            a.masked_fill_(rest[0], 0)
        by_receiver = a @ torch.cat((sender * mask[:, None], mask[:, None]), 1).mul_(2 * ctx.wiring.factor)
        by_sender = (torch.cat((receiver, torch.ones_like(receiver[:, :1])), 1).mul_(2 * ctx.wiring.factor).T @ a).T
        d_receiver = receiver * by_receiver[:, k:] - by_receiver[:, :k]
        d_sender = (sender * by_sender[:, k:] - by_sender[:, :k]).mul_(mask[:, None])
        d_gap = gap * by_receiver[:, k].sum() if isinstance(gap, Tensor) else None
        return d_x, d_mask, d_sender, d_receiver, d_gap, g.sum(0), None, None, None


Cutoff = Callable[[Tensor], Tensor]


def spatial_product(
    x: Tensor,
    mask: Tensor,
    sender: Tensor,
    receiver: Tensor,
    gap: Tensor | float,
    bias: Tensor,
    wiring: Rule,
    cutoff: Cutoff | None = None,
    kind: torch.dtype = torch.float32,
) -> Tensor:
    """(samples, outputs). ``gap``: a learned scalar tensor, a fixed length, or 0.0 where the positions hold it (relaxed).

    ``cutoff``: from the squared distances, the one beyond which weights are 0 (train/pruning.py). ``kind``: what the products with x and with
    the gradient are multiplied in, float32 or bfloat16; sums are float32 either way, and so are the positions and everything made of them.
    """
    out: Tensor = _SpatialProduct.apply(x, mask, sender, receiver, gap, bias, wiring, cutoff, kind)
    return out
