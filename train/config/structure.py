"""What a network is made of, as a recipe says it: one entry of ``layers`` a layer, from the input to the scores.

Without entries the options ``model``, ``hidden``, ``head`` and ``synapses`` say the same for the usual case.
To add a kind: a class here with its fields, and its name in ``LayerSpec``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from runtime.network.kinds.boxes import RULES
from runtime.network.kinds.replicated import MEAN_SIDES
from train.config.tables import Table

if TYPE_CHECKING:
    from train.config import TrainConfig

Size = Annotated[int, Field(ge=1)]
Cells = Annotated[int, Field(ge=1, le=255)]
Share = Annotated[float, Field(gt=0, le=1)]


class SpatialSpec(Table):
    """Positions on both sides; rule, gap and coordinates are those of the run."""

    kind: Literal["spatial"]
    """Which of the kinds of layers."""
    outputs: Size | None = None
    """Neurons; the last layer has one a class."""


class DenseSpec(Table):
    """Ordinary weights."""

    kind: Literal["dense"]
    """Which of the kinds of layers."""
    outputs: Size | None = None
    """Neurons; the last layer has one a class."""
    bits: Literal[8, 4, 2] = 8
    """Of a weight after the quantised phase: -63..63, -7..7, -1..1."""
    odd: bool = False
    """Weights of 2 bits are -3, -1, 1 and 3 instead of -1, 0 and 1: one more value in the same space."""
    normalise: bool = True
    """Batch normalisation behind the layer while training; never behind the last."""

    @model_validator(mode="after")
    def _two_bits(self) -> DenseSpec:
        if self.odd and self.bits != 2:
            raise ValueError(f"odd weights have 2 bits, not {self.bits}")
        return self


class BoxSpec(Table):
    """What ``field`` and ``replicated`` share."""

    synapses: Annotated[int, Field(ge=1, le=255)] = 4
    """Of a neuron."""
    grid: tuple[Cells, Cells] | None = None
    """(height, width) of what it reads; None: the shape of a sample."""
    bits: Literal[8, 4] = 8
    """Of a charge after the quantised phase: -63..63, -7..7."""
    cells: Size | None = None
    """The most a box may hold; None: what keeps its sum below 2**16."""
    reach: tuple[Share, Share] | None = None
    """Half sides at the start, as shares of the grid or kernel."""


class FieldSpec(BoxSpec):
    """Neurons with synapses anywhere on the grid."""

    kind: Literal["field"]
    """Which of the kinds of layers."""
    outputs: Size | None = None
    """Neurons; the last layer has one a class."""
    rule: str = "box"
    """See runtime/network/kinds/boxes.py."""
    crop: Annotated[int, Field(ge=0)] = 0
    """Outer cells, on every side of more than one cell, that no box may cover."""

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str) -> str:
        if value not in RULES:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(RULES))}")
        return value


class ReplicatedSpec(BoxSpec):
    """Prototypes repeated over the grid."""

    kind: Literal["replicated"]
    """Which of the kinds of layers."""
    prototypes: Annotated[int, Field(ge=1, le=256)]
    """Neurons that are repeated over the grid, each a map of outputs."""
    kernel: Cells = 5
    """Side of the square a prototype's boxes lie in."""
    stride: Cells = 1
    """Cells from one place of a prototype to the next."""
    padding: Annotated[int, Field(ge=0, le=255)] | None = None
    """Zeros around the grid; None: half the kernel."""
    pool: Cells = 1
    """Side of the squares of positions that become one value."""
    pooling: Literal["max", "average"] = "max"
    """Which: the largest, or the mean of the activations."""

    @model_validator(mode="after")
    def _whole_shift(self) -> ReplicatedSpec:
        if self.pooling == "average" and self.pool not in MEAN_SIDES:
            raise ValueError(f"a mean is taken over squares of side {', '.join(map(str, MEAN_SIDES))}, not {self.pool}")
        return self


LayerSpec = Annotated[SpatialSpec | DenseSpec | FieldSpec | ReplicatedSpec, Field(discriminator="kind")]
SPECS: dict[str, type[Table]] = {"spatial": SpatialSpec, "dense": DenseSpec, "field": FieldSpec, "replicated": ReplicatedSpec}


def structure(config: TrainConfig) -> tuple[SpatialSpec | DenseSpec | FieldSpec | ReplicatedSpec, ...]:
    """Every layer's entry: those of ``layers``, or hidden layers of kind ``model`` and a last one of kind ``head``.

    A field layer reads a grid, so behind the first hidden one ``model = "field"`` goes on with dense layers, as its head does.
    """
    if config.layers:
        return config.layers
    if config.model != "field":
        kinds = [config.model] * len(config.hidden) + [config.head or config.model]
    else:
        kinds = ["field", *["dense"] * (len(config.hidden) - 1), config.head or "dense"] if config.hidden else ["field"]
    found: list[SpatialSpec | DenseSpec | FieldSpec | ReplicatedSpec] = []
    for kind, outputs in zip(kinds, [*config.hidden, None], strict=True):
        if kind == "field":
            found.append(FieldSpec(kind="field", outputs=outputs, rule=config.rule, synapses=config.synapses))
        elif kind == "dense":
            found.append(DenseSpec(kind="dense", outputs=outputs, normalise="field" in kinds))
        else:
            found.append(SpatialSpec(kind="spatial", outputs=outputs))
    return tuple(found)
