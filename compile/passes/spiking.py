"""Quantise a spiking network by the law of runtime/network/spiking/integers.py (stage ``pruned`` to ``quantised``).

Rules, layer by layer from the input:
1. Weights become integers as in any network (compile/kinds); a layer that reads spikes has one step for all its weights.
2. A step of a layer's membranes is chosen so that its threshold is FIRST to 2 * FIRST - 1 of them: by a power of two, the shift of the first
   layer's sums under coding ``direct``, the lift of all other sums. So the threshold is off by less than 1 / (2 * FIRST), and membranes have room for
   eight thresholds either way. Only weights far too small or large for that give a threshold outside, up to what the law allows.
3. Tables of weights are rounded jointly and biases absorb the mean error over the calibration samples, unless training fixed the steps
   (array ``step``). A layer is given the spikes of the integer network so far, so errors do not add up unseen.
4. What predicts costs is measured over the calibration samples, as options: ``activity`` (share of inputs that are not 0), ``firing`` (spikes a neuron
   and step), ``busy`` (share of steps with any spike to read) and, of a first layer under coding ``direct``, ``awake`` (share of neurons whose current
   lets them spike at all).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compile.kinds import IntegerWeights, lowering_of
from compile.passes.positions import integer_positions
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.law import SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX, accumulator_bound
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking import coding, floating
from runtime.network.spiking.constants import LEAD_MAX, LIFT_MAX, THRESHOLD_MAX, Spiking
from runtime.network.spiking.floating import beta_of, threshold_of
from runtime.network.spiking.integers import CURRENT_MAX, decay_of, integer_lif, silent_limit, spiking_of, steady_currents

FIRST = 2048  # membrane steps of a threshold, at least
READ_MAX = 4_000_000  # values that a layer reads over calibration samples and steps: bounds the memory


@dataclass(frozen=True)
class _Read:
    """What a layer reads in the integer network."""

    values: Array  # (n, inputs), or (steps * n, inputs) of 0 and 1
    zero_point: int
    scale: float  # real units a step


def quantise_spiking(network: Network, calibration: Array, bits: int) -> Network:
    """The integer network. ``calibration``: uint8 samples (n, inputs); ``bits`` of a coordinate."""
    spiking = spiking_of(network)
    widest = max([layer.inputs for layer in network.layers[1:]] + [network.input.size if spiking.coding != "direct" else 1])
    flat = calibration.reshape(len(calibration), -1)[: max(100, READ_MAX // (spiking.steps * widest))]
    float_trace = floating.run(network, flat, [kind_of(layer).float_sums(layer) for layer in network.layers])
    direct = spiking.coding == "direct"
    first = network.input.seen(flat) if direct else coding.encode(flat, spiking).reshape(-1, flat.shape[1])
    real = network.input.to_real(flat) if direct else first.astype(np.float32)
    read = _Read(first, network.input.zero_point if direct else 0, network.input.step if direct else 1.0)
    layers: list[Layer] = []
    for k, layer in enumerate(integer_positions(network, bits)):
        target = kind_of(network.layers[k]).float_sums(network.layers[k])(real)
        steady = k == 0 and direct
        done = (_steady if steady else _stepping)(layer, target, read, spiking)
        sums = kind_of(done).integer_sums(done)(read.values, read.zero_point)
        current = steady_currents(done, sums) if steady else (sums << int(done.options["lift"])).reshape(spiking.steps, len(flat), -1)
        spikes, _ = integer_lif(done, current, spiking, steady)
        facts: dict[str, Any] = {"activity": np.count_nonzero(read.values) / read.values.size, "firing": spikes.mean()}
        facts |= {} if steady else {"busy": read.values.any(axis=1).mean()}
        if steady:
            facts["awake"] = (current >= silent_limit(int(done.options["decay"]), int(done.options["threshold"]), spiking.steps)).mean()
        layers.append(done.with_options((), **{name: round(float(value), 4) for name, value in facts.items()}))
        read = _Read(spikes.reshape(-1, layer.outputs), 0, 1.0)
        real = float_trace.spikes[k].reshape(-1, layer.outputs)
    return validate(network.with_layers(tuple(layers), "quantised"))


def with_early_exit(network: Network, lead: float) -> Network:
    """The integer network with an early exit (runtime/network/spiking/readout.py): ``lead`` in spikes (read-out ``count``) or thresholds of the last layer."""
    spiking = spiking_of(network)
    unit = int(network.layers[-1].options["threshold"]) if spiking.readout == "membrane" else 1
    exit_lead = round(lead * unit) if math.isfinite(lead) else -1
    if not 0 <= exit_lead <= LEAD_MAX:
        raise InputError(f"an early exit at a lead of {lead} a step was asked for; allowed: 0 to {LEAD_MAX / unit:g}.")
    return validate(replace(network, spiking=replace(spiking, exit_lead=exit_lead)))


def _steady(layer: Layer, target: Array, read: _Read, spiking: Spiking) -> Layer:
    """The first layer under coding ``direct``: its sums are shifted down to membrane steps, each neuron's by its own shift."""
    threshold = threshold_of(layer, spiking)
    finest = lowering_of(layer).quantise(layer, 1.0, SHIFT_MAX)
    base = float((finest.scale * np.exp2(finest.exponent))[0])
    sums = threshold / (read.scale * base)  # the threshold in steps of the sums
    coarser = max(1.0, sums / (2.0**SHIFT_MAX * 2 * FIRST))
    _check_coarser(coarser, layer, threshold)
    shift = min(max(math.floor(math.log2(sums / coarser / FIRST)), SHIFT_MIN), SHIFT_MAX)
    weights = lowering_of(layer).quantise(layer, coarser, SHIFT_MAX - shift)
    weights = _rounded(weights, target, read)
    base = float((weights.scale * np.exp2(weights.exponent))[0])
    done = _with_bias(layer, weights, target, read).with_arrays(shift=(shift + weights.exponent).astype(np.uint8))
    return _with_constants(done, layer, read.scale * base * 2.0**shift, spiking)


def _stepping(layer: Layer, target: Array, read: _Read, spiking: Spiking) -> Layer:
    """A layer that reads spikes: its sums are lifted to membrane steps."""
    threshold = threshold_of(layer, spiking)
    finest = lowering_of(layer).quantise(layer, 1.0, 0)
    if finest.exponent.any():
        raise InputError(f"layer '{layer.name}' reads spikes and must have one step for all its weights. Train it again.")
    sums = threshold / (read.scale * float(finest.scale[0]))
    coarser = max(1.0, sums / THRESHOLD_MAX)
    _check_coarser(coarser, layer, threshold)
    weights = finest if coarser == 1 else lowering_of(layer).quantise(layer, coarser, 0)
    weights = _rounded(weights, target, read)
    done = _with_bias(layer, weights, target, read)
    bound = accumulator_bound(kind_of(done).integer_weights(done), done.arrays["bias"], 0, 1)
    lift = min(max(math.ceil(math.log2(FIRST / (sums / coarser))), 0), LIFT_MAX)
    while lift and bound << lift >= CURRENT_MAX:
        lift -= 1
    done = done.with_options(lift=lift)
    return _with_constants(done, layer, read.scale * float(weights.scale[0]) / 2.0**lift, spiking)


def _check_coarser(coarser: float, layer: Layer, threshold: float) -> None:
    if coarser > WEIGHT_MAX or (coarser > 1 and "step" in layer.arrays):
        raise InputError(f"layer '{layer.name}': its weights are too small for threshold {threshold:g}. Train it with a lower threshold.")


def _rounded(weights: IntegerWeights, target: Array, read: _Read) -> IntegerWeights:
    rounder = lowering_of(weights.layer).rounder(weights, read.values, read.zero_point, target, hidden=False)
    return weights if rounder is None else rounder(weights, read.scale)


def _with_bias(layer: Layer, weights: IntegerWeights, target: Array, read: _Read) -> Layer:
    unit = read.scale * weights.scale
    bias = layer.arrays["bias"].astype(np.float64) / unit
    done = weights.layer.with_arrays(bias=np.rint(bias).astype(np.int64), weight_scale=weights.scale.astype(np.float32))
    if "step" not in layer.arrays:
        sums = kind_of(done).integer_sums(done)(read.values, read.zero_point)
        bias = bias + (target / unit).mean(axis=0) - sums.mean(axis=0)
    limit = 2**30
    if np.abs(bias).max(initial=0) > limit:
        raise InputError(f"layer '{layer.name}': a bias of {np.abs(bias).max():.0f} weight steps is too large for int32 sums. Train it again.")
    return done.with_arrays(bias=np.rint(bias).astype(np.int32))


def _with_constants(done: Layer, layer: Layer, unit: float, spiking: Spiking) -> Layer:
    """``unit``: real membrane units a membrane step."""
    threshold = round(threshold_of(layer, spiking) / unit)
    if not 1 <= threshold <= THRESHOLD_MAX:
        raise InputError(
            f"layer '{layer.name}': threshold {threshold_of(layer, spiking)} is {threshold} membrane steps; allowed: 1 to {THRESHOLD_MAX}. "
            "Its weights are too large or small for it: train with another threshold."
        )
    constants = {"threshold": threshold, "decay": decay_of(beta_of(layer, spiking)), "membrane_scale": unit}
    score = unit / spiking.steps if spiking.readout == "membrane" else 1.0
    return done.with_options(drop=("beta", "threshold"), **constants, output_scale=score)
