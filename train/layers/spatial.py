"""``spatial``: a position a neuron, distance becomes weight (runtime/network/kinds/spatial.py has the equation; train/layers/wiring.py computes it).

Learned: positions (the receivers of one spatial layer are the senders of the next), a bias a receiver, an inhibition a sender, and the gap
between the two planes if it is ``learned``. ``relaxed`` neurons learn their last coordinate too, started uniform in [l, l + 1) for plane l.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from devices.errors import InputError
from runtime.network.kinds.spatial import TILED_FROM
from runtime.network.kinds.spatial import Spatial as SpatialKind
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.kinds import NeuronSpec
from train.layers.base import Place, PositionLayer, Role, multiplied_in
from train.layers.pruning import cutoff_between
from train.layers.wiring import rule, spatial_product

DECIDED = 40.0  # steepness at which the mask of 1 is 1 in float32


class SpatialSpec(NeuronSpec):
    """Positions on both sides; rule, gap and coordinates are those of the run."""

    kind: Literal["spatial"] = "spatial"
    """Which of the kinds of layers."""

    tiles: ClassVar[bool] = True

    @classmethod
    def settings_of(cls, layer: Layer) -> dict[str, Any]:
        gap = str(layer.options["gap_kind"])
        return {"gap": gap, "rule": str(layer.options["rule"]), "d": layer.arrays["sender"].shape[1] + (gap != "relaxed")}


class Spatial(PositionLayer):
    kind = "spatial"
    written_out = True

    def __init__(
        self, place: Place, config: TrainConfig, sender: nn.Parameter, receiver: Tensor, inhibition: Tensor, bias: Tensor, gap: float, tied: bool
    ) -> None:
        super().__init__()
        self.place = place
        self.prune = config.prune
        self.gap_kind = config.gap
        self.rule_name = config.rule
        self.steepness_range = config.steepness
        self.steepness = config.steepness[1]
        self.settled_from = config.settle
        self.tiled = config.weights == "tiled" or (config.weights == "auto" and place.inputs * place.outputs >= TILED_FROM)
        self.gap_min = config.gap_min * place.unit
        self.tied = tied
        self.sender = sender  # (inputs, k); k = d - 1, or d if relaxed
        self.receiver = nn.Parameter(receiver)  # (outputs, k)
        self.inhibition = nn.Parameter(inhibition)  # (inputs,)
        self.bias = nn.Parameter(bias)  # (outputs,)
        self.gap = nn.Parameter(torch.tensor(gap)) if config.gap == "learned" else gap
        self.wiring = rule(config.rule)
        self.multiplied_in = multiplied_in(place, config)

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> Spatial:
        """Coordinates normal with ``config.spread``, signs balanced at random, gap 1, all in ``place.unit``."""
        depth = 0 if place.before is None else getattr(place.before, "depth", 0) + 1
        tied = isinstance(place.before, Spatial)
        sender = place.before.receiver if isinstance(place.before, Spatial) else nn.Parameter(_positions(place.inputs, depth, place, config))
        receiver = _positions(place.outputs, depth + 1, place, config)
        inhibition = torch.linspace(-1, 1, place.inputs)[torch.randperm(place.inputs)] * config.inhibition_spread  # balanced
        gap = 0.0 if config.gap == "relaxed" else place.unit
        layer = cls(place, config, sender, receiver, inhibition, torch.zeros(place.outputs), gap, tied)
        layer.depth = depth
        return layer

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Spatial:
        options, arrays = layer.options, layer.arrays
        if "inhibition" not in arrays:
            raise InputError(f"layer '{layer.name}' is frozen: it has signs, no inhibition. Fine-tuning needs a network of stage 'trained'.")
        config = config.model_copy(update=SpatialSpec.settings_of(layer))
        tied = bool(options["tied"]) and isinstance(place.before, Spatial)
        sender = place.before.receiver if tied and isinstance(place.before, Spatial) else nn.Parameter(torch.tensor(arrays["sender"]))
        spatial = cls(
            place,
            config,
            sender,
            torch.tensor(arrays["receiver"]),
            torch.tensor(arrays["inhibition"]),
            torch.tensor(arrays["bias"]),
            float(options["gap"]),
            tied,
        )
        spatial.steepness_range = (options["steepness"], options["steepness"])
        spatial.steepness = options["steepness"]
        return spatial

    depth: int = 0  # index of the sender's plane

    def mask(self) -> Tensor:
        """(inputs,) in [-1, 1]: 2 * sigmoid(steepness * v) - 1."""
        return torch.tanh(self.inhibition * (self.steepness / 2))

    def forward(self, x: Tensor) -> Tensor:
        options = self.wiring, self.prune, self.multiplied_in, self.tiled
        return spatial_product(x, self.mask(), self.sender, self.receiver, self.gap, self.bias, *options)

    def centre(self, sums: Tensor) -> None:
        """Weights of one sender differ little at first, so without this all neurons could start beyond the reach of relu, and stay there."""
        with torch.no_grad():
            self.bias.sub_(sums.mean(0))

    def anneal(self, progress: float) -> None:
        """Steepness grows geometrically from its start to its end. From ``settle`` on no value is nearer to 0 than 1: with a steep end every
        mask is then exactly +1 or -1 and stays so, and the positions learn what is lost by that. A learned gap stays above ``gap_min``: where
        planes touch, single weights explode, training with them, and int8 has no steps left for the others."""
        start, end = self.steepness_range
        self.steepness = start * (end / start) ** min(1.0, progress / (self.settled_from or 1.0))
        with torch.no_grad():
            if isinstance(self.gap, nn.Parameter):
                self.gap.clamp_(min=self.gap_min)
            if self.settled_from is not None and progress >= self.settled_from:
                self._decide()

    def _decide(self) -> None:
        """Move every inhibition value at least 1 away from 0, to its own side."""
        self.inhibition.copy_(torch.where(self.inhibition < 0, self.inhibition.clamp(max=-1.0), self.inhibition.clamp(min=1.0)))

    @torch.no_grad()
    def settle(self) -> None:
        """Every mask is +1 or -1 from now on, and the planes stay where they are."""
        self._decide()
        self.steepness = max(self.steepness, DECIDED)
        self.inhibition.requires_grad_(False)
        if isinstance(self.gap, nn.Parameter):
            self.gap.requires_grad_(False)

    def roles(self) -> Iterator[Role]:
        if not self.tied:
            yield Role("position", self.sender, self.place.unit)
        yield Role("position", self.receiver, self.place.unit)
        yield Role("inhibition", self.inhibition, 1.0)
        yield Role("bias", self.bias, self.place.output_signal)
        if isinstance(self.gap, nn.Parameter):
            yield Role("gap", self.gap, self.place.unit)

    def export(self, name: str, activation: str) -> Layer:
        arrays = {key: getattr(self, key).detach().cpu().numpy().astype("float32", copy=True) for key in ("sender", "receiver", "inhibition", "bias")}
        options = {
            "gap_kind": self.gap_kind,
            "gap": abs(float(self.gap.detach() if isinstance(self.gap, nn.Parameter) else self.gap)),
            "steepness": float(self.steepness),
            "rule": self.rule_name,
            "tied": self.tied,
        }
        layer = Layer(name, self.kind, self.place.inputs, self.place.outputs, activation, arrays, options)
        if not self.prune:
            return layer
        kind = SpatialKind()
        rows = kind.rows(layer)
        cutoff2 = cutoff_between(lambda k: torch.from_numpy(kind.squared_distances(rows[k])), len(rows), layer.inputs * layer.outputs, self.prune)
        return layer.with_options(cutoff2=cutoff2)


def _positions(count: int, plane: int, place: Place, config: TrainConfig) -> Tensor:
    """(count, k) first coordinates of a plane's neurons, in length units: normal, and pixels of an image in their grid where d allows it."""
    across = torch.randn(count, config.d - 1)
    if config.start == "grid" and plane == 0 and len(place.shape) in (2, 3) and config.d > 2:
        height, width, *channels = place.shape
        rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        grid = torch.stack((columns, rows), -1) * 3**0.5  # as wide as normal coordinates
        across[:, :2] = grid[:, :, None].expand(height, width, channels[0] if channels else 1, 2).reshape(-1, 2)
        across[:, 2:] *= 0.3
    across *= config.spread
    if config.gap == "relaxed":
        across = torch.cat((across, plane + torch.rand(count, 1)), 1)
    return across * place.unit


SPEC, LAYER = SpatialSpec, Spatial
