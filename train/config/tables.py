"""Groups of settings of a configuration, train/config/settings.py, and what every group of settings is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from runtime.network.spiking.constants import Spiking

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Table(BaseModel):
    """Settings that are checked and never change; what is said of each is its description in ``model_json_schema()``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Rates(Table):
    """Learning rates by role, relative to ``rate``."""

    position: NotNegative = 1.0
    """Of coordinates."""
    inhibition: NotNegative = 1.0
    """Of the values behind the masks."""
    bias: NotNegative = 1.0
    """Of biases of position layers."""
    gap: NotNegative = 1.0
    """Of learned gaps."""
    weight: NotNegative = 0.05
    """Of dense layers, their bias included, and of normalisations."""
    charge: NotNegative = 0.67
    """Of synapses."""
    neuron: NotNegative = 0.05
    """Of learned betas and thresholds of spiking neurons."""


class Augment(Table):
    """Random changes of the training images, see train/loop/augment.py. A plain number n is short for n times 10 degrees and 10 %."""

    share: float = Field(1.0, gt=0, le=1)
    """Of the images that are changed."""
    rotation: NotNegative = 0.0
    """Degrees, either way."""
    scale: float = Field(0.0, ge=0, lt=1)
    """Of each axis."""
    shear: NotNegative = 0.0
    """Sideways shift per height."""
    shift: NotNegative = 0.0
    """Shares of the side."""
    flip: bool = False
    """Left and right swapped in every second image."""
    elastic: NotNegative = 0.0
    """Standard deviation of the bending, share of the side."""


class Quantise(Table):
    """The quantisation-aware phase."""

    epochs: int = Field(10, ge=1)
    """Epochs of quantisation-aware training after the float phase; as an option 0: none."""
    rate: Positive = 0.25
    """Peak rate, as a share of the float phase's."""
    charge: NotNegative = 0.1
    """A further factor for charges."""
    percentile: float = Field(99.99, gt=50, le=100)
    """Of the positive activations that are not cut off."""
    bits: int = Field(8, ge=4, le=8)
    """Bits of a coordinate of spatial layers in those epochs."""


class Distil(Table):
    """Trained networks to learn from, see train/loop/teacher.py."""

    teacher: tuple[str, ...] = Field(min_length=1)
    """Trained networks to learn from beside the labels, one or several: files, run folders or zoo:NAME."""
    weight: float = Field(0.9, ge=0, le=1)
    """Of their probabilities in the loss; the labels have the rest."""
    temperature: Positive = 2.0
    """The scores of both sides are divided by it."""

    @field_validator("teacher", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class SpikingConfig(Table):
    """Leaky integrate-and-fire neurons in every layer; runtime/network/spiking has the equations, train/spiking/dynamics.py the losses."""

    steps: int = Field(10, ge=1, le=1000)
    """Time steps a sample."""
    beta: float = Field(0.95, ge=0, le=1)
    """Share of the membrane potential that is left after a step."""
    threshold: Positive = 1.0
    """Membrane potential above which a neuron spikes."""
    reset: Literal["subtract", "zero"] = "subtract"
    """Membrane potential behind a spike: less by the threshold, or 0."""
    coding: Literal["direct", "rate", "latency"] = "direct"
    """Coding of the input: values are a constant current, or spikes: more, or earlier, for larger ones."""
    readout: Literal["count", "membrane", "first"] = "membrane"
    """Scores: the last layer's spikes, mean membrane potentials, or who spikes first."""
    surrogate: Literal["atan", "fast_sigmoid"] = "atan"
    """Gradient of the step, as snnTorch has it."""
    learn: tuple[Literal["beta", "threshold"], ...] = ()
    """What of beta and threshold learns, one a layer; the settings are where it starts."""
    loss: Literal["scores", "steps"] = "scores"
    """Cross-entropy of the scores, or of the last membrane potentials in every step."""
    activity: float | None = Field(None, ge=0, le=1)
    """Spikes a neuron and step that a hidden layer may have without penalty; None: no penalty."""
    activity_weight: Positive = 1.0
    """Of the penalty for spikes beyond ``activity``, against the loss."""

    def constants(self) -> Spiking:
        """What the network file says."""
        return Spiking(**self.model_dump(include={"steps", "beta", "threshold", "reset", "coding", "readout"}))
