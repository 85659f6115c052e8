"""``c/``: the network as plain C99 for any board, complete with kernels, test vectors, a demo and a Makefile.

In: a network of stage 'stored'. Out: nearwire.h and nearwire.c (only the kernels in use), model.h and model.c (constants, one function a
layer, nearwire_infer and nearwire_classify), test_vectors.h, main.c, Makefile. The same network gives the same bytes.

What the kernels need not do at run time is done here:
- the zero point of the network's input is folded into the first layer's biases, b'_j = b_j - z * sum_i w_ji,
- the rounding term 2**(s_j - 1) into the hidden layers' biases,
- one shift byte stands for a layer whose neurons all have the same.
A kernel that works in an array of its own gets it as a static one; values between layers share one buffer, neighbours at its opposite ends: it has the largest sum of two neighbouring layers' widths.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.templates import environment, rows
from compile.formats import FORMATS, Format, format_named
from compile.formats.base import ARRAY_TYPES, KERNELS, pack_bias
from devices.errors import CheckError, InputError
from devices.version import VERSION
from runtime import reference
from runtime.kinds import kind_of
from runtime.law import ACCUMULATOR_MAX, accumulator_bound
from runtime.network import Array, Layer, Network, to_bytes

FOLDER = "c"
TEMPLATE_OF = {
    "model.h": "model.h.jinja",
    "model.c": "model.c.jinja",
    "test_vectors.h": "test_vectors.h.jinja",
    "main.c": "main.c.jinja",
    "Makefile": "Makefile.jinja",
}
VECTORS = 4
HEADER_END = """#ifdef __cplusplus
}
#endif

#endif /* NEARWIRE_H */
"""


@dataclass(frozen=True)
class _CArray:
    """A constant array of the model."""

    name: str
    type: str
    values: Array

    @property
    def length(self) -> int:
        return max(1, self.values.size)  # C has no empty arrays

    @property
    def bytes(self) -> int:
        return self.length * self.values.itemsize

    @property
    def rows(self) -> str:
        return rows(self.values if self.values.size else np.zeros(1, self.values.dtype))


@dataclass(frozen=True)
class _CLayer:
    """What the templates say about one layer."""

    index: int
    comment: str
    hidden: bool
    kernel: str
    arguments: list[str]
    arrays: list[_CArray]
    input: str
    output: str
    scratch: tuple[str, int, int] | None  # C type, length and bytes of the array its kernel works in


def emit(network: Network, folder: Path, samples: Array | None = None) -> None:
    """Write ``folder/c``. ``samples``: uint8 (n, inputs) for the test vectors; without them, fixed random ones."""
    target = folder / FOLDER
    target.mkdir()
    for name, content in files(network, samples).items():
        (target / name).write_text(content, encoding="ascii", newline="\n")


def files(network: Network, samples: Array | None = None) -> dict[str, str]:
    """The files of ``c/`` by name."""
    if network.stage != "stored":
        raise InputError(f"a network of stage '{network.stage}' has no storage formats to write as C. Run the pass 'store' first.")
    templates = environment()
    values = _values(network, samples)
    written = {name: templates.get_template(template).render(values) for name, template in TEMPLATE_OF.items()}
    return {**_kernels(network), **written}


def _values(network: Network, samples: Array | None) -> dict[str, Any]:
    places, buffer_bytes = _places(network)
    layers = [_layer(network, index, layer, places) for index, layer in enumerate(network.layers)]
    if any(layer.scratch for layer in layers):
        buffer_bytes = -(-buffer_bytes // 4) * 4  # so that the program's RAM is the sum of its parts
    vectors = _vectors(network) if samples is None else reference.check_samples(network, samples)
    spec = network.input
    return {
        "title": f"A network of {len(layers)} layers that tells {len(network.classes)} classes apart.",
        "version": VERSION,
        "input_comment": f"byte {spec.zero_point} is 0.0, a step is {spec.scale:.7g}",
        "inputs": spec.size,
        "outputs": len(network.classes),
        "buffer_bytes": buffer_bytes,
        "ram_bytes": buffer_bytes + sum(layer.scratch[2] for layer in layers if layer.scratch),
        "constant_bytes": sum(array.bytes for layer in layers for array in layer.arrays),
        "sha256": hashlib.sha256(to_bytes(network)).hexdigest(),
        "classes": network.classes,
        "cut": spec.cut if _cuts_first(network) else 0,
        "cut_output": places[0] if _cuts_first(network) else "",
        "layers": layers,
        "count": len(vectors),
        "test_inputs": [rows(sample) for sample in vectors],
        "test_scores": [rows(scores) for scores in reference.scores(network, vectors)],
    }


def _kernels(network: Network) -> dict[str, str]:
    """nearwire.h and nearwire.c with the kernels that this network uses."""
    stores = {str(layer.store) for layer in network.layers}
    needed = {part for name in stores for part in FORMATS[name].needs} - stores | ({"cut_u8"} if _cuts_first(network) else set())
    names = [*sorted(needed), *sorted(stores)]
    include = '#include "nearwire.h"\n'
    parts = [(_kernel(f"{name}.h"), _kernel(f"{name}.c") if (KERNELS / f"{name}.c").is_file() else "") for name in names]
    defines = "".join(FORMATS[name].define([layer for layer in network.layers if layer.store == name]) for name in names if name in FORMATS)
    header = _kernel("nearwire.h") + defines + "".join(head for head, _ in parts) + HEADER_END
    source = include + "".join(body.replace(include, "", 1) for _, body in parts)
    return {"nearwire.h": header, "nearwire.c": source.rstrip("\n") + "\n"}


def _kernel(name: str) -> str:
    return (KERNELS / name).read_text(encoding="ascii")


def static_memory(network: Network) -> dict[str, int]:
    """Bytes of the static RAM of a stored network's program, by what they are for; exactly what the linked program has."""
    parts = {}
    for layer in network.layers:
        if found := format_named(layer.store or "").scratch_bytes(layer):
            parts[f"scratch memory of layer '{layer.name}' ({layer.store})"] = found
    values = _places(network)[1]
    return {**parts, "values between layers, two neighbours at a time": -(-values // 4) * 4 if parts else values}


def _cuts_first(network: Network) -> bool:
    """Whether a step of its own drops the input's low bits: not where the first layer's kernel does."""
    return bool(network.input.cut) and not format_named(network.layers[0].store or "").cuts


def _places(network: Network) -> tuple[list[str], int]:
    """Where each value between layers lies (C expressions: the cut input if there is one, then the hidden layers) and the buffer's bytes."""
    sizes = ([network.input.size] if _cuts_first(network) else []) + [layer.outputs for layer in network.layers[:-1]]
    total = max([a + b for a, b in itertools.pairwise(sizes)] + sizes[:1], default=0)
    starts = [0 if k % 2 == 0 else total - size for k, size in enumerate(sizes)]
    return [f"nearwire_scratch + {start}" if start else "nearwire_scratch" for start in starts], total


def _layer(network: Network, index: int, layer: Layer, places: list[str]) -> _CLayer:
    item = format_named(layer.store or "")
    hidden = layer.activation != "none"
    weights = kind_of(layer).integer_weights(layer)
    arrays = [_CArray(name, ARRAY_TYPES[value.dtype.name], value) for name, value in item.encode_layer(layer).arrays.items()]
    bias = _bias(network, index, layer, weights)
    shifted = index == 0 and network.input.zero_point != 0
    packed = pack_bias(bias, layer.arrays["shift"]) if hidden and item.packed and not shifted else None
    arrays.append(_CArray("bias", "int32_t", bias) if packed is None else _CArray("bias", "uint16_t", packed))
    names = [f"nearwire_layer_{index}_{array.name}" for array in arrays]
    scratch, first = _scratch(item, layer), item.first_input(layer)
    sizes = [f"{size}u" for size in item.sizes_of(layer, network.input.cut if index == 0 else 0)]
    if scratch:
        sizes.append(f"nearwire_layer_{index}_scratch")
    arguments = [f"input + {first}" if first else "input", *sizes, *names, f"{len(bias)}u"]
    if packed is not None:
        arguments.append("output")
    elif hidden and item.packed:
        reason = "it has no room for the input's zero point" if shifted else "its biases do not fit 12 bits"
        raise InputError(f"layer '{layer.name}' cannot be written as '{item.name}': {reason}. Take another format, or 'auto'.")
    elif hidden:
        shift = layer.arrays["shift"]
        equal = bool((shift == shift[0]).all())
        arrays.append(_CArray("shift", "uint8_t", shift[:1] if equal else shift))
        arguments += [f"nearwire_layer_{index}_shift", "0u" if equal else "1u", "output"]
    else:
        arguments.append("scores")
    inner = places if _cuts_first(network) else ["input", *places]
    what = f"{layer.inputs} -> {layer.outputs}, {np.count_nonzero(weights)} non-zero weights, {item.name}: {item.description}"
    return _CLayer(
        index=index,
        comment=f"{what}, {sum(array.bytes for array in arrays)} bytes",
        hidden=hidden,
        kernel=f"nearwire_{item.name}" + ("" if hidden else "_scores"),
        arguments=arguments,
        arrays=arrays,
        input=inner[index],
        output=inner[index + 1] if hidden else "scores",
        scratch=scratch,
    )


def _scratch(item: Format, layer: Layer) -> tuple[str, int, int] | None:
    """The array that the kernel works in, its length rounded up to whole words."""
    found = item.scratch(layer)
    if found is None:
        return None
    kind, length, size = found
    return kind, item.scratch_bytes(layer) // (size // length), item.scratch_bytes(layer)


def _bias(network: Network, index: int, layer: Layer, weights: Array) -> Array:
    """(int32) The bias of every row of ``weights`` with zero point and rounding folded in; CheckError if a sum could leave int32."""
    zero_point, maximum = (network.input.zero_point, network.input.maximum) if index == 0 else (0, 255)
    bias = layer.arrays["bias"].astype(np.int64)
    folded = bias - zero_point * weights.astype(np.int64).sum(axis=1)
    rounding = np.zeros(1, np.int64)
    if layer.activation != "none":
        rounding = np.int64(1) << (layer.arrays["shift"].astype(np.int64) - 1)
    bound = accumulator_bound(weights, bias, zero_point, maximum) + int(np.max(rounding))
    if bound > ACCUMULATOR_MAX:
        raise CheckError(f"layer '{layer.name}': sums up to {bound} do not fit int32 ({ACCUMULATOR_MAX}). Prune the layer or give it fewer inputs.")
    return np.asarray(folded + rounding, np.int32)


def _vectors(network: Network) -> Array:
    """Samples that touch the extremes and the middle: all 0, all 255, and random bytes."""
    size = network.input.size
    random = np.random.default_rng(0).integers(0, 256, (VECTORS - 2, size)).astype(np.uint8)
    return np.concatenate([np.zeros((1, size), np.uint8), np.full((1, size), 255, np.uint8), random])
