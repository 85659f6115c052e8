"""Synapses over a grid of cells: position, reach and charge (runtime/network/kinds/boxes.py has the equations), trainable and without waste.

Rule ``box``: the forward pass is the hard box that a device computes, with integer edges. The backward pass takes the soft one,

    sigmoid((cell - low) / T) * sigmoid((high - cell) / T)        per axis; T: softness, cells, annealed

so gradients reach positions and reaches. A box is a product of an axis' profiles, therefore a neuron's weights are one small matrix
product over its synapses, (charge * profile_y).T @ profile_x, and no array of the size synapses x cells is ever made. Synapses of
several channels do the same with a one-hot factor. The other rules are train/layers/euclidean.py.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from runtime.network.kinds.base import Maps
from runtime.network.network import Array, Layer
from train.config import TrainConfig
from train.config.kinds import Cells, Share, Size, Spec
from train.layers.base import Place
from train.layers.euclidean import Window, euclidean_weights
from train.layers.geometry import grid_maps

UINT16_MAX = 65535
HASH = 40503  # of a synapse's number, for the channel it reads: spread evenly, and nothing to store


class BoxSpec(Spec):
    """What entries of ``field`` and ``replicated`` share."""

    synapses: Cells = 4
    """Of a neuron."""
    grid: tuple[Cells, Size] | None = None
    """(height, width) of what it reads; None: the shape of a sample."""
    bits: Literal[8, 4] = 8
    """Of a charge after the quantised phase: -63..63, -7..7."""
    cells: Size | None = None
    """The most a box may hold; None: what keeps its sum below 2**16."""
    reach: tuple[Share, Share] | None = None
    """Half sides at the start, as shares of the grid or kernel."""

    def reads(self, arriving: Maps, size: int, k: int) -> Maps:
        return grid_maps(self.grid, arriving, size, k)


class Synapses(nn.Module):
    """``rows`` neurons of K synapses in a window of the grid. Edges, positions and reaches are in cells (y, x) of the whole grid."""

    channel: Tensor
    one_hot: Tensor
    cells_y: Tensor
    cells_x: Tensor

    def __init__(self, rule: str, area: tuple[int, int], crop: int, channels: int, channel: Tensor, limit: int, first: tuple[Tensor, ...]) -> None:
        super().__init__()
        position, reach, charge, bias = first
        self.rule, self.area, self.channels, self.limit = rule, area, channels, limit
        self.origin = tuple(crop if size > 1 else 0 for size in area)
        self.window = tuple(size - 2 * start for size, start in zip(area, self.origin, strict=True))
        self.position = nn.Parameter(position)  # (rows, K, 2)
        self.log_reach = nn.Parameter(reach.log())  # (rows, K, 2); rules other than box: (rows, K, 1)
        self.charge = nn.Parameter(charge)  # (rows, K)
        self.bias = nn.Parameter(bias)  # (rows,)
        self.softness = 1.0
        self.register_buffer("channel", channel, persistent=False)  # (rows, K)
        self.register_buffer("one_hot", nn.functional.one_hot(channel, channels).float().transpose(1, 2), persistent=False)
        for axis, name in enumerate(("cells_y", "cells_x")):
            self.register_buffer(name, self.origin[axis] + torch.arange(self.window[axis]) + 0.5, persistent=False)

    def edges(self) -> tuple[Tensor, Tensor]:
        """Integer (low, high), each (rows, K, 2), within the window; high >= low."""
        reach = self.log_reach.exp()
        start = torch.tensor(self.origin, device=reach.device, dtype=reach.dtype)
        end = start + torch.tensor(self.window, device=reach.device, dtype=reach.dtype)
        low = torch.clamp((self.position - reach).round(), start, end)
        high = torch.maximum(torch.clamp((self.position + reach).round(), start, end), low)
        flat = torch.tensor(self.area, device=reach.device) == 1  # along an axis of one cell every box covers it
        return torch.where(flat, torch.zeros_like(low), low), torch.where(flat, torch.ones_like(high), high)

    def profiles(self) -> tuple[Tensor, Tensor]:
        """(rows, K, height) and (rows, K, width) of rule box: hard values, soft gradients."""
        reach = self.log_reach.exp()
        low, high = self.position - reach, self.position + reach
        out = []
        for axis, cells in enumerate((self.cells_y, self.cells_x)):
            if self.area[axis] == 1:
                out.append(torch.ones(*self.charge.shape, 1, device=reach.device))
                continue
            a, b = low[..., axis, None], high[..., axis, None]
            soft = torch.sigmoid((cells - a) / self.softness) * torch.sigmoid((b - cells) / self.softness)
            with torch.no_grad():
                change = ((cells > a.round()) & (cells < b.round())).to(soft.dtype) - soft
            out.append(soft + change)
        return out[0], out[1]

    def weights(self, charge: Tensor) -> Tensor:
        """(rows, channels, height, width) of the window, linear in ``charge`` (rows, K)."""
        if self.rule != "box":
            window = Window(self.window, self.channels, self.channel, self.cells_y, self.cells_x)
            return euclidean_weights(self.rule, window, self.position, self.log_reach, charge)
        along_y, along_x = self.profiles() if self.position.requires_grad else (self.fixed_y, self.fixed_x)
        if self.channels == 1:
            return torch.bmm((charge[..., None] * along_y).transpose(1, 2), along_x)[:, None]
        left = self.one_hot[..., None] * (charge[..., None] * along_y)[:, None]  # (rows, channels, K, height)
        rows, channels, k, height = left.shape
        flat = left.transpose(2, 3).reshape(rows, channels * height, k)
        return torch.bmm(flat, along_x).view(rows, channels, height, -1)

    def settle(self) -> None:
        """Fix positions and reaches: the boxes no longer move."""
        if self.rule == "box":
            for name, value in zip(("fixed_y", "fixed_x"), self.profiles(), strict=True):
                self.register_buffer(name, value.detach().round())
        self.position.requires_grad_(False)
        self.log_reach.requires_grad_(False)

    @torch.no_grad()
    def hold(self) -> None:
        """Shrink every box of more than ``limit`` cells until it fits."""
        while self.rule == "box":
            low, high = self.edges()
            cells = (high - low).prod(2)
            large = cells > self.limit
            if not large.any():
                return
            self.log_reach[large] += (0.5 * (self.limit / cells[large]).log() - 0.01)[:, None]

    @torch.no_grad()
    def arrays(self) -> dict[str, Array]:
        """Position, reach, charge and bias of the network file; of a box the nearest ones that have exactly its edges."""
        position, reach = self.position, self.log_reach.exp()
        if self.rule == "box":
            low, high = self.edges()
            empty = low == high  # a reach must be above 0; a quarter cell rounds to nothing
            position, reach = torch.where(empty, low, (low + high) / 2), torch.where(empty, torch.full_like(low, 0.25), (high - low) / 2)
        named = {"position": position, "reach": reach, "charge": self.charge, "bias": self.bias}
        arrays = {name: value.detach().cpu().numpy().astype("float32", copy=True) for name, value in named.items()}
        return arrays if self.channels == 1 else {**arrays, "channel": self.channel.cpu().numpy().astype("uint8")}


def new_synapses(rows: int, spec: BoxSpec, rule: str, area: tuple[int, int], crop: int, place: Place, spread: bool) -> Synapses:
    """Random ones. ``spread``: neurons all over the grid (else around its middle), their synapses close together."""
    window = torch.tensor([size - 2 * crop if size > 1 else 1 for size in area], dtype=torch.float32)
    origin = torch.tensor([crop if size > 1 else 0 for size in area], dtype=torch.float32)
    k = spec.synapses
    soma = torch.rand(rows, 1, 2) * 0.7 + 0.15 if spread else torch.rand(rows, 1, 2) * 0.5 + 0.25
    position = origin + window * (soma + (0.14 if spread else 0.2) * torch.randn(rows, k, 2))
    shares = spec.reach or ((0.05, 0.25) if spread else (0.12, 0.35))
    smallest = torch.clamp(window * shares[0], min=0.7 if window.max() > 20 else 0.5)
    reach = smallest * (torch.clamp(window * shares[1], min=0.7) / smallest) ** torch.rand(rows, k, 2)
    charge = torch.randn(rows, k)
    charge = (charge - charge.mean(1, keepdim=True) if k > 1 else charge) / place.signal
    first = (position, reach if rule == "box" else reach.prod(2, keepdim=True).sqrt(), charge, torch.zeros(rows))
    channels = place.maps[0]
    number = torch.arange(rows * k).view(rows, k)
    channel = number * HASH % 65536 * channels // 65536
    return Synapses(rule, area, crop, channels, channel, spec.cells or UINT16_MAX // place.maximum, first)


def load_synapses(layer: Layer, spec: BoxSpec, area: tuple[int, int], crop: int, place: Place) -> Synapses:
    """Those of a network file."""
    a = {name: torch.tensor(value) for name, value in layer.arrays.items()}
    channel = a["channel"].long() if "channel" in a else torch.zeros(a["charge"].shape, dtype=torch.long)
    first = (a["position"], a["reach"], a["charge"], a["bias"])
    limit = spec.cells or UINT16_MAX // place.maximum
    return Synapses(str(layer.options["rule"]), area, crop, int(layer.options["channels"]), channel, limit, first)


def softness_at(config: TrainConfig, progress: float) -> float:
    """Cells, linear from the first to the last over the training."""
    first, last = config.softness
    return first + (last - first) * min(1.0, progress)
