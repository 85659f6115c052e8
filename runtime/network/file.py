"""The one file format of networks: safetensors, arrays as ``<layer name>/<array name>``, everything else as JSON under the metadata key
``nearwire``. No pickle.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from devices.common.documents import parse_json
from devices.common.files import write_whole
from devices.common.guard import plain, read_regular, reading, shown
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.front.stage import Stage
from runtime.network.kinds import kind_of
from runtime.network.network import STAGES, InputSpec, Layer, Network
from runtime.network.schema import HEADER
from runtime.network.spiking.constants import Spiking

SCHEMA = 1
FRONT = "front"  # of the names of a front end's arrays; no layer's array has two slashes in its name
DAMAGED = "It is truncated, damaged, or was made or changed by another tool; make it again with 'nearwire train fit'."


def to_bytes(network: Network) -> bytes:
    """The file's content; the same network gives the same bytes."""
    header = {
        "schema": SCHEMA,
        "stage": network.stage,
        "input": {
            "shape": list(network.input.shape),
            "scale": network.input.scale,
            "zero_point": network.input.zero_point,
            "cut": network.input.cut,
        },
        "classes": list(network.classes),
        **({"front": [{"kind": s.kind, "options": dict(s.options), "arrays": sorted(s.arrays)} for s in network.front]} if network.front else {}),
        "provenance": dict(network.provenance),
        **({} if network.spiking is None else {"spiking": {k: v for k, v in asdict(network.spiking).items() if v is not None}}),
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "inputs": layer.inputs,
                "outputs": layer.outputs,
                "activation": layer.activation,
                "options": dict(layer.options),
                "store": layer.store,
                "arrays": sorted(layer.arrays),
            }
            for layer in network.layers
        ],
    }
    tensors = {f"{layer.name}/{name}": np.ascontiguousarray(value) for layer in network.layers for name, value in sorted(layer.arrays.items())}
    for k, stage in enumerate(network.front):
        tensors |= {f"{FRONT}/{k}/{name}": np.ascontiguousarray(value) for name, value in sorted(stage.arrays.items())}
    return save_tensors(tensors, metadata={"nearwire": json.dumps(header, sort_keys=True, allow_nan=False)})


def from_bytes(content: bytes, where: str = "network file") -> Network:
    """The network in ``content``; InputError naming the field if it is truncated, foreign, of another schema or inconsistent.

    In this order, so that nothing is computed from what was not checked: the header's types and ranges, the options of every layer, the arrays.
    """
    header, names = _header(content, where)
    entries = [_layer(entry, {}) for entry in header["layers"]]
    integer = STAGES.index(header["stage"]) >= STAGES.index("quantised")
    for layer in entries:
        kind_of(layer, where).check_header(layer, integer, where)
    with reading(where, DAMAGED, "is not a nearwire network"):
        tensors = load_tensors(content)
    arrays = [{name: tensors.get(f"{entry['name']}/{name}") for name in entry["arrays"]} for entry in header["layers"]]
    lacking = [
        (entry["name"], name)
        for entry, layer_arrays in zip(header["layers"], arrays, strict=True)
        for name, value in layer_arrays.items()
        if value is None
    ]
    if lacking:
        raise InputError(f"{where}: layer '{lacking[0][0]}' names the array '{lacking[0][1]}', which the file does not hold. {DAMAGED}")
    front, fronts = _front(header, tensors, where)
    if extra := names - fronts - {f"{entry['name']}/{name}" for entry in header["layers"] for name in entry["arrays"]}:
        raise InputError(f"{where} holds the array '{plain(min(extra))}', which no layer names. {DAMAGED}")
    spec = header["input"]
    network = Network(
        layers=tuple(_layer(entry, layer_arrays) for entry, layer_arrays in zip(header["layers"], arrays, strict=True)),
        input=InputSpec(tuple(spec["shape"]), float(spec["scale"]), spec["zero_point"], spec["cut"]),
        classes=tuple(header["classes"]),
        stage=header["stage"],
        spiking=None if "spiking" not in header else Spiking(**header["spiking"]),
        provenance=header["provenance"],
        front=front,
    )
    return validate(network, where)


def _header(content: bytes, where: str) -> tuple[dict[str, Any], set[str]]:
    """The checked header, and the names of the arrays in the file."""
    wrong = "is not a nearwire network"
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise InputError(f"{where} {wrong}: it has {len(content):,} bytes, fewer than its beginning says. {DAMAGED}")
    outer = parse_json(content[8 : 8 + size], where, DAMAGED, wrong)
    words = outer.get("__metadata__") if isinstance(outer, dict) else None
    text = words.get("nearwire") if isinstance(words, dict) else None
    if not isinstance(text, str):
        raise InputError(f"{where} {wrong}: its metadata has no text 'nearwire'. {DAMAGED}")
    header = parse_json(text, where, DAMAGED, wrong)
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        version = shown(header.get("schema") if isinstance(header, dict) else header)
        raise InputError(f"{where} has schema {version}; this version reads schema {SCHEMA}. Train it again or use the version that wrote it.")
    HEADER.check(header, where, "the header")
    return header, set(outer) - {"__metadata__"}


def _front(header: dict[str, Any], tensors: dict[str, Any], where: str) -> tuple[tuple[Stage, ...], set[str]]:
    """The stages of the front end, and the names of their arrays in the file."""
    stages, names = [], set()
    for k, entry in enumerate(header.get("front", [])):
        own = {name: f"{FRONT}/{k}/{name}" for name in entry["arrays"]}
        if lacking := [name for name in own.values() if name not in tensors]:
            raise InputError(f"{where}: the front end names the array '{lacking[0]}', which the file does not hold. {DAMAGED}")
        names |= set(own.values())
        stages.append(Stage(entry["kind"], {name: tensors[key] for name, key in own.items()}, entry["options"]))
    return tuple(stages), names


def _layer(entry: dict[str, Any], arrays: dict[str, Any]) -> Layer:
    return Layer(entry["name"], entry["kind"], entry["inputs"], entry["outputs"], entry["activation"], arrays, entry["options"], entry["store"])


def save(network: Network, path: Path) -> str:
    """Write the network's file whole or not at all; returns the sha256 of its bytes."""
    content = to_bytes(validate(network))
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def load(path: Path) -> Network:
    """Read a network file, or ``network.safetensors`` inside a run or build folder."""
    if path.is_dir():
        path = path / "network.safetensors"
    return from_bytes(read(path), f"'{path}'")


def read(path: Path) -> bytes:
    """The bytes of a network file; InputError if there is none."""
    if not path.exists():
        raise InputError(f"no network file at '{path}'. Give a run folder of 'nearwire train fit', a .safetensors file or zoo:NAME.")
    return read_regular(path, f"'{path}'")
