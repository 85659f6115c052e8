"""What a training run is told, field by field; train/config/files.py reads it from recipes and files.

``rate`` is the peak of the schedule for positions; every other parameter learns at ``rate * rates[its role]``. With a table ``quantise``
the float phase of ``epochs`` epochs is followed by a quantisation-aware one (train/quantised/layers.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from runtime.network.kinds import KINDS
from runtime.network.rules import RULES
from train.config.kinds import MODULES, LayerSpec, Spec, spec_class
from train.config.structure import structure
from train.config.tables import Augment, Decay, Distil, NotNegative, Positive, Quantise, Rates, SpikingConfig, Table


class TrainConfig(Table):
    """One training run. ``nearwire train fit`` alone takes the recipe ``digits-spatial``.

    >>> TrainConfig(data="mnist", model="field", hidden=(84, 32)).schedule
    'warm-cosine'
    """

    recipe: str | None = None
    """The recipe it came from, for the record."""
    data: str = "digits"
    """A data set's name (digits, mnist, fashion-mnist, ...), a .npz file or a folder of images; see runtime/data/dataset.py."""
    hold_out: bool = True
    """False: the validation samples are trained on too, and nothing is measured before the end."""
    model: str = "spatial"
    """Kind of every layer: spatial, dense or field; see train/layers."""
    head: str | None = None
    """Kind of the last layer, if another."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)
    """Neurons of each hidden layer, as 256 or 256,128; empty, as an option 0: none."""
    synapses: Annotated[int, Field(ge=1, le=255)] = 4
    """Synapses of a neuron of a field layer."""
    layers: tuple[LayerSpec, ...] = ()
    """Every layer by itself, instead of model, head, hidden and synapses; see train/config/kinds.py."""
    input_bits: int = Field(8, ge=1, le=8)
    """Of an input byte that the network reads, the high ones."""
    d: int = Field(3, ge=2)
    """Coordinates of a neuron, the plane's included."""
    gap: Literal["fixed", "learned", "relaxed"] = "learned"
    """Distance of two planes: 1 (fixed), one that learns (learned), or each neuron's own last coordinate (relaxed)."""
    gap_min: Positive = 0.1
    """Of a learned gap, length units."""
    rule: str = "inverse"
    """Weight of a distance: inverse, inverse_square, gaussian, for field layers box too; see runtime/network/rules.py and kinds/boxes.py there."""
    epochs: int = Field(30, ge=1)
    """Passes over the training data in the float phase."""
    batch: int = Field(100, ge=1)
    """Samples a step."""
    rate: Positive = 0.1
    """Peak learning rate, of positions: length units a step."""
    rates: Rates = Rates()
    """Learning rates of everything, relative to ``rate``."""
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    """Of Adam."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """Precision of the factors of matrix products. tf32: on a GPU only; bf16: of spatial and dense layers of 64 outputs or more."""
    weights: Literal["auto", "stored", "tiled"] = "auto"
    """Weights of a spatial layer in a training step; tiled: made again for the backward pass, never kept."""
    compile: bool = False
    """Steps by torch.compile: worth it for replicated layers, needs a C++ compiler."""
    schedule: Literal["one-cycle", "warm-cosine", "cosine", "constant"] = "one-cycle"
    """How the rate moves over the epochs; see train/loop/schedule.py."""
    spiking: SpikingConfig | None = None
    """Leaky integrate-and-fire neurons; None: relu."""
    quantise: Quantise | None = None
    """The quantisation-aware phase; None: none."""
    distil: Distil | None = None
    """Learn from trained networks beside the labels; None: from the labels alone."""
    init: str | None = None
    """Network to fine-tune: a file, a folder or zoo:NAME."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the first parameters and of the order of the samples."""
    prune: float = Field(0.0, ge=0, lt=1)
    """Share of each layer's weights held at zero, longest connections first."""
    prune_structure: Literal["none", "block4"] = "none"
    """block4: dense layers lose blocks of four neurons' weights of one input."""
    augment: Augment | None = None
    """Random changes of the training images; None: none."""
    noise: NotNegative = 0.0
    """Standard deviation of noise on the input while training, as a share of the byte range."""
    smoothing: float = Field(0.0, ge=0, lt=1)
    """Label smoothing of the cross-entropy."""
    start: Literal["grid", "random"] = "grid"
    """Of the inputs' positions: an image's pixels in their grid, or normal."""
    spread: Positive = 1.0
    """Standard deviation of the first coordinates, length units."""
    weight_spread: Positive | None = None
    """Standard deviation of the first weights of dense layers, normal; None: uniform in +-1 / sqrt(inputs), as nn.Linear."""
    inhibition_spread: Positive = 1.0
    """The first inhibition values are spread evenly over +- this."""
    steepness: tuple[Positive, Positive] = (5.0, 100.0)
    """Of the mask tanh(steepness * v / 2), first and last."""
    settle: float | None = Field(0.7, gt=0, le=1)
    """Share of the training after which the signs are fixed; None (in TOML: 0): never."""
    frames: int = Field(0, ge=0, le=1000)
    """How often the positions are kept while they move, for the animation in curves.html; 0: never."""
    softness: tuple[Positive, Positive] = (1.0, 0.3)
    """Of the edges of boxes in the backward pass, cells, first and last."""

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:
        """What naming a ``model`` means where nothing else is said."""
        kind = values.get("model") if isinstance(values, Mapping) else None
        if isinstance(kind, str) and kind in MODULES and not values.get("layers"):
            return {**spec_class(kind).usual(values), **values}
        return values

    @model_validator(mode="before")
    @classmethod
    def _one_structure(cls, values: Any) -> Any:
        both = [name for name in ("model", "head", "hidden", "synapses") if name in values] if isinstance(values, Mapping) else []
        if both and values.get("layers"):
            raise ValueError(f"layers and {' and '.join(both)} both say what the network is made of; leave one out")
        return values

    @model_validator(mode="after")
    def _whole_layers(self) -> TrainConfig:
        if self.prune and (self.init is None or self.layers):
            self._check_prune()
        if self.spiking is not None and self.distil is not None:
            raise ValueError("spiking and distil are both given, but spiking networks have losses of their own; leave one out")
        if self.spiking is not None and (silent := [layer.kind for layer in structure(self) if not KINDS[layer.kind].spikes]):
            able = ", ".join(kind for kind in MODULES if KINDS[kind].spikes)
            raise ValueError(f"spiking is given, but a layer is {silent[0]}, whose neurons cannot spike; allowed: {able}")
        if self.spiking is not None and self.spiking.coding != "direct" and self.input_bits != 8:
            raise ValueError(f"spiking.coding '{self.spiking.coding}' needs input_bits 8, not {self.input_bits}")
        if self.prune_structure != "none" and self.init is None and not prunable(structure(self), self.prune_structure):
            raise ValueError(
                f"prune_structure is '{self.prune_structure}', which only networks of dense layers have; leave it out or give model = 'dense'"
            )
        return self

    def _check_prune(self) -> None:
        layers = structure(self)
        unpruned = sorted({layer.kind for layer in layers if not KINDS[layer.kind].pruning})
        if unpruned and all(KINDS[kind].synapses for kind in unpruned):
            raise ValueError(
                f"prune is {self.prune}, but {' and '.join(unpruned)} layers have synapses, not weights to prune; give them fewer synapses"
            )
        if unpruned:
            raise ValueError(f"prune is {self.prune}, but the weights of {' and '.join(unpruned)} layers cannot be cut; leave prune out")
        if reasons := [reason for layer in layers if (reason := layer.unprunable())]:
            raise ValueError(f"prune is {self.prune}, but {reasons[0]}")

    @field_validator("settle", "quantise", mode="before")
    @classmethod
    def _never(cls, value: Any) -> Any:
        """0 in TOML, which has no word for it."""
        return None if value == 0 and not isinstance(value, bool) else value

    @field_validator("augment", mode="before")
    @classmethod
    def _strength(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return {"rotation": 10 * value, "scale": 0.1 * value, "shear": 0.1 * value, "shift": 0.1 * value} if value else None

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str, info: ValidationInfo) -> str:
        kind = KINDS.get(info.data.get("model", ""))
        known = (kind.rules if kind is not None else ()) or RULES
        if value not in known:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(known))}")
        return value

    @field_validator("model", "head")
    @classmethod
    def _known_kind(cls, value: str | None) -> str | None:
        if value is not None and (value not in MODULES or not spec_class(value).named):
            known = sorted(kind for kind in MODULES if spec_class(kind).named)
            hint = "; its layers have more sizes than one: list them as layers in a TOML file" if value in MODULES else ""
            raise ValueError(f"'{value}' is not one of {', '.join(known)}{hint}")
        return value


def prunable(layers: Iterable[Spec], structure: str) -> bool:
    """Whether every layer can be pruned in that structure."""
    return all(structure in KINDS[layer.kind].pruning for layer in layers)
