"""The one file format of networks: safetensors, arrays as ``<layer name>/<array name>``, everything else as JSON under the metadata key
``nearwire``. No pickle.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from devices.common.files import write_whole
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.network import InputSpec, Layer, Network
from runtime.network.spiking.constants import Spiking

SCHEMA = 1


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
    return save_tensors(tensors, metadata={"nearwire": json.dumps(header, sort_keys=True, allow_nan=False)})


def from_bytes(content: bytes, where: str = "network file") -> Network:
    """The network in ``content``; InputError if it is truncated, foreign, of another schema or inconsistent."""
    try:
        tensors = load_tensors(content)
        size = int.from_bytes(content[:8], "little")
        header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["nearwire"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where} is not a nearwire network: {error or type(error).__name__}. It is truncated, damaged or made by another tool; make it again with 'python -m train fit'."
        ) from error
    if header.get("schema") != SCHEMA:
        raise InputError(
            f"{where} has schema {header.get('schema')!r}; this version reads schema {SCHEMA}. Train it again or use the version that wrote it."
        )
    try:
        layers = tuple(
            Layer(
                name=entry["name"],
                kind=entry["kind"],
                inputs=int(entry["inputs"]),
                outputs=int(entry["outputs"]),
                activation=entry["activation"],
                arrays={name: tensors[f"{entry['name']}/{name}"] for name in entry["arrays"]},
                options=entry["options"],
                store=entry["store"],
            )
            for entry in header["layers"]
        )
        spec = header["input"]
        network = Network(
            layers=layers,
            input=InputSpec(tuple(int(n) for n in spec["shape"]), float(spec["scale"]), int(spec["zero_point"]), int(spec["cut"])),
            classes=tuple(str(name) for name in header["classes"]),
            stage=header["stage"],
            spiking=None if "spiking" not in header else Spiking(**header["spiking"]),
            provenance=header["provenance"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{where} lacks a part of its structure: {type(error).__name__} {error}. It is damaged; make it again with 'python -m train fit'."
        ) from error
    return validate(network, where)


def save(network: Network, path: Path) -> str:
    """Write the network's file whole or not at all; returns the sha256 of its bytes."""
    content = to_bytes(validate(network))
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def load(path: Path) -> Network:
    """Read a network file, or ``network.safetensors`` inside a run or build folder."""
    if path.is_dir():
        path = path / "network.safetensors"
    if not path.is_file():
        raise InputError(f"no network file at '{path}'. Give a run folder of 'python -m train fit', a .safetensors file or zoo:NAME.")
    return from_bytes(path.read_bytes(), f"'{path}'")
