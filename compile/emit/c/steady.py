"""``c/``: the network as plain C99 for any board, complete with kernels, test vectors, a demo and a Makefile.

In: a network of stage 'stored'. Out: nearwire.h and nearwire.c (only the kernels in use), model.h and model.c (constants, one function a
layer, nearwire_infer and nearwire_classify), test_vectors.h, main.c, Makefile. The same network gives the same bytes.

A kernel that works in an array of its own gets it as a static one; values between layers share one buffer, neighbours at its opposite ends: it
has the largest sum of two neighbouring layers' widths. One layer: compile/emit/c/layer.py; spiking networks: compile/emit/c/step.py.
"""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.c import front
from compile.emit.c import step as c_spiking
from compile.emit.c.layer import c_layer, cuts_first, packed_biases, packed_layers
from compile.emit.common.templates import environment, rows
from compile.formats import FORMATS, Format, format_named
from compile.formats.base import KERNELS, with_zero_point
from devices.errors import InputError
from devices.version import VERSION
from runtime.network import reference
from runtime.network.file import to_bytes
from runtime.network.network import Array, Network

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
    sha256 = hashlib.sha256(to_bytes(network)).hexdigest()
    network = with_zero_point(network)  # one stored before layers recorded it
    values = _values(network, samples) | {"sha256": sha256}
    chosen = TEMPLATE_OF if network.spiking is None else {**TEMPLATE_OF, "model.c": c_spiking.TEMPLATE}
    written = {name: templates.get_template(template).render(values) for name, template in chosen.items()}
    return {**_kernels(network), **written, **front.files(network)}


def _values(network: Network, samples: Array | None) -> dict[str, Any]:
    own = c_spiking.values(network) if network.spiking is not None else _steady_values(network)
    layers = own["layers"]
    vectors = _vectors(network) if samples is None else reference.check_samples(network, samples)
    spec = network.input
    return {
        "title": f"A network of {len(layers)} layers that tells {len(network.classes)} classes apart.",
        "version": VERSION,
        "input_comment": f"byte {spec.zero_point} is 0.0, a step is {spec.scale:.7g}",
        "inputs": spec.size,
        "outputs": len(network.classes),
        "ram_bytes": sum(static_memory(network).values()),
        "constant_bytes": sum(array.bytes for layer in layers for array in layer.arrays),
        "classes": network.classes,
        "count": len(vectors),
        "test_inputs": [rows(sample) for sample in vectors],
        "test_scores": [rows(scores) for scores in reference.scores(network, vectors)],
        "spiking": None,
        "raw": front.raw_type(network),
        **own,
    }


def _steady_values(network: Network) -> dict[str, Any]:
    """What the template of networks that do not spike needs besides."""
    buffers, buffer_bytes = _buffers(network)
    inner = [*(buffers if cuts_first(network) else ["input", *buffers]), "scores"]
    layers = [c_layer(network, index, layer, inner[index], inner[index + 1]) for index, layer in enumerate(network.layers)]
    if any(layer.scratch for layer in layers):
        buffer_bytes = -(-buffer_bytes // 4) * 4  # so that the program's RAM is the sum of its parts
    cut = network.input.cut if cuts_first(network) else 0
    return {"layers": layers, "buffer_bytes": buffer_bytes, "cut": cut, "cut_output": buffers[0] if cut else ""}


def _kernels(network: Network) -> dict[str, str]:
    """nearwire.h and nearwire.c with the kernels that this network uses."""
    stores = {str(layer.store) for layer in network.layers}
    needed = {part for name in stores for part in FORMATS[name].needs} - stores | ({"cut_u8"} if cuts_first(network) else set())
    first = [] if network.spiking is None else ["spikes", *c_spiking.kernels(network)]
    names = [*first, *sorted(needed), *sorted(stores)]
    include = '#include "nearwire.h"\n'
    parts = [FORMATS[name].sources() if name in FORMATS else _sources(name) for name in names]
    formats = [FORMATS[name] for name in names if name in FORMATS]
    defines = "".join(item.define([layer for layer in network.layers if layer.store == item.name]) + _wide_biases(network, item) for item in formats)
    if network.spiking is not None:
        defines = c_spiking.defines(network) + defines
    header = _kernel("nearwire.h") + defines + "".join(head for head, _ in parts) + HEADER_END
    source = include + "".join(body.replace(include, "", 1) for _, body in parts)
    return {"nearwire.h": header, "nearwire.c": source.rstrip("\n") + "\n"}


def _wide_biases(network: Network, item: Format) -> str:
    """The line that gives a packed kernel's neurons 32 bits for bias and shift, where some need them."""
    layers = packed_layers(network, item.name) if item.packed else []
    if all(words.itemsize == 2 for words in packed_biases(layers, item)):
        return ""
    return f"#define NEARWIRE_{item.name.removesuffix('_s8').upper()}_BIAS uint32_t /* some bias of this network needs more than 12 bits */\n"


def _sources(name: str) -> tuple[str, str]:
    """(header, source) of what no format is: what kernels need, and neurons. Some have only one of them."""
    header, source = (path.read_text(encoding="ascii") if (path := KERNELS / f"{name}{end}").is_file() else "" for end in (".h", ".c"))
    return header, source


def _kernel(name: str) -> str:
    return (KERNELS / name).read_text(encoding="ascii")


def static_memory(network: Network) -> dict[str, int]:
    """Bytes of the static RAM of a stored network's program, by what they are for; exactly what the linked program has."""
    parts = {}
    for layer in network.layers:
        if scratch_bytes := format_named(layer.store or "").scratch_bytes(layer):
            parts[f"scratch memory of layer '{layer.name}' ({layer.store})"] = scratch_bytes
    if network.spiking is not None:
        return {**parts, **c_spiking.memory(network)}
    values = _buffers(network)[1]
    return {**parts, "values between layers, two neighbours at a time": -(-values // 4) * 4 if parts else values}


def _buffers(network: Network) -> tuple[list[str], int]:
    """Where each value between layers lies (C expressions: the cut input if there is one, then the hidden layers) and the buffer's bytes."""
    sizes = ([network.input.size] if cuts_first(network) else []) + [layer.outputs for layer in network.layers[:-1]]
    total = max([a + b for a, b in itertools.pairwise(sizes)] + sizes[:1], default=0)
    starts = [0 if k % 2 == 0 else total - size for k, size in enumerate(sizes)]
    return [f"nearwire_scratch + {start}" if start else "nearwire_scratch" for start in starts], total


def _vectors(network: Network) -> Array:
    """Samples that touch the extremes and the middle: all 0, all 255, and random bytes."""
    size = network.input.size
    random = np.random.default_rng(0).integers(0, 256, (VECTORS - 2, size)).astype(np.uint8)
    return np.concatenate([np.zeros((1, size), np.uint8), np.full((1, size), 255, np.uint8), random])
