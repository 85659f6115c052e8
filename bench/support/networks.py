"""Small random networks of every kind and form, for tests that need a network but no training."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from runtime.network.check import validate
from runtime.network.law import distance_code
from runtime.network.network import InputSpec, Layer, Network
from runtime.network.spiking.constants import Spiking

GRIDS = {20: (4, 5), 32: (4, 8), 16: (4, 4), 12: (3, 4), 784: (28, 28)}  # inputs that a box layer can see as a grid


def float_network(sizes: tuple[int, ...] = (20, 12, 4), kind: str = "dense", seed: int = 0, shape: tuple[int, ...] | None = None) -> Network:
    """A stage-'trained' network of one kind; relu between the layers. Box layers sit where the sizes allow, dense ones elsewhere."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        activation = "none" if k == len(sizes) - 2 else "relu"
        bias = rng.normal(0, 0.1, outputs).astype(np.float32)
        if kind in ("field", "replicated") and inputs in GRIDS and (kind == "field" or outputs % 6 == 0):
            layers.append(_boxes(f"layer{k}", kind, inputs, outputs, activation, rng))
            continue
        if kind != "spatial":
            arrays = {"weight": rng.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32), "bias": bias}
            options: dict[str, object] = {}
        else:
            sender = layers[-1].arrays["receiver"] if layers else rng.normal(0, 2, (inputs, 2)).astype(np.float32)
            arrays = {
                "sender": sender,
                "receiver": rng.normal(0, 2, (outputs, 2)).astype(np.float32),
                "inhibition": rng.normal(0, 1, inputs).astype(np.float32),
                "bias": bias,
            }
            options = {"gap_kind": "learned", "gap": 0.7, "steepness": 20.0, "rule": "inverse", "tied": bool(layers)}
        layers.append(Layer(f"layer{k}", "spatial" if kind == "spatial" else "dense", inputs, outputs, activation, arrays, options))
    spec = InputSpec(shape or (sizes[0],))
    return validate(Network(tuple(layers), spec, tuple(str(c) for c in range(sizes[-1])), provenance={"seed": seed}))


def spiking_network(kind: str = "dense", sizes: tuple[int, ...] = (20, 12, 4), seed: int = 0, **constants: object) -> Network:
    """A stage-'trained' spiking network of one kind whose neurons spike now and then, not always."""
    network = float_network(sizes, kind, seed)
    spiking = Spiking(**{"steps": 6, "beta": 0.9, "threshold": 0.25, **constants})  # type: ignore[arg-type]
    layers = tuple(replace(layer, activation="lif") for layer in network.layers)
    return validate(replace(network, layers=layers, spiking=spiking))


def spiking_integers(network: Network, seed: int = 0) -> Network:
    """The stage-'quantised' form of a spiking network, calibrated on random bytes."""
    random = np.random.default_rng(seed).integers(0, 256, (200, network.input.size)).astype(np.uint8)
    return quantise(prune(freeze(network), 0.0), random)


def _boxes(name: str, kind: str, inputs: int, outputs: int, activation: str, rng: np.random.Generator) -> Layer:
    """A box layer of 3 synapses; replicated ones have a 3 x 3 kernel, padding 1 and, on 4 x 5 cells, 2 x 3 pooled positions."""
    rows = outputs if kind == "field" else outputs // 6
    area = GRIDS[inputs] if kind == "field" else (3, 3)
    options: dict[str, object] = {"rule": "box", "grid": list(GRIDS[inputs]), "channels": 1}
    if kind == "replicated":
        options |= {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "pool": [2, 2]}
    arrays = {
        "position": (rng.random((rows, 3, 2)) * area).astype(np.float32),
        "reach": (0.5 + rng.random((rows, 3, 2)) * np.array(area) / 2).astype(np.float32),
        "charge": rng.normal(0, 0.3, (rows, 3)).astype(np.float32),
        "bias": rng.normal(0, 0.1, rows).astype(np.float32),
    }
    return Layer(name, kind, inputs, outputs, activation, arrays, options)


def integer_network(sizes: tuple[int, ...] = (20, 12, 4), density: float = 1.0, seed: int = 0, zero_point: int = 0) -> Network:
    """A stage-'quantised' dense network with random integers and shifts that put most hidden values inside 0..255."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        weight = rng.integers(-63, 64, (outputs, inputs)).astype(np.int8)
        weight[rng.random(weight.shape) >= density] = 0
        spread = max(1.0, 36 * 140 * np.sqrt(inputs * density))
        arrays = {
            "weight": weight,
            "bias": rng.integers(-int(spread), int(spread) + 1, outputs).astype(np.int32),
            "weight_scale": np.full(outputs, 0.01, np.float32),
        }
        last = k == len(sizes) - 2
        if not last:
            low = int(np.clip(np.log2(spread / 128), 1, 12))
            arrays["shift"] = rng.integers(low, low + 2, outputs).astype(np.uint8)
        layers.append(Layer(f"layer{k}", "dense", inputs, outputs, "none" if last else "relu", arrays))
    spec = InputSpec((sizes[0],), zero_point=zero_point)
    return validate(Network(tuple(layers), spec, tuple(str(c) for c in range(sizes[-1])), stage="quantised", provenance={"seed": seed}))


def spatial_network(
    sizes: tuple[int, ...] = (20, 12, 4), axes: int = 2, cut_share: float = 0.0, seed: int = 0, zero_point: int = 0, mantissa_bits: int = 3
) -> Network:
    """A stage-'quantised' network of layers of positions: each reads all its distances from a table; the longest ``cut_share`` are 0."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    sender = rng.integers(-127, 128, (sizes[0], axes)).astype(np.int16)
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        receiver = rng.integers(-127, 128, (outputs, axes)).astype(np.int16)
        gap2 = int(rng.integers(1, 3000))
        d2 = ((receiver[:, None, :].astype(np.int64) - sender[None]) ** 2).sum(axis=2) + gap2
        cutoff2 = int(np.quantile(d2, 1 - cut_share)) if cut_share else None
        codes = distance_code(np.array([d2.min(), d2.max() if cutoff2 is None else cutoff2]), mantissa_bits)
        table = np.sort(rng.integers(1, 64, int(np.ptp(codes)) + 1))[::-1].astype(np.int8)
        arrays = {"sender": sender, "receiver": receiver, "sign": rng.choice((-1, 1), inputs).astype(np.int8), "table": table}
        options = {"gap_kind": "learned", "rule": "inverse", "tied": k > 0, "gap2": gap2, "cutoff2": cutoff2, "mantissa_bits": mantissa_bits}
        options |= {"code_base": int(codes[0]), "activity": 1.0}
        last = k == len(sizes) - 2
        if last:
            arrays |= {"bias": rng.integers(-999, 1000, outputs).astype(np.int32), "weight_scale": np.full(outputs, 0.01, np.float32)}
        else:
            arrays = _hidden(arrays, outputs, 40 * 140 * float(np.sqrt(inputs * (1 - cut_share))), rng)
        layers.append(Layer(f"layer{k}", "spatial", inputs, outputs, "none" if last else "relu", arrays, options))
        sender = receiver
    spec = InputSpec((sizes[0],), zero_point=zero_point)
    return validate(Network(tuple(layers), spec, tuple(str(c) for c in range(sizes[-1])), stage="quantised", provenance={"seed": seed}))


def packable(bias: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Biases moved to the multiples of a quarter of an activation step that 12 bits hold."""
    quarter = 2.0 ** (shift.astype(np.int64) - 2)
    return (np.clip(np.rint(bias / quarter), -2040, 2040) * quarter).astype(np.int32)


def box_network(
    grid: tuple[int, int] = (8, 8),
    neurons: int = 12,
    synapses: int = 4,
    classes: int = 5,
    seed: int = 0,
    cut: int = 0,
    middle: int = 0,
    largest: int = 7,
    odd: bool = False,
    channels: int = 1,
    order: str = "first",
) -> Network:
    """A stage-'quantised' field layer of random boxes, perhaps a dense layer, and a dense head; dense weights are -largest..largest, or odd."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, np.array(grid), (neurons, synapses, 2))
    high = np.minimum(low + rng.integers(0, np.minimum(np.array(grid), 16) + 1, low.shape), np.array(grid))
    charge = rng.integers(-(63 // synapses), 63 // synapses + 1, (neurons, synapses))
    spread = 255 / (1 << cut) * grid[0] * grid[1] * 63 / synapses / 12
    sizes = [neurons, *([middle] if middle else []), classes]
    wiring = {"edges": np.concatenate([low, high], axis=2).astype(np.uint8 if max(grid) <= 255 else np.uint16), "charge": charge.astype(np.int8)}
    if channels > 1:
        wiring["channel"] = np.random.default_rng(seed + 1).integers(0, channels, charge.shape).astype(np.uint8)
    layers = [
        Layer(
            "layer0",
            "field",
            channels * grid[0] * grid[1],
            neurons,
            "relu",
            _hidden(wiring, neurons, spread, rng),
            {"rule": "box", "grid": list(grid), "channels": channels, "activity": 1.0, **({} if channels == 1 else {"order": order})},
        )
    ]
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        drawn = rng.integers(-largest, largest + 1, (outputs, inputs))
        weight = {"weight": np.where(drawn % 2 == 0, drawn + 1 - 2 * (drawn > 0), drawn).astype(np.int8) if odd else drawn.astype(np.int8)}
        if k == len(sizes) - 2:
            arrays = {**weight, "bias": rng.integers(-999, 1000, outputs).astype(np.int32), "weight_scale": np.full(outputs, 0.01, np.float32)}
        else:
            arrays = _hidden(weight, outputs, 0.7 * largest * 90 * inputs**0.5, rng)
        layers.append(Layer(f"layer{k + 1}", "dense", inputs, outputs, "none" if k == len(sizes) - 2 else "relu", arrays, {"activity": 0.5}))
    shape = grid if channels == 1 else (channels, *grid) if order == "first" else (*grid, channels)
    spec = InputSpec(shape, cut=cut)
    return validate(Network(tuple(layers), spec, tuple(str(c) for c in range(classes)), stage="quantised", provenance={"seed": seed}))


def replicated_network(
    grid: tuple[int, int] = (8, 8),
    channels: int = 1,
    layers: tuple[dict[str, object], ...] = ({},),
    classes: int = 4,
    seed: int = 0,
    cut: int = 0,
    order: str = "first",
) -> Network:
    """A stage-'quantised' network of replicated layers, one behind the other, and a 4-bit dense head.

    A layer is told prototypes, synapses, kernel, stride, padding, pool and pooling; without: 4, 3, and 3 x 3, 1, 1, 2 cells, max.
    """
    rng = np.random.default_rng(seed)
    stack: list[Layer] = []
    size, maps, largest = grid, channels, 255 >> cut
    for k, entry in enumerate(layers):
        o = {"prototypes": 4, "synapses": 3, "kernel": (3, 3), "stride": (1, 1), "padding": (1, 1), "pool": (2, 2), **entry}
        pairs = {name: list(o[name]) for name in ("kernel", "stride", "padding", "pool")}  # type: ignore[call-overload]
        prototypes, synapses = int(o["prototypes"]), int(o["synapses"])  # type: ignore[call-overload]
        kernel = np.array(pairs["kernel"])
        low = rng.integers(0, kernel, (prototypes, synapses, 2))
        high = np.minimum(low + rng.integers(0, kernel + 1, low.shape), kernel)
        limit = 63 // synapses
        wiring = {
            "edges": np.concatenate([low, high], axis=2).astype(np.uint8),
            "charge": rng.integers(-limit, limit + 1, (prototypes, synapses)).astype(np.int8),
        }
        if maps > 1:
            wiring["channel"] = rng.integers(0, maps, (prototypes, synapses)).astype(np.uint8)
        rows = [(size[a] + 2 * pairs["padding"][a] - pairs["kernel"][a]) // pairs["stride"][a] + 1 for a in (0, 1)]
        pooled = (-(-rows[0] // pairs["pool"][0]), -(-rows[1] // pairs["pool"][1]))
        spread = largest * limit * int(kernel.prod()) * synapses**0.5 / 8
        options: dict[str, object] = {"rule": "box", "grid": list(size), "channels": maps, **pairs, "pooling": o.get("pooling", "max")}
        if maps > 1 and k == 0 and order == "last":
            options["order"] = order
        inputs, outputs = maps * size[0] * size[1], prototypes * pooled[0] * pooled[1]
        stack.append(Layer(f"layer{k}", "replicated", inputs, outputs, "relu", _hidden(wiring, prototypes, spread, rng), options))
        size, maps, largest = pooled, prototypes, 255
    head = {
        "weight": rng.integers(-7, 8, (classes, stack[-1].outputs)).astype(np.int8),
        "bias": rng.integers(-999, 1000, classes).astype(np.int32),
        "weight_scale": np.full(classes, 0.01, np.float32),
    }
    stack.append(Layer(f"layer{len(layers)}", "dense", stack[-1].outputs, classes, "none", head, {"activity": 0.5}))
    shape = grid if channels == 1 else (channels, *grid) if order == "first" else (*grid, channels)
    spec = InputSpec(shape, cut=cut)
    return validate(Network(tuple(stack), spec, tuple(str(c) for c in range(classes)), stage="quantised", provenance={"seed": seed}))


def _hidden(weights: dict[str, np.ndarray], outputs: int, spread: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The arrays of a hidden layer whose sums spread so far: shifts that keep most outputs in 0..255, and biases that can be packed."""
    low = int(np.clip(np.log2(max(spread, 4) / 128), 2, 12))
    shift = rng.integers(low, low + 2, outputs).astype(np.uint8)
    bias = packable(rng.normal(0, spread / 2, outputs), shift)
    return {**weights, "bias": bias, "shift": shift, "weight_scale": np.full(outputs, 0.01, np.float32)}
