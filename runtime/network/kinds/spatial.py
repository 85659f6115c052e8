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

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from devices.errors import InputError
from runtime.network.kinds.base import TILE, ArraySpec, Kind, kept_with_layer
from runtime.network.kinds.options import OptionSpec
from runtime.network.law import WEIGHT_MAX, distance_code, distance_of_code
from runtime.network.network import Array, Layer
from runtime.network.rules import RULES, rule
from runtime.network.schema import POSITIVE, Flag, Maybe, Real, Whole, Word

GAP_KINDS = ("fixed", "learned", "relaxed")
TABLE_MAX = 256  # entries
OPTIONS = {
    "gap_kind": OptionSpec(Word(GAP_KINDS, "gap_kind"), "whose the distance of the two planes is"),
    "rule": OptionSpec(Word(tuple(RULES), "wiring rule"), "how a weight decreases with the distance"),
    "tied": OptionSpec(Flag(), "whether the senders are the receivers of the layer before"),
}
TILED_FROM = 2**25  # weights, 128 MiB: layers from which on keeping them costs more than making them again, a tile at a time
GAP_MAX = 1e15  # length units: its square fits float32
SQUARED_MAX = 2**32 - 1  # squared position steps: what the C code counts distances in
EPSILON = 1e-6  # squared length units: keeps 1 / d finite where two relaxed neurons coincide; train/layers/wiring.py uses the same


class Spatial(Kind):
    name = "spatial"
    pruning = ("none",)
    rules = tuple(RULES)
    positioned = True
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

    float_options = {
        **OPTIONS,
        "gap": OptionSpec(Real(0, GAP_MAX), "length units between the planes"),
        "steepness": OptionSpec(POSITIVE, "of the mask, a unit of inhibition"),
        "cutoff2": OptionSpec(Real(0), "squared length units, beyond which weights are 0", optional=True),
        "position_step": OptionSpec(Real(1 / GAP_MAX, GAP_MAX), "length units a step, where training was quantisation-aware", optional=True),
    }
    integer_options = {
        **OPTIONS,
        "step": OptionSpec(POSITIVE, "length units a position step", optional=True),
        "gap2": OptionSpec(Whole(0, SQUARED_MAX), "squared position steps"),
        "code_base": OptionSpec(Whole(0, 2**14), "code of the table's first entry"),
        "mantissa_bits": OptionSpec(Whole(0, 8), "bits of a code below its exponent"),
        "cutoff2": OptionSpec(Maybe(Whole(0, SQUARED_MAX)), "squared position steps, beyond which weights are 0; null: none"),
    }

    def check_values(self, layer: Layer, integer: bool, where: str) -> None:
        if not integer and ("sign" in layer.arrays) == ("inhibition" in layer.arrays):
            raise InputError(f"{where} must have exactly one of the arrays 'inhibition' (trained) and 'sign' (frozen).")
        if "sign" in layer.arrays and not np.isin(layer.arrays["sign"], (-1, 1)).all():
            raise InputError(f"{where}: array 'sign' holds values other than +1 and -1.")
        if not integer and "step" in layer.arrays and "position_step" not in layer.options:
            raise InputError(f"{where} has the array 'step' but no option 'position_step', which its training gave with it. It is damaged.")
        if integer and not 1 <= len(layer.arrays["table"]) <= TABLE_MAX:
            raise InputError(f"{where}: array 'table' has {len(layer.arrays['table'])} entries; allowed: 1 to {TABLE_MAX}.")
        if (integer or "step" in layer.arrays) and (far := self._farthest(layer)) > SQUARED_MAX:
            raise InputError(f"{where}: positions are up to {far:.4g} squared steps apart; allowed: {SQUARED_MAX}.")

    def _farthest(self, layer: Layer) -> float:
        """A bound on the squared distances in position steps, from the extent of the positions along the axes."""
        ends = [layer.arrays[name].astype(np.float64) for name in ("sender", "receiver")]
        across = np.maximum(ends[0].max(0), ends[1].max(0)) - np.minimum(ends[0].min(0), ends[1].min(0))
        squared = float((across**2).sum())
        if "gap2" in layer.options:
            return squared + float(layer.options["gap2"])
        return (squared + float(layer.options["gap"]) ** 2) / float(layer.options["position_step"]) ** 2

    def parameters(self, layer: Layer) -> int:
        """Positions (senders only where the layer before does not own them), inhibition, bias, and the gap if it is learned."""
        owned = layer.arrays["receiver"].size + (0 if layer.options["tied"] else layer.arrays["sender"].size)
        return int(owned + layer.inputs + layer.outputs + (layer.options["gap_kind"] == "learned"))

    def mask(self, layer: Layer) -> Array:
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
        layers = []
        for at in range(0, layer.outputs, count):
            receiver, bias = (layer.arrays[name][at : at + count] for name in ("receiver", "bias"))
            layers.append(replace(layer.with_arrays(receiver=receiver, bias=bias), outputs=len(bias)))
        return layers

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

    def integer_tiles(self, layer: Layer) -> Iterator[Array]:
        count = max(1, TILE // layer.inputs)
        for at in range(0, layer.outputs, count):
            part = layer.with_arrays(receiver=layer.arrays["receiver"][at : at + count])
            size = layer.arrays["table"][self.table_index(part)]
            yield np.asarray(size * self.kept(part) * layer.arrays["sign"][None, :], np.int8)

    def largest_weight(self, layer: Layer) -> int:
        """Of the table: a weight is an entry of it or its negative, and no matrix is made."""
        return int(np.abs(layer.arrays["table"].astype(np.int32)).max())

    @kept_with_layer
    def integer_weights(self, layer: Layer) -> Array:
        return np.concatenate([*self.integer_tiles(layer)])


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
