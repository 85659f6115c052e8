"""What a report shows of a spiking network: the ranges of its neurons, and all spikes of the samples on the page."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.network.kinds import kind_of
from runtime.network.law import accumulator_bound
from runtime.network.network import Array, Network
from runtime.network.spiking import integers


@dataclass(frozen=True)
class NeuronRange:
    """The spiking neurons of a layer on training samples; membranes are 16 bits."""

    layer: str
    threshold: int  # steps of the membrane
    step: float  # real units of such a step
    decay: int  # of a membrane a time step, / 2**15
    scaled: str  # how sums become membrane steps
    firing: float  # spikes a neuron and step
    silent: int  # neurons that never spiked
    neurons: int
    saturated: float  # share of membranes at an end of 16 bits
    sum_bound: int  # the largest |sum| that any input can cause, steps; int32 holds 2**31 - 1


@dataclass(frozen=True)
class SampleSpikes:
    """What the neurons did for a sample, in all steps, also those that an early exit leaves out."""

    spikes: tuple[Array, ...]  # (steps, neurons) uint8 of 0 and 1, a layer
    membranes: Array  # (steps, classes) int16, of the last layer
    executed: int


def neuron_ranges(network: Network, samples: Array) -> tuple[NeuronRange, ...]:
    """A row a layer. ``samples``: uint8 (n, inputs)."""
    spiking = integers.spiking_of(network)
    trace = integers.run(network, samples)
    rows = []
    for k, (layer, spikes, membranes) in enumerate(zip(network.layers, trace.spikes, trace.membranes, strict=True)):
        steady = k == 0 and spiking.coding == "direct"
        zero_point, maximum = (network.input.zero_point, network.input.maximum) if steady else (0, 1)
        shift = layer.arrays.get("shift")
        rows.append(
            NeuronRange(
                layer=layer.name,
                threshold=int(layer.options["threshold"]),
                step=float(layer.options["membrane_scale"]),
                decay=int(layer.options["decay"]),
                scaled=f"times 2^{layer.options['lift']}" if shift is None else f"over 2^{shift.min()} to 2^{shift.max()}",
                firing=float(spikes.mean()),
                silent=int((~spikes.any(axis=(0, 1))).sum()),
                neurons=layer.outputs,
                saturated=float(((membranes == integers.MEMBRANE_MIN) | (membranes == integers.MEMBRANE_MAX)).mean()),
                sum_bound=accumulator_bound(kind_of(layer).integer_weights(layer), layer.arrays["bias"], zero_point, maximum),
            )
        )
    return tuple(rows)


def sample_spikes(network: Network, trace: integers.Trace, room: int) -> list[SampleSpikes]:
    """Of the first samples of a trace, as long as there is ``room``, bytes on the page."""
    steps = integers.spiking_of(network).steps
    size = steps * (sum(layer.outputs for layer in network.layers) / 8 + 2 * network.layers[-1].outputs)
    count = min(int(room // size), len(trace.executed))
    return [SampleSpikes(tuple(part[:, i] for part in trace.spikes), trace.membranes[-1][:, i], int(trace.executed[i])) for i in range(count)]
