"""What model.onnx and model.tflite of a spiking network share: the words in their metadata, and the proof that sums fit 32 bits."""

from __future__ import annotations

from compile.emit.common.numbers import properties
from devices.errors import CheckError, InputError
from runtime.network.kinds import kind_of
from runtime.network.law import ACCUMULATOR_MAX, accumulator_bound
from runtime.network.network import Layer, Network
from runtime.network.spiking.constants import Spiking

OUTPUTS = {
    "count": "spikes; their sum over the steps is the score",
    "membrane": "membranes; their sum over the steps is the score",
    "first": "spikes; the score is the largest of (steps - t) * output at step t = 0, 1, ...",
}


def spiking_of(network: Network) -> Spiking:
    """The constants of an integer network that spikes; InputError for another."""
    if not network.is_integer or network.spiking is None:
        raise InputError(f"a spiking network of integers is needed, not one of stage '{network.stage}'. Quantise it first.")
    return network.spiking


def step_properties(network: Network) -> dict[str, str]:
    """The metadata of a file that holds one time step."""
    spiking = spiking_of(network)
    return {
        **properties(network),
        "step": "one time step: (input, state) -> (output, state'); state: currents and membranes, state': those that end in _next; at first 0",
        "input": "bytes, the same at every step" if spiking.coding == "direct" else "spikes 0/1 of this step",
        "output": f"{OUTPUTS[spiking.readout]}; the label is the first largest",
    }


def bound_of(layer: Layer, network: Network) -> int:
    """The largest |sum| of the first layer under coding direct; CheckError where twice that and its rounding could pass 32 bits."""
    spec = network.input
    bound = accumulator_bound(kind_of(layer).integer_weights(layer), layer.arrays["bias"], spec.zero_point, spec.maximum)
    if 2 * (bound + (1 << int(layer.arrays["shift"].max()))) > ACCUMULATOR_MAX:
        raise CheckError(f"layer '{layer.name}': sums up to {bound} leave no room to round them in 32 bits. Make its weights or biases smaller.")
    return bound
