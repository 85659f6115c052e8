"""What a training run is told: defaults, TOML files and recipes, checked field by field.

``rate`` is the peak of the schedule for positions; every other parameter learns at ``rate * rates[its role]``. With a table ``quantise``
the float phase of ``epochs`` epochs is followed by a quantisation-aware one (train/quantisation.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from devices.errors import InputError, unknown_name
from runtime.kinds.boxes import RULES as BOX_RULES
from runtime.rules import RULES
from runtime.spiking import Spiking
from train.layers import LAYERS
from train.structure import SPECS, LayerSpec, structure

RECIPES = Path(__file__).with_name("recipes")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Rates(BaseModel):
    """Learning rates by role, relative to ``rate``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    position: NotNegative = 1.0
    inhibition: NotNegative = 1.0
    bias: NotNegative = 1.0
    gap: NotNegative = 1.0
    weight: NotNegative = 0.05  # of dense layers, their bias included, and of normalisations
    charge: NotNegative = 0.67  # of synapses
    neuron: NotNegative = 0.05  # of learned betas and thresholds of spiking neurons


class Augment(BaseModel):
    """Random changes of the training images, see train/augment.py. A plain number n is short for n times 10 degrees and 10 %."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(1.0, gt=0, le=1)  # of the images that are changed
    rotation: NotNegative = 0.0  # degrees, either way
    scale: float = Field(0.0, ge=0, lt=1)  # of each axis
    shear: NotNegative = 0.0
    shift: NotNegative = 0.0  # shares of the side
    flip: bool = False  # left and right swapped in every second image
    elastic: NotNegative = 0.0  # standard deviation of the bending, share of the side


class Quantise(BaseModel):
    """The quantisation-aware phase."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(10, ge=1)
    rate: Positive = 0.25  # peak rate, as a share of the float phase's
    charge: NotNegative = 0.1  # a further factor for charges
    percentile: float = Field(99.99, gt=50, le=100)  # of the positive activations that are not cut off
    bits: int = Field(8, ge=4, le=8)  # of a coordinate of spatial layers


class Distil(BaseModel):
    """Trained networks to learn from, see train/teacher.py."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    teacher: tuple[str, ...] = Field(min_length=1)  # files, run folders or zoo:NAME; one may be given without brackets
    weight: float = Field(0.9, ge=0, le=1)  # of their probabilities in the loss; the labels have the rest
    temperature: Positive = 2.0  # the scores of both sides are divided by it

    @field_validator("teacher", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class SpikingConfig(BaseModel):
    """Leaky integrate-and-fire neurons in every layer; runtime/spiking has the equations, train/spiking_neurons.py the losses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(10, ge=1, le=1000)  # time steps a sample
    beta: float = Field(0.95, ge=0, le=1)  # share of the membrane potential that is left after a step
    threshold: Positive = 1.0
    reset: Literal["subtract", "zero"] = "subtract"
    coding: Literal["direct", "rate", "latency"] = "direct"  # the input values are a constant current, or spikes: more, or earlier, for larger ones
    readout: Literal["count", "membrane", "first"] = "membrane"  # scores: the last layer's spikes, mean membrane potentials, or who spikes first
    surrogate: Literal["atan", "fast_sigmoid"] = "atan"  # snnTorch's gradient of the step
    learn: tuple[Literal["beta", "threshold"], ...] = ()  # one of each a layer, from the values above
    loss: Literal["scores", "steps"] = "scores"  # cross-entropy of the scores, or of the last membrane potentials in every step
    activity: float | None = Field(None, ge=0, le=1)  # spikes a neuron and step that a hidden layer may have without penalty; None: no penalty
    activity_weight: Positive = 1.0  # of what is above

    def constants(self) -> Spiking:
        """What the network file says."""
        return Spiking(**self.model_dump(include={"steps", "beta", "threshold", "reset", "coding", "readout"}))


class TrainConfig(BaseModel):
    """One training run. ``python -m train fit`` alone takes the recipe ``digits-spatial``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str | None = None  # the recipe it came from, for the record
    data: str = "digits"  # a data set's name or path, see runtime/data.py
    hold_out: bool = True  # false: the validation samples are trained on too, and nothing is measured before the end
    model: str = "spatial"  # the kind of every layer, see train/layers
    head: str | None = None  # the kind of the last layer, if another
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)  # neurons of each hidden layer; empty: none
    synapses: Annotated[int, Field(ge=1, le=255)] = 4  # of a neuron of a field layer
    layers: tuple[LayerSpec, ...] = ()  # every layer by itself, instead of model, head, hidden and synapses; see train/structure.py
    input_bits: int = Field(8, ge=1, le=8)  # of an input byte that the network reads, the high ones
    d: int = Field(3, ge=2)  # coordinates of a neuron, the plane's included
    gap: Literal["fixed", "learned", "relaxed"] = "learned"
    gap_min: Positive = 0.1  # of a learned gap, length units
    rule: str = "inverse"  # see runtime/rules.py and, for field layers, runtime/kinds/boxes.py
    epochs: int = Field(30, ge=1)
    batch: int = Field(100, ge=1)  # samples a step
    rate: Positive = 0.1
    rates: Rates = Rates()
    betas: tuple[Decay, Decay] = (0.9, 0.99)  # of Adam
    precision: Literal["float32", "tf32", "bf16"] = (
        "float32"  # of matrix products' factors; all else is float32; tf32: GPUs only; bf16: layers of 64 outputs or more
    )
    weights: Literal["auto", "stored", "tiled"] = "auto"  # of a spatial layer in a training step; tiled: made again for the backward pass, never kept
    compile: bool = False  # steps by torch.compile: worth it for replicated layers, needs a C++ compiler; see train/compiled.py
    schedule: Literal["one-cycle", "warm-cosine", "cosine", "constant"] = "one-cycle"
    spiking: SpikingConfig | None = None  # spiking neurons; None: relu
    quantise: Quantise | None = None  # the quantisation-aware phase; None: none
    distil: Distil | None = None  # learn from trained networks beside the labels; None: from the labels alone
    init: str | None = None  # network to fine-tune: a file, a folder or zoo:NAME
    seed: int = Field(0, ge=0, lt=2**32)
    prune: float = Field(0.0, ge=0, lt=1)  # share of each layer's weights held at zero
    prune_structure: Literal["none", "block4"] = "none"  # block4: dense layers lose blocks of four neurons' weights of one input
    augment: Augment | None = None
    noise: NotNegative = 0.0  # standard deviation of noise on the input while training, as a share of the byte range
    smoothing: float = Field(0.0, ge=0, lt=1)  # label smoothing of the cross-entropy
    start: Literal["grid", "random"] = "grid"  # of the inputs' positions: an image's pixels in their grid, or normal
    spread: Positive = 1.0  # standard deviation of the first coordinates, length units
    inhibition_spread: Positive = 1.0  # the first inhibition values are spread evenly over +- this
    steepness: tuple[Positive, Positive] = (5.0, 100.0)  # of the mask tanh(steepness * v / 2), first and last
    settle: float | None = Field(0.7, gt=0, le=1)  # share of the training after which the signs are fixed; None (in TOML: 0): never
    frames: int = Field(0, ge=0, le=1000)  # of the animation: how often the positions are kept while they move; 0: never
    softness: tuple[Positive, Positive] = (1.0, 0.3)  # of the edges of boxes in the backward pass, cells, first and last

    @model_validator(mode="before")
    @classmethod
    def _usual_field(cls, values: Any) -> Any:
        """What ``model = "field"`` means where nothing else is said."""
        if isinstance(values, Mapping) and values.get("model") == "field" and not values.get("layers"):
            usual = FIELD if values.get("rule", "box") == "box" else {**FIELD, "quantise": None}  # charges alone carry the weight of a box
            return {**usual, **values}
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
        unpruned = sorted({layer.kind for layer in structure(self) if layer.kind in ("field", "replicated")})
        if self.prune and self.init is None and unpruned:
            raise ValueError(
                f"prune is {self.prune}, but {' and '.join(unpruned)} layers have synapses, not weights to prune; give them fewer synapses"
            )
        if self.prune and any(getattr(layer, "odd", False) for layer in structure(self)):
            raise ValueError(f"prune is {self.prune}, but odd weights are never 0; leave prune or odd out")
        if self.spiking is not None and self.distil is not None:
            raise ValueError("spiking and distil are both given, but spiking networks have losses of their own; leave one out")
        if self.spiking is not None and any(layer.kind == "replicated" for layer in structure(self)):
            raise ValueError("spiking is given, but a layer is replicated, whose neurons cannot spike; allowed are spatial, field and dense")
        if self.spiking is not None and self.spiking.coding != "direct" and self.input_bits != 8:
            raise ValueError(f"spiking.coding '{self.spiking.coding}' needs input_bits 8, not {self.input_bits}")
        if self.prune_structure != "none" and self.init is None and any(layer.kind != "dense" for layer in structure(self)):
            raise ValueError(
                f"prune_structure is '{self.prune_structure}', which only networks of dense layers have; leave it out or give model = 'dense'"
            )
        return self

    @field_validator("settle", mode="before")
    @classmethod
    def _never(cls, value: Any) -> Any:
        return None if value == 0 else value

    @field_validator("augment", mode="before")
    @classmethod
    def _strength(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return {"rotation": 10 * value, "scale": 0.1 * value, "shear": 0.1 * value, "shift": 0.1 * value} if value else None

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str, info: ValidationInfo) -> str:
        known = BOX_RULES if info.data.get("model") == "field" else RULES
        if value not in known:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(known))}")
        return value

    @field_validator("model", "head")
    @classmethod
    def _known_kind(cls, value: str | None) -> str | None:
        known = sorted(set(LAYERS) - {"replicated"})
        if value is not None and value not in known:
            hint = "; its layers have more sizes than one: list them as layers in a TOML file" if value in LAYERS else ""
            raise ValueError(f"'{value}' is not one of {', '.join(known)}{hint}")
        return value


FIELD = {"rule": "box", "hidden": (128,), "head": "dense", "rate": 0.03, "rates": {"weight": 0.33}, "schedule": "warm-cosine", "quantise": {}}


def make_config(values: Mapping[str, Any], where: str) -> TrainConfig:
    """A checked configuration; InputError that names every wrong field, what was found and what is allowed."""
    try:
        return TrainConfig.model_validate(dict(values))
    except ValidationError as error:
        parts = []
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                parts.append(f"unknown field '{field}' (known: {', '.join(_known(problem['loc']))})")
            elif not field:
                parts.append(problem["msg"].removeprefix("Value error, "))
            else:
                parts.append(f"{field} is {problem['input']!r}: {_inside(problem['msg'])}")
        raise InputError(f"{where}: {'; '.join(parts)}.") from error


def _inside(message: str) -> str:
    """Pydantic's message as the middle of a sentence."""
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _known(where: tuple[int | str, ...]) -> list[str]:
    """The fields of the table that an unknown field was found in."""
    tables: dict[int | str, type[BaseModel]] = {"rates": Rates, "augment": Augment, "quantise": Quantise, "distil": Distil, "spiking": SpikingConfig}
    tables.update(SPECS)
    return list(next((tables[part] for part in reversed(where[:-1]) if part in tables), TrainConfig).model_fields)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file; InputError if it is missing or malformed."""
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'. Give a TOML file with fields of TrainConfig, e.g. epochs = 20.")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"configuration file '{path}' is not TOML: {error}.") from error


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """The fields of a shipped recipe; InputError with the nearest name otherwise."""
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    return {**read_toml(RECIPES / f"{name}.toml"), "recipe": name}


def to_toml(config: TrainConfig) -> str:
    """The configuration as TOML that ``read_toml`` reads back; fields that are None are left out."""
    lines, tables = [], []
    for name, value in config.model_dump(mode="json", exclude={"model", "head", "hidden", "synapses"} if config.layers else {"layers"}).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *_entries(value)]
        elif name == "layers":
            tables += [line for layer in value for line in ("", "[[layers]]", *_entries(layer))]
        elif name == "settle" or value is not None:
            value = 0 if value is None else value
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_toml(entry)}" for key, entry in table.items() if entry is not None]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return repr(value)
