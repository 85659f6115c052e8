"""``spatial``: neurons with one position each; distance becomes weight (Erb et al., arXiv 2506.13410).

    w_ji = mask_i * rule(||sender_i - receiver_j||**2 + gap**2)          |w| decreases with distance
    mask_i = tanh(steepness * inhibition_i / 2), close to +1 or -1       (2 * sigmoid(steepness * v) - 1; frozen: its sign)

``gap`` is the distance between the two planes: option ``gap_kind`` says whether it is ``fixed``, ``learned`` or ``relaxed``. Relaxed
neurons have their own last coordinate, so the gap is part of the positions and the option ``gap`` is 0.

Quantisation-aware training leaves positions that are multiples of the option ``position_step``, and weights in steps of the array ``step``: those of
the integer form below, so that the float form computes what was trained.

Integer form: positions are integers (steps of ``step`` length units), so squared distances are integers, and

    w_ji = sign_i * table[code(d2) - code_base],  d2 = sum (sender_i - receiver_j)**2 + gap2,  0 where d2 > cutoff2

with code of ``runtime.network.law.distance_code`` and the index held within the table. A device that ships positions and one that ships
weights therefore hold the same integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from devices.errors import InputError
from runtime.network.kinds.base import ArraySpec, Kind
from runtime.network.law import WEIGHT_MAX, distance_code, distance_of_code
from runtime.network.network import Array, Layer
from runtime.network.rules import rule

GAP_KINDS = ("fixed", "learned", "relaxed")
TABLE_MAX = 256  # entries
TILED_FROM = 2**25  # weights, 128 MiB: layers from which on keeping them costs more than making them again, a tile at a time
TILE = 2**21  # weights, 8 MiB: large enough for the products, small enough for a cache
EPSILON = 1e-6  # squared length units: keeps 1 / d finite where two relaxed neurons coincide; train/layers/wiring.py uses the same


class Spatial(Kind):
    name = "spatial"
    float_arrays = {
        "sender": ArraySpec("float32", ("inputs", "coordinates"), "length units"),
        "receiver": ArraySpec("float32", ("outputs", "coordinates"), "length units"),
        "inhibition": ArraySpec("float32", ("inputs",), "none; its sign is the sender's", optional=True),
        "sign": ArraySpec("int8", ("inputs",), "+1 excitatory, -1 inhibitory; frozen layers", optional=True),
        "bias": ArraySpec("float32", ("outputs",), "output units"),
        "step": ArraySpec("float32", ("outputs",), "real weight a step, where training was quantisation-aware", optional=True),
    }
    integer_arrays = {
        "sender": ArraySpec("int16", ("inputs", "coordinates"), "position steps"),
        "receiver": ArraySpec("int16", ("outputs", "coordinates"), "position steps"),
        "sign": ArraySpec("int8", ("inputs",), "+1 or -1"),
        "table": ArraySpec("int8", ("codes",), "weight steps; by distance code"),
        "bias": ArraySpec("int32", ("outputs",), "accumulator steps"),
        "shift": ArraySpec("uint8", ("outputs",), "bits", optional=True),
        "weight_scale": ArraySpec("float32", ("outputs",), "real weight a step, for reports"),
    }

    def check_options(self, layer: Layer, integer: bool, where: str) -> None:
        needed = ("gap_kind", "rule", "tied") + (("gap2", "code_base", "mantissa_bits", "cutoff2") if integer else ("gap", "steepness"))
        missing = [name for name in needed if name not in layer.options]
        if missing:
            raise InputError(f"{where} lacks the options {missing}.")
        rule(layer.options["rule"])
        if layer.options["gap_kind"] not in GAP_KINDS:
            raise InputError(f"{where}: gap_kind '{layer.options['gap_kind']}' is not one of {', '.join(GAP_KINDS)}.")
        if not integer and ("sign" in layer.arrays) == ("inhibition" in layer.arrays):
            raise InputError(f"{where} must have exactly one of the arrays 'inhibition' (trained) and 'sign' (frozen).")
        if "sign" in layer.arrays and not np.isin(layer.arrays["sign"], (-1, 1)).all():
            raise InputError(f"{where}: array 'sign' holds values other than +1 and -1.")

    def parameters(self, layer: Layer) -> int:
        """Positions (senders only where the layer before does not own them), inhibition, bias, and the gap if it is learned."""
        owned = layer.arrays["receiver"].size + (0 if layer.options["tied"] else layer.arrays["sender"].size)
        return int(owned + layer.inputs + layer.outputs + (layer.options["gap_kind"] == "learned"))

    def mask(self, layer: Layer) -> Array:
        """(inputs,) float32 in [-1, 1]."""
        if "sign" in layer.arrays:
            return layer.arrays["sign"].astype(np.float32)
        return np.tanh(np.float32(layer.options["steepness"] / 2) * layer.arrays["inhibition"])

    def squared_distances(self, layer: Layer) -> Array:
        """(outputs, inputs): float32 squared length units in float form, int64 squared steps in integer form."""
        integer = layer.arrays["sender"].dtype.kind == "i"
        a: Array = layer.arrays["receiver"].astype(np.int64 if integer else np.float32)
        b: Array = layer.arrays["sender"].astype(a.dtype)
        d2: Array = np.zeros((len(a), len(b)), a.dtype)
        for k in range(a.shape[1]):
            d2 += (a[:, k, None] - b[None, :, k]) ** 2
        return d2 + (int(layer.options["gap2"]) if integer else np.float32(layer.options["gap"] ** 2))

    def weights(self, layer: Layer) -> Array:
        if "step" in layer.arrays:
            return np.asarray(self._stepped(layer) * self.mask(layer)[None, :], np.float32)
        d2 = np.maximum(self.squared_distances(layer), np.float32(EPSILON))
        size = rule(layer.options["rule"])(d2).astype(np.float32)
        if "cutoff2" in layer.options:
            size[d2 > np.float32(layer.options["cutoff2"])] = 0
        return np.asarray(size * self.mask(layer)[None, :], np.float32)

    def rows(self, layer: Layer) -> list[Layer]:
        """The layer cut into layers of fewer receivers, each of at most ``TILE`` weights, in order."""
        count = max(1, TILE // layer.inputs)
        found = []
        for at in range(0, layer.outputs, count):
            receiver, bias = (layer.arrays[name][at : at + count] for name in ("receiver", "bias"))
            found.append(replace(layer.with_arrays(receiver=receiver, bias=bias), outputs=len(bias)))
        return found

    def float_sums(self, layer: Layer) -> Callable[[Array], Array]:
        """Of a large layer without its weights ever being there at once: memory O(inputs + outputs)."""
        if layer.inputs * layer.outputs < TILED_FROM or "step" in layer.arrays:
            return super().float_sums(layer)
        parts = self.rows(layer)
        return lambda values: np.concatenate([values @ self.weights(part).T + part.arrays["bias"] for part in parts], axis=1)

    def _stepped(self, layer: Layer) -> Array:
        """(outputs, inputs) sizes of the weights of a layer on its grid, whole steps."""
        step = float(layer.options["position_step"])
        whole = {name: np.rint(layer.arrays[name].astype(np.float64) / step).astype(np.int16) for name in ("sender", "receiver")}
        d2 = self.squared_distances(layer.with_arrays(**whole).with_options(gap2=round((float(layer.options["gap"]) / step) ** 2)))
        kept = d2 <= layer.options["cutoff2"] / step**2 if "cutoff2" in layer.options else np.ones(d2.shape, bool)
        low = int(d2.min())
        mantissa_bits, first, ideal = ideal_table(low, int(d2[kept].max(initial=low)), layer.options["rule"], step**2)
        scale = float(layer.arrays["step"][0])
        index = np.clip(distance_code(d2, mantissa_bits) - first, 0, len(ideal) - 1)
        return np.asarray(rounded_table(ideal, scale)[index] * kept * scale)

    def table_index(self, layer: Layer) -> Array:
        """(outputs, inputs) entry of the table that each connection of the integer form reads."""
        code = distance_code(self.squared_distances(layer), int(layer.options["mantissa_bits"]))
        return np.clip(code - int(layer.options["code_base"]), 0, len(layer.arrays["table"]) - 1)

    def kept(self, layer: Layer) -> Array:
        """(outputs, inputs) whether a connection of the integer form is within the cut-off."""
        d2 = self.squared_distances(layer)
        cutoff2 = layer.options["cutoff2"]
        return np.ones(d2.shape, bool) if cutoff2 is None else d2 <= int(cutoff2)

    def integer_weights(self, layer: Layer) -> Array:
        size = layer.arrays["table"][self.table_index(layer)]
        return np.asarray(size * self.kept(layer) * layer.arrays["sign"][None, :], np.int8)


def ideal_table(low: int, high: int, rule_name: str, step2: float) -> tuple[int, int, Array]:
    """(mantissa bits, first code, real weight by code) for squared distances ``low`` .. ``high``, each worth ``step2``: the finest table that fits.
    An entry is the rule at the middle of its interval of distances."""
    ends = np.array([low, high])
    mantissa_bits = next(m for m in range(8, -1, -1) if np.ptp(distance_code(ends, m)) < TABLE_MAX)
    first, last = (int(c) for c in distance_code(ends, mantissa_bits))
    distances = distance_of_code(np.arange(first, last + 1), mantissa_bits) * step2
    return mantissa_bits, first, rule(rule_name)(np.maximum(distances, EPSILON))


def rounded_table(ideal: Array, scale: float) -> Array:
    """(codes,) int8: every entry to its nearest step, the largest held within the law."""
    return np.minimum(np.rint(ideal / scale), WEIGHT_MAX).astype(np.int8)
