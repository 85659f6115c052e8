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
(outputs, inputs). All of it runs over tiles of rows, a single one if the weights are kept. EPSILON of runtime/network/kinds/spatial.py bounds d2 from
below; there the gradient is 0, as that of a clamp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from devices.errors import unknown_name
from runtime.network.kinds.base import TILE
from runtime.network.kinds.spatial import EPSILON
from train.layers.pruning import kept, smallest


@dataclass(frozen=True)
class Rule:
    """A rule of runtime/network/rules.py on tensors. ``apply`` works in place; d rule / d d2 = factor * w**power, power >= 1."""

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
    """(outputs, inputs) squared length units. With a gap, one product of (q, |q|**2 + gap**2, 1) and (-2 p, 1, |p|**2); without, exact differences.

    Far from the centre the product's rounding can exceed a small gap; no distance is given as shorter than the gap.
    """
    gap2 = gap * gap
    if isinstance(gap, float) and gap == 0:  # relaxed neurons may almost coincide, where the product would cancel
        d2 = torch.zeros(len(receiver), len(sender), dtype=sender.dtype, device=sender.device)
        for k in range(sender.shape[1]):
            difference = receiver[:, k, None] - sender[None, :, k]
            d2.addcmul_(difference, difference)
        return d2
    centre = sender.mean(0)  # small coordinates cancel least
    p, q = sender - centre, receiver - centre
    left = torch.cat((q, (q * q).sum(1, keepdim=True) + gap2, torch.ones_like(q[:, :1])), 1)
    right = torch.cat((-2 * p.T, torch.ones_like(p.T[:1]), (p * p).sum(1)[None]))  # rows in memory: twice as fast to multiply with
    return (left @ right).clamp_(min=float(gap2))


@dataclass(frozen=True)
class Options:
    """What a product is, besides its tensors."""

    wiring: Rule
    share: float  # of the weights, the smallest, that are 0
    low: torch.dtype | None  # of the factors of the products with x and with the gradient; None: theirs. Sums keep theirs
    tiled: bool  # whether weights are made again, tile by tile, instead of kept


class _SpatialProduct(torch.autograd.Function):
    """See the module. Arguments: x (samples, inputs), mask (inputs,), sender (inputs, k), receiver (outputs, k), gap, bias (outputs,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, sender: Tensor, receiver: Tensor, gap: Tensor | float, bias: Tensor, options: Options) -> Tensor:
        rows = max(1, TILE // len(sender)) if options.tiled else len(receiver)
        tiles = [slice(at, at + rows) for at in range(0, len(receiver), rows)]
        cutoff = None
        if options.share:
            rank = kept(len(sender) * len(receiver), options.share)
            cutoff = smallest(lambda k: squared_distances(sender, receiver[tiles[k]], gap), len(tiles), rank)
        ctx.tiles, ctx.cutoff, ctx.options, ctx.gap = tiles, cutoff, options, None if isinstance(gap, Tensor) else gap
        sent = x * mask
        out = torch.empty(len(x), len(receiver), dtype=x.dtype, device=x.device)
        tensors = [x, mask, sender, receiver, *([gap] if isinstance(gap, Tensor) else [])]
        for tile in tiles:
            weight, near = _weights(sender, receiver[tile], gap, options.wiring, cutoff)
            if options.low is not None:
                out[:, tile] = sent.to(options.low).mm(weight.to(options.low).T).to(x.dtype).add_(bias[tile])
            elif len(tiles) == 1:
                out = torch.addmm(bias, sent, weight.T)
            else:
                out[:, tile] = torch.addmm(bias[tile], sent, weight.T)
            if not options.tiled:
                tensors += [weight, *([near] if near is not None else [])]
        ctx.save_for_backward(*tensors)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (g,) = grads
        x, mask, sender, receiver, *rest = ctx.saved_tensors
        gap = rest.pop(0) if ctx.gap is None else ctx.gap
        options: Options = ctx.options
        k = sender.shape[1]
        kind = options.low or x.dtype
        low_x = x.to(kind)
        d_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        d_mask, by_sender = torch.zeros_like(mask), torch.zeros(len(sender), k + 1, dtype=sender.dtype, device=sender.device)
        by_receiver = torch.empty(len(receiver), k + 1, dtype=sender.dtype, device=sender.device)
        masked = torch.cat((sender.T * mask, mask[None])).mul_(2 * options.wiring.factor)  # rows in memory, as in squared_distances
        for tile in ctx.tiles:
            q = receiver[tile]
            weight, near = _weights(sender, q, gap, options.wiring, ctx.cutoff) if options.tiled else (rest[0], rest[1] if len(rest) > 1 else None)
            low = g[:, tile].to(kind)
            if d_x is not None:
                d_x += low.mm(weight.to(kind)).to(g.dtype)
            a = low.T.mm(low_x).to(g.dtype).mul_(weight)
            d_mask += a.sum(0)
            for _ in range(options.wiring.power - 1):
                a.mul_(weight)
            if near is not None:
                a.masked_fill_(near, 0)
            by_receiver[tile] = a @ masked.T
            by_sender += (torch.cat((q, torch.ones_like(q[:, :1])), 1).mul_(2 * options.wiring.factor).T @ a).T
        d_receiver = receiver * by_receiver[:, k:] - by_receiver[:, :k]
        d_sender = (sender * by_sender[:, k:] - by_sender[:, :k]).mul_(mask[:, None])
        d_gap = gap * by_receiver[:, k].sum() if isinstance(gap, Tensor) else None
        return None if d_x is None else d_x.mul_(mask), d_mask, d_sender, d_receiver, d_gap, g.sum(0), None


def _weights(sender: Tensor, receiver: Tensor, gap: Tensor | float, wiring: Rule, cutoff: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """(rows, inputs) sizes of the weights, and where neurons are so near that distance has no gradient (None: nowhere)."""
    d2 = squared_distances(sender, receiver, gap)
    far = None if cutoff is None else d2 > cutoff
    near = None
    if float(gap) ** 2 < 2 * EPSILON:
        near = d2 < EPSILON
        d2.clamp_(min=EPSILON)
    weight = wiring.apply(d2)
    if far is not None:
        weight.masked_fill_(far, 0)
    return weight, near


def spatial_product(
    x: Tensor,
    mask: Tensor,
    sender: Tensor,
    receiver: Tensor,
    gap: Tensor | float,
    bias: Tensor,
    wiring: Rule,
    share: float = 0.0,
    low: torch.dtype | None = None,
    tiled: bool = False,
) -> Tensor:
    """(samples, outputs). ``gap``: a learned scalar tensor, a fixed length, or 0.0 where the positions hold it (relaxed).

    ``share``: of the weights, those of the longest connections, that are 0 (train/layers/pruning.py). ``low``: what the factors of the
    products with x and with the gradient are rounded to (bfloat16); sums, positions and everything made of them keep their precision.
    ``tiled``: never hold more than ``TILE`` weights, and make them again in the backward pass: memory O(inputs + outputs) instead of their product.
    """
    out: Tensor = _SpatialProduct.apply(x, mask, sender, receiver, gap, bias, Options(wiring, share, low, tiled))
    return out
