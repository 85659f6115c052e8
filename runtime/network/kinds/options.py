"""Options of layers: what each may be, its unit, and those that a layer of any kind may have."""

from __future__ import annotations

from dataclasses import dataclass

from devices.common.guard import plain
from devices.errors import InputError
from runtime.network.network import Layer
from runtime.network.schema import POSITIVE, Real, Value, Whole
from runtime.network.spiking.constants import FRACTION, LIFT_MAX, THRESHOLD_MAX


@dataclass(frozen=True)
class OptionSpec:
    """One named option of a kind: what it may be, its unit, and whether a layer may lack it."""

    value: Value
    unit: str
    optional: bool = False


SHARE = Real(0, 1)
OUTPUT_SCALE = OptionSpec(POSITIVE, "real units a step of the output", optional=True)
# Of the neurons, where a layer spikes; runtime/network/spiking says when they must be there.
FLOAT_OPTIONS = {
    "output_scale": OUTPUT_SCALE,
    "beta": OptionSpec(SHARE, "share of the membrane that is left after a step", optional=True),
    "threshold": OptionSpec(POSITIVE, "membrane units", optional=True),
}
INTEGER_OPTIONS = {
    "output_scale": OUTPUT_SCALE,
    "threshold": OptionSpec(Whole(1, THRESHOLD_MAX), "membrane steps", optional=True),
    "decay": OptionSpec(Whole(0, 1 << FRACTION), "2**-15", optional=True),
    "lift": OptionSpec(Whole(0, LIFT_MAX), "bits from a sum to membrane steps", optional=True),
    "membrane_scale": OptionSpec(POSITIVE, "real membrane units a step", optional=True),
    "zero_point": OptionSpec(Whole(0, 255), "the byte that means 0 in what the first layer reads; 0 where absent", optional=True),
    "activity": OptionSpec(SHARE, "share of the inputs that are not 0, measured", optional=True),
    "firing": OptionSpec(SHARE, "spikes a neuron and step, measured", optional=True),
    "busy": OptionSpec(SHARE, "share of the steps with an input that is not 0, measured", optional=True),
    "awake": OptionSpec(SHARE, "share of the neurons that can spike, measured", optional=True),
}


def check_options(layer: Layer, specs: dict[str, OptionSpec], at: str) -> None:
    """InputError naming the layer and the option that is missing, unknown, of another type or out of its range."""
    if missing := [name for name, spec in specs.items() if not spec.optional and name not in layer.options]:
        raise InputError(f"{at} lacks the options {missing}.")
    if unknown := sorted(set(layer.options) - set(specs)):
        raise InputError(f"{at} has the unknown option '{plain(unknown[0])}'. Known: {', '.join(sorted(specs))}.")
    for name, value in layer.options.items():
        specs[name].value.check(value, at, f"option '{name}'")
