"""Quantise: a pruned float network becomes an integer network (stage ``pruned`` to ``quantised``), by the law of runtime/network/law.py.

Rules, layer by layer from the input:
1. Weights become integers (compile/kinds).
2. The range of a hidden layer's activation is a high percentile over the calibration samples, which come from the training data; the
   inputs of the layer are those of the integer network so far, so errors do not add up unseen.
3. Activation scale = input scale * base * 2**S for an integer S, so that requantisation is a shift by S + e_j. Either S is rounded up (the
   activations get coarser) or the weights get coarser until the range fits exactly; what is nearer to the float layer is taken.
4. Kinds with a ``rounder`` have weights rounded together over the calibration samples (entries of a table: compile/kinds/rounding.py),
   unless training was quantisation-aware.
5. The bias absorbs the mean error of each neuron over the calibration samples.
6. A layer that was trained quantisation-aware keeps its steps (array ``step``), its activation scale (option ``output_scale``) and its bias.
7. Kinds with ``coarse_biases`` (boxes) and layers with trained steps round the biases of hidden neurons to a quarter of an activation step, 2**(s_j - 2), so that
   bias and shift share 16 bits in flash.
8. Sums are proven to fit int32.

Spiking networks: compile/passes/spiking.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compile.kinds import IntegerWeights, lowering_of
from compile.kinds.base import Rounder
from compile.passes.positions import integer_positions
from compile.passes.spiking import quantise_spiking
from devices.errors import CheckError, InputError
from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.law import ACCUMULATOR_MAX, ACTIVATION_MAX, SHIFT_MAX, SHIFT_MIN, accumulator_bound, requantise
from runtime.network.network import Array, Layer, Network
from runtime.network.reference import trace

PERCENTILE = 99.99  # of the activations above zero; the rest saturates
BIAS_LIMIT = 2**30


@dataclass(frozen=True)
class _Inputs:
    """What a layer reads in the integer network: integers, their zero point, their largest value and what a step is worth."""

    values: Array  # (n, inputs) uint8
    zero_point: int
    maximum: int
    scale: float


def quantise(network: Network, calibration: Array, bits: int = 8) -> Network:
    """The integer network. ``calibration``: uint8 samples (n, inputs) of the training data; ``bits`` of a coordinate."""
    if len(calibration) == 0:
        raise InputError("the calibration set is empty. At least one training sample is needed; a few thousand are usual.")
    if network.spiking is not None:
        return quantise_spiking(network, calibration, bits)
    positions = integer_positions(network, bits)
    targets = _targets(network, positions, calibration)
    layers: list[Layer] = []
    spec = network.input
    inputs = _Inputs(spec.seen(calibration), spec.zero_point, spec.maximum, spec.step)
    for layer, (before, target) in zip(positions, targets, strict=True):
        activity = round(float(np.count_nonzero(inputs.values) / inputs.values.size), 4)  # share of inputs that are not zero: predicts costs
        done, inputs = _last(layer, target, inputs) if layer.activation == "none" else _hidden(layer, before, target, inputs)
        layers.append(done.with_options(activity=activity))
    return validate(network.with_layers(tuple(layers), "quantised"))


def _targets(network: Network, layers: Sequence[Layer], calibration: Array) -> list[tuple[Array, Array]]:
    """(inputs, outputs) of every layer of the float network; nothing where ``layers`` keep all steps of training, because then nobody asks."""
    if all("step" in layer.arrays for layer in layers):
        return [(np.zeros(0), np.zeros(0))] * len(network.layers)
    outputs = trace(network, calibration)
    return list(zip([network.input.to_real(calibration.reshape(len(calibration), -1)), *outputs], outputs, strict=False))


def _last(layer: Layer, target: Array, inputs: _Inputs) -> tuple[Layer, _Inputs]:
    weights = lowering_of(layer).quantise(layer, 1.0, 0)
    rounder = _rounder(layer, weights, target, inputs)
    weights = weights if rounder is None else rounder(weights, inputs.scale)
    if weights.exponent.any():
        raise InputError(
            f"layer '{layer.name}' is the last one and must have one step for all outputs, or its scores do not compare. Train it again."
        )
    done, _ = _with_bias(layer, weights, target, inputs)
    return done.with_options(output_scale=float(inputs.scale * weights.scale[0])), inputs


def _hidden(layer: Layer, before: Array, target: Array, inputs: _Inputs) -> tuple[Layer, _Inputs]:
    finest = lowering_of(layer).quantise(layer, 1.0, SHIFT_MAX)
    base = float((finest.scale * np.exp2(finest.exponent))[0])
    if "step" in layer.arrays:
        return _requantised(layer, target, inputs, 1.0, _trained_shift(layer, base, inputs), None)[:2]
    rounder = _rounder(layer, finest, target, inputs)
    kind = kind_of(layer)
    active = target if kind.matrix else np.maximum(kind.float_sums(layer)(before), 0)  # a mean's own activations are what must be held
    active = active[active > 0]
    needed = (float(np.percentile(active, PERCENTILE)) if active.size else 1.0) / ACTIVATION_MAX
    ratio = needed / (inputs.scale * base)
    candidates = []
    for shift in (math.ceil(math.log2(ratio)), math.ceil(math.log2(ratio)) - 1):
        held = min(max(shift, SHIFT_MIN), SHIFT_MAX)
        coarser = max(1.0, ratio / 2.0**held)  # the weights' step where the shift alone does not reach the range
        candidates.append(_requantised(layer, target, inputs, coarser, held, rounder))
    return min(candidates, key=lambda candidate: candidate[2])[:2]


def _rounder(layer: Layer, weights: IntegerWeights, target: Array, inputs: _Inputs) -> Rounder | None:
    if "step" in layer.arrays:  # training has seen the nearest steps
        return None
    return lowering_of(layer).rounder(weights, inputs.values, inputs.zero_point, target, weights.layer.activation != "none")


def _trained_shift(layer: Layer, base: float, inputs: _Inputs) -> int:
    """The shift S that training chose: its activation scale over what a step of the sums is worth."""
    exact = math.log2(float(layer.options["output_scale"]) / (inputs.scale * base))
    if abs(exact - round(exact)) > 1e-3 or not SHIFT_MIN <= round(exact) <= SHIFT_MAX:
        raise InputError(
            f"layer '{layer.name}': its trained activation scale is 2**{exact:.3f} of its sums; allowed: whole powers {SHIFT_MIN} to {SHIFT_MAX}. Train it again."
        )
    return round(exact)


def _requantised(layer: Layer, target: Array, inputs: _Inputs, coarser: float, shift: int, rounder: Rounder | None) -> tuple[Layer, _Inputs, float]:
    weights = lowering_of(layer).quantise(layer, coarser, SHIFT_MAX - shift)
    weights = weights if rounder is None else rounder(weights, inputs.scale)
    shifts = shift + weights.exponent
    coarse = lowering_of(layer).coarse_biases or "step" in layer.arrays
    done, sums = _with_bias(layer, weights, target, inputs, np.exp2(np.maximum(shifts - 2, 0)) if coarse else 1.0)
    done = done.with_arrays(shift=shifts.astype(np.uint8))
    scale = inputs.scale * float(weights.scale[0] * 2.0 ** weights.exponent[0]) * 2.0**shift
    values = kind_of(done).pooled(done, requantise(sums, kind_of(done).shifts(done)))
    error = 0.0 if "step" in layer.arrays else float(((values * scale - target) ** 2).mean())
    return done.with_options(output_scale=scale), _Inputs(values, 0, ACTIVATION_MAX, scale), error


def _with_bias(layer: Layer, weights: IntegerWeights, target: Array, inputs: _Inputs, multiple: Array | float = 1.0) -> tuple[Layer, Array]:
    """The integer layer with its bias (a multiple of ``multiple``), and its sums (n, outputs) over the calibration samples."""
    unit = inputs.scale * weights.scale  # real output a step of the accumulator
    bias = layer.arrays["bias"].astype(np.float64) / unit
    bare = weights.layer.with_arrays(bias=np.rint(bias).astype(np.int64))
    kind = kind_of(layer)
    if kind.matrix and "step" not in layer.arrays:
        sums = kind.integer_sums(bare)(inputs.values, inputs.zero_point)
        bias = bias + _mean_error(target / unit, sums, layer.activation == "none")
    bias = np.rint(bias / multiple) * multiple
    matrix = kind.integer_weights(weights.layer)
    bound = accumulator_bound(matrix, np.clip(bias, -BIAS_LIMIT, BIAS_LIMIT), inputs.zero_point, inputs.maximum)
    if np.abs(bias).max(initial=0) > BIAS_LIMIT or 2 * bound + 1 > ACCUMULATOR_MAX:
        raise CheckError(
            f"layer '{layer.name}': sums up to {2 * bound + 1} do not fit int32 ({ACCUMULATOR_MAX}). Prune the layer or give it fewer inputs."
        )
    done = weights.layer.with_arrays(bias=bias.astype(np.int32), weight_scale=weights.scale.astype(np.float32))
    return done, kind.integer_sums(done)(inputs.values, inputs.zero_point)


def _mean_error(target: Array, sums: Array, signed: bool) -> Array:
    """(outputs,) mean of target - sums; behind a relu only where the target is above zero, because a zero tells nothing about its sum."""
    if signed:
        return target.mean(axis=0) - sums.mean(axis=0)
    alive = target > 0
    return np.where(alive, target - sums, 0.0).sum(axis=0) / np.maximum(alive.sum(axis=0), 1)
