"""The numbers an interchange file holds for each layer, chosen and proven before anything is written.

In: an integer network (stage quantised or stored) and the runtime that will read the file. Out: one ``Numbers`` a layer. Real scales say
what the integers mean to a reader of the file and make the runtime compute its multipliers, so they are both true and exact: activation
scales are the real ones, and a weight scale is the float32 nearest to its real value with which the runtime provably keeps the law.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from compile.emit.common.thresholds import choose_scales, prove, prove_no_overflow
from devices.errors import CheckError, InputError
from devices.version import VERSION
from runtime.builds.manifest import SpikingRecord
from runtime.network.kinds import kind_of
from runtime.network.law import ACTIVATION_MAX, SHIFT_MAX
from runtime.network.network import Array, Layer, Network

DT = "1 step"  # the time between two steps: beta is what a step leaves of a membrane, whatever its seconds
SCALE_MIN, SCALE_MAX = 2.0**-40, 2.0**40  # real units a step: keeps every product of scales a normal float32


@dataclass(frozen=True)
class Numbers:
    """One layer as the runtime holds it. ``weight_scale`` and ``output_scale`` are None for the last layer, whose sums are the scores."""

    layer: Layer
    weights: Array  # int8 (outputs, inputs), or a row a prototype; doubled for TFLite's hidden layers
    bias: Array  # int32 (rows,), in units of one weight step; 2 * bias + 1 for TFLite's hidden layers
    zero_point: int  # the integer that means 0.0 at its input
    input_scale: np.float32  # real units a step
    weight_scale: Array | None = None  # float32 (rows,), real units a step
    output_scale: np.float32 | None = None  # real units a step; the zero point is byte 0
    mean: Mean | None = None  # what follows behind a layer that averages


@dataclass(frozen=True)
class Mean:
    """Average pooling as one more hidden layer, a depthwise convolution that adds up a window: the law's mean is a sum requantised."""

    weight: int  # 1, or 2 where the runtime's weights are doubled
    bias: int  # 0, or 1
    weight_scale: np.float32  # real units a step of the weight: 1 / (positions of a window * weight)
    output_scale: np.float32  # real units a step


def numbers(network: Network, runtime: str) -> list[Numbers]:
    """The layers for ``runtime`` ('onnx' or 'tflite'); CheckError naming the layer if it could not keep the law, InputError for a float network."""
    if not network.is_integer:
        raise InputError(f"a network of stage '{network.stage}' has no integers to write. Quantise it first.")
    spec = network.input
    scale, zero_point, maximum = _usable(spec.step, "the network's input"), spec.zero_point, spec.maximum
    done: list[Numbers] = []
    for layer in network.layers:
        kind, hidden = kind_of(layer), layer.activation == "relu"
        if not kind.matrix and not hidden:
            raise InputError(
                f"the last layer '{layer.name}' is of kind '{layer.kind}', whose scores {runtime} cannot return. End with a dense layer."
            )
        if not kind.matrix and kind.convolution(layer) is None:
            raise InputError(f"layer '{layer.name}' of kind '{layer.kind}' is neither a matrix nor a convolution; {runtime} has no operator for it.")
        weights, bias = kind.integer_weights(layer), layer.arrays["bias"]
        prove_no_overflow(runtime, layer.name, weights, bias, zero_point, maximum, doubled=hidden and runtime == "tflite")
        if hidden:
            if runtime == "tflite":
                weights, bias = (2 * weights).astype(np.int8), (2 * bias.astype(np.int64) + 1).astype(np.int32)
            shifts = layer.arrays["shift"]
            output_scale, finest = choose_scales(runtime, layer.name, scale, _output_scale(layer, scale))
            weight_scale = np.ldexp(finest, SHIFT_MAX - shifts.astype(np.int32))
            prove(runtime, layer.name, float(scale), weight_scale, float(output_scale), shifts)
            mean = _mean(layer, runtime, output_scale)
            done.append(Numbers(layer, weights, bias, zero_point, scale, weight_scale, output_scale, mean))
            scale, zero_point, maximum = mean.output_scale if mean else output_scale, 0, ACTIVATION_MAX
        else:
            done.append(Numbers(layer, weights, bias, zero_point, scale))
    return done


def _mean(layer: Layer, runtime: str, scale: np.float32) -> Mean | None:
    """The pooling of a layer that averages bytes of this scale; None if it does not. CheckError if the runtime could not keep the law."""
    repeated = kind_of(layer).convolution(layer)
    if repeated is None or not repeated.mean_shift:
        return None
    shift = repeated.mean_shift
    output_scale, finest = choose_scales(runtime, layer.name, scale, scale)
    weight_scale = np.ldexp(finest, SHIFT_MAX - shift)
    prove(runtime, layer.name, float(scale), weight_scale.reshape(1), float(output_scale), np.array([shift]))
    return Mean(*((2, 1) if runtime == "tflite" else (1, 0)), weight_scale, output_scale)


def _usable(scale: float, what: str) -> np.float32:
    if not SCALE_MIN <= scale <= SCALE_MAX:
        raise CheckError(f"{what} has scale {scale}; a file in float32 needs {SCALE_MIN:.1e}..{SCALE_MAX:.1e}. Rescale the real values.")
    return np.float32(scale)


def _output_scale(layer: Layer, input_scale: np.float32) -> np.float32:
    """Real units a step of a hidden layer's bytes: as quantisation noted it, else from the weight scales; the input's where neither is usable."""
    noted = layer.options.get("output_scale")
    if noted is None:
        steps = layer.arrays["weight_scale"].astype(np.float64) * 2.0 ** layer.arrays["shift"].astype(np.float64)
        noted = float(input_scale) * float(np.median(steps))
    return np.float32(noted) if SCALE_MIN <= noted <= SCALE_MAX else input_scale


def properties(network: Network) -> dict[str, str]:
    """Where the file comes from and what it reads and returns, for its metadata."""
    return {
        **spiking_properties(network),
        "producer": "nearwire",
        "version": VERSION,
        "stage": network.stage,
        "classes": json.dumps(list(network.classes), ensure_ascii=True),
        "input_shape": json.dumps(list(network.input.shape)),
        "input_scale": repr(float(network.input.scale)),
        "input_zero_point": str(network.input.zero_point),
        "input_cut": str(network.input.cut),
        "output": "int32 scores; the label is the first largest",
    }


def spiking_record(network: Network) -> SpikingRecord | None:
    """The same for the manifest of an integer network; None for one that does not spike."""
    spiking = network.spiking
    if spiking is None:
        return None
    decays = tuple(int(layer.options["decay"]) for layer in network.layers)
    return SpikingRecord(
        steps=spiking.steps,
        dt=DT,
        decay=decays,
        beta=tuple(decay / 2**15 for decay in decays),
        threshold=tuple(int(layer.options["threshold"]) for layer in network.layers),
        reset=spiking.reset,
        coding=spiking.coding,
        readout=spiking.readout,
        exit_lead=spiking.exit_lead,
    )


def spiking_properties(network: Network) -> dict[str, str]:
    """The neurons' constants, coding and read-out of a spiking network; nothing for another. beta and threshold: one a layer, as the file computes them.

    The unit of a threshold is a step of the membrane's integers where the network is integer, else the currents' unit.
    """
    spiking = network.spiking
    if spiking is None:
        return {}
    integer = network.is_integer
    decays = [int(layer.options["decay"]) for layer in network.layers] if integer else []
    betas = [decay / 2**15 for decay in decays] or [float(layer.options.get("beta", spiking.beta)) for layer in network.layers]
    return {
        "steps": str(spiking.steps),
        "dt": DT,
        "beta": json.dumps(betas),
        **({"decay": json.dumps(decays)} if integer else {}),
        "threshold": json.dumps([layer.options.get("threshold", spiking.threshold) for layer in network.layers]),
        "reset": spiking.reset,
        "reset_delay": "1 step: a spike changes the membrane of the next step",
        "coding": spiking.coding,
        "readout": spiking.readout,
        "exit_lead": "none" if spiking.exit_lead is None else str(spiking.exit_lead),
    }
