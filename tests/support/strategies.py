"""Hypothesis strategies: integer networks at the edges of the law, with samples that sit on its thresholds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from runtime.network.check import validate
from runtime.network.kinds.replicated import pooled
from runtime.network.law import SHIFT_MAX, SHIFT_MIN, accumulate, requantise
from runtime.network.network import Array, InputSpec, Layer, Network

WEIGHTS = ("random", "sparse", "largest", "alternating")


@dataclass(frozen=True)
class Case:
    """A network and uint8 samples (n, inputs); sample 0 lands on, or one below, a threshold in every hidden neuron."""

    network: Network
    samples: Array


@st.composite
def cases(draw: st.DrawFn, samples: int = 6) -> Case:
    """Networks of 1-4 layers, every zero point, cut inputs, every shift, weights up to all +-63."""
    sizes = draw(st.lists(st.integers(1, 70), min_size=2, max_size=5))
    zero_point = draw(st.sampled_from((0, 1, 127, 128, 255)) | st.integers(0, 255))
    weights = draw(st.sampled_from(WEIGHTS))
    shifts = draw(st.lists(st.integers(SHIFT_MIN, SHIFT_MAX), min_size=1, max_size=4))
    cut = draw(st.sampled_from((0, 0, 1, 4, 7)))
    scale = draw(st.sampled_from((1 / 255, 1.0, 0.007, 3e-5, 117.0)))
    step = draw(st.sampled_from((0.01, 1e-6, 3.7, 0.0)))  # 0: a weight scale that says nothing
    return build(sizes, 0 if cut else zero_point, cut, weights, shifts, scale, step, seed=draw(st.integers(0, 2**16)), samples=samples)


def build(sizes: list[int], zero_point: int, cut: int, weights: str, shifts: list[int], scale: float, step: float, seed: int, samples: int) -> Case:
    rng = np.random.default_rng(seed)
    inputs = rng.integers(0, 256, (samples, sizes[0])).astype(np.uint8)
    inputs[1:2], inputs[2:3] = 0, 255
    spec = InputSpec((sizes[0],), scale, zero_point, cut)
    value, layers = spec.seen(inputs[:1]), []
    for k, (before, after) in enumerate(itertools.pairwise(sizes)):
        z = zero_point if k == 0 else 0
        matrix = _weights(weights, after, before, rng)
        sums = accumulate(matrix, np.zeros(after, np.int32), value, z)[0]
        arrays = {"weight": matrix, "weight_scale": np.full(after, step, np.float32)}
        if k == len(sizes) - 2:
            arrays["bias"] = rng.integers(-(2**20), 2**20, after).astype(np.int32)
            layers.append(Layer(f"layer{k}", "dense", before, after, "none", arrays))
            break
        shift = rng.choice(shifts, after).astype(np.uint8)
        byte = rng.integers(1, 256, after)
        byte[: after // 4], byte[after // 4 : after // 2] = 1, 255  # both ends
        threshold = (byte << shift.astype(np.int64)) - (1 << (shift.astype(np.int64) - 1))
        arrays |= {"shift": shift, "bias": (threshold - sums - rng.integers(0, 2, after)).astype(np.int32)}
        layers.append(Layer(f"layer{k}", "dense", before, after, "relu", arrays))
        value = requantise(accumulate(matrix, arrays["bias"], value, z), shift)
    classes = tuple(str(c) for c in range(sizes[-1]))
    return Case(validate(Network(tuple(layers), spec, classes, stage="quantised")), inputs)


@st.composite
def replicated_cases(draw: st.DrawFn, samples: int = 6) -> Case:
    """One or two replicated layers with any kernel, stride, padding and pool that fit, then a dense one."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    zero_point = draw(st.sampled_from((0, 128, 255)))
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    grid, channels, layers = (draw(st.integers(1, 9)), draw(st.integers(1, 9))), draw(st.integers(1, 3)), []
    spec = InputSpec((channels, *grid), 0.02, zero_point)
    for k in range(draw(st.integers(1, 2))):
        kernel = draw(pairs)
        padding = tuple(draw(st.integers(max(0, -(-(kernel[a] - grid[a]) // 2)), kernel[a] - 1)) for a in (0, 1))
        options = {"grid": list(grid), "kernel": list(kernel), "stride": list(draw(pairs)), "padding": list(padding), "pool": list(draw(pairs))}
        if draw(st.booleans()):
            options |= {"pooling": "average", "pool": [draw(st.sampled_from((1, 2, 4))) for _ in grid]}
        layer = _replicated(f"layer{k}", options, channels, draw(st.integers(1, 4)), draw(st.integers(SHIFT_MIN, 8)), rng)
        layers.append(layer)
        grid, channels = pooled(layer), len(layer.arrays["bias"])
    arrays = {"weight": _weights("random", 3, layers[-1].outputs, rng), "bias": np.arange(3, dtype=np.int32), "weight_scale": np.ones(3, np.float32)}
    layers.append(Layer("last", "dense", layers[-1].outputs, 3, "none", arrays))
    network = validate(Network(tuple(layers), spec, ("a", "b", "c"), stage="quantised"))
    return Case(network, rng.integers(0, 256, (samples, spec.size)).astype(np.uint8))


def _replicated(name: str, options: dict[str, object], channels: int, prototypes: int, shift: int, rng: np.random.Generator) -> Layer:
    corners = np.sort(rng.integers(0, np.array(options["kernel"]) + 1, (2, prototypes, 3, 2)), axis=0)
    arrays = {
        "edges": np.concatenate([corners[0], corners[1]], axis=2).astype(np.uint8),
        "charge": rng.integers(-21, 22, (prototypes, 3)).astype(np.int8),  # three boxes on one cell stay within 63
        "bias": rng.integers(-200 << shift, 200 << shift, prototypes).astype(np.int32),
        "shift": rng.integers(shift, shift + 2, prototypes).astype(np.uint8),
        "weight_scale": np.full(prototypes, 0.01, np.float32),
    }
    if channels > 1:
        arrays["channel"] = rng.integers(0, channels, (prototypes, 3)).astype(np.uint8)
    grid, everything = options["grid"], {**options, "rule": "box", "channels": channels}
    layer = Layer(name, "replicated", channels * grid[0] * grid[1], 1, "relu", arrays, everything)
    return replace(layer, outputs=prototypes * pooled(layer)[0] * pooled(layer)[1])


def _weights(how: str, outputs: int, inputs: int, rng: np.random.Generator) -> Array:
    shape = (outputs, inputs)
    if how == "largest":
        return np.full(shape, 63, np.int8) * rng.choice((-1, 1), (outputs, 1)).astype(np.int8)
    if how == "alternating":
        return (63 * rng.choice((-1, 1), shape)).astype(np.int8)
    matrix = rng.integers(-63, 64, shape).astype(np.int8)
    if how == "sparse":
        matrix[rng.random(shape) < 0.9] = 0
    return matrix


def spatial_network(inputs: int = 30, outputs: int = 5, seed: int = 0) -> Network:
    """One hand-made integer layer of kind ``spatial``: positions and a distance table instead of weights."""
    rng = np.random.default_rng(seed)
    arrays = {
        "sender": rng.integers(-40, 40, (inputs, 2)).astype(np.int16),
        "receiver": rng.integers(-40, 40, (outputs, 2)).astype(np.int16),
        "sign": rng.choice((-1, 1), inputs).astype(np.int8),
        "table": np.linspace(63, 1, 40).astype(np.int8),
        "bias": rng.integers(-999, 999, outputs).astype(np.int32),
        "weight_scale": np.full(outputs, 0.01, np.float32),
    }
    options = {"gap_kind": "fixed", "rule": "inverse", "tied": False, "gap2": 9, "code_base": 12, "mantissa_bits": 2, "cutoff2": 4000}
    layer = Layer("layer0", "spatial", inputs, outputs, "none", arrays, options)
    return validate(Network((layer,), InputSpec((inputs,), zero_point=3), tuple("abcde"[:outputs]), stage="quantised"))
