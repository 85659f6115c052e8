"""The one network type of the pipeline and its one file format.

A network is a sequence of layers. Each layer has a kind (``runtime.kinds``), an activation, named arrays and scalar options.
`train` writes it with float positions (stage ``trained``); every compile pass takes a network and returns a network of a later
stage; a build keeps the last one. ``runtime.reference`` runs any of them.

File: safetensors, arrays as ``<layer name>/<array name>``, everything else as JSON under the metadata key ``nearwire``. No pickle.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from devices.errors import InputError, unknown_name
from devices.files import write_whole
from runtime.spiking.constants import Spiking, beta_of, threshold_of

SCHEMA = 1
STAGES = ("trained", "frozen", "pruned", "quantised", "stored")
ACTIVATIONS = ("none", "relu", "lif")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class InputSpec:
    """What the network reads: unsigned bytes u in 0..255. The first layer sees v = u >> cut, whose real value is ``step * (v - zero_point)``."""

    shape: tuple[int, ...]  # of one sample; the network sees it flattened in C order
    scale: float = 1 / 255  # real units a step of u
    zero_point: int = 0  # the byte that means 0.0; 0 where cut > 0
    cut: int = 0  # low bits that are dropped: 4 leaves a 4-bit input, which needs smaller sums

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def step(self) -> float:
        """Real units a step of v."""
        return self.scale * float(1 << self.cut)

    @property
    def maximum(self) -> int:
        """The largest v."""
        return 255 >> self.cut

    def seen(self, u: Array) -> Array:
        """Bytes (n, size) as the first layer sees them: v, (n, size) uint8."""
        return u >> self.cut if self.cut else u

    def to_real(self, u: Array) -> Array:
        """Bytes (n, size) to float32 real values (n, size)."""
        return np.asarray((self.seen(u).astype(np.float32) - self.zero_point) * np.float32(self.step), np.float32)

    def to_bytes(self, real: Array) -> Array:
        """Real values (n, size) to the nearest bytes u (n, size), saturating."""
        return np.clip(np.rint(real / self.scale) + self.zero_point, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Layer:
    """One layer: ``outputs`` neurons that each read ``inputs`` values."""

    name: str
    kind: str  # a name in runtime.kinds.KINDS
    inputs: int
    outputs: int
    activation: str  # a name in ACTIVATIONS
    arrays: Mapping[str, Array] = field(default_factory=dict)  # names, shapes and units: see the kind
    options: Mapping[str, Any] = field(default_factory=dict)  # JSON scalars; names and units: see the kind
    store: str | None = None  # a storage format of compile.formats once stage is 'stored'

    def with_arrays(self, drop: tuple[str, ...] = (), **arrays: Array) -> Layer:
        kept = {name: value for name, value in self.arrays.items() if name not in drop}
        return replace(self, arrays={**kept, **arrays})

    def with_options(self, drop: tuple[str, ...] = (), **options: Any) -> Layer:
        kept = {name: value for name, value in self.options.items() if name not in drop}
        return replace(self, options={**kept, **options})


@dataclass(frozen=True)
class Network:
    """Layers in order of execution, the input they read, the classes they tell apart, and where they come from."""

    layers: tuple[Layer, ...]
    input: InputSpec
    classes: tuple[str, ...]
    stage: str = "trained"
    spiking: Spiking | None = None  # exactly where every activation is 'lif'
    provenance: Mapping[str, Any] = field(default_factory=dict)  # JSON: data set, recipe, seed, epochs, measured accuracy

    @property
    def is_integer(self) -> bool:
        return STAGES.index(self.stage) >= STAGES.index("quantised")

    def with_layers(self, layers: tuple[Layer, ...], stage: str | None = None) -> Network:
        return replace(self, layers=tuple(layers), stage=stage or self.stage)


def validate(network: Network, where: str = "network") -> Network:
    """The network itself if its structure holds together; InputError naming layer and field otherwise."""
    from runtime.kinds import kind_of

    if network.stage not in STAGES:
        raise unknown_name(f"stage in {where}", network.stage, STAGES)
    if not network.layers:
        raise InputError(f"{where} has no layers. At least one is needed: train it again.")
    spec = network.input
    if spec.size < 1 or not spec.scale > 0 or not 0 <= spec.zero_point <= 255 or not 0 <= spec.cut <= 7 or (spec.cut and spec.zero_point):
        raise InputError(
            f"{where}: input {spec} is not usable. Allowed: a shape of positive sizes, scale > 0, zero point 0..255, cut 0..7 (with zero point 0)."
        )
    names = [layer.name for layer in network.layers]
    if len(set(names)) != len(names) or any("/" in name or not name for name in names):
        raise InputError(f"{where}: layer names {names} must be unique, not empty and without '/'.")
    width = network.input.size
    for layer in network.layers:
        if layer.inputs != width:
            raise InputError(f"{where}: layer '{layer.name}' reads {layer.inputs} values, but {width} arrive there.")
        if layer.activation not in ACTIVATIONS:
            raise unknown_name(f"activation of layer '{layer.name}' in {where}", layer.activation, ACTIVATIONS)
        kind_of(layer).check(layer, network.is_integer, where)
        width = layer.outputs
    for before, layer in itertools.pairwise(network.layers):
        if layer.options.get("tied") and not np.array_equal(layer.arrays["sender"], before.arrays.get("receiver", ())):
            raise InputError(
                f"{where}: layer '{layer.name}' is tied to '{before.name}', but its sender positions differ from that layer's receiver positions."
            )
    spiking = {layer.activation for layer in network.layers} == {"lif"}
    if spiking != (network.spiking is not None) or (not spiking and any(layer.activation == "lif" for layer in network.layers)):
        raise InputError(f"{where}: time steps, threshold and read-out are there exactly when every layer has activation 'lif'. It is damaged.")
    if network.spiking is not None:
        _check_spiking(network, network.spiking, where)
    elif network.layers[-1].activation != "none":
        raise InputError(
            f"{where}: the last layer '{names[-1]}' has activation '{network.layers[-1].activation}'; its outputs are scores, so it must be 'none'."
        )
    if network.is_integer and not spiking and any(layer.activation != "relu" for layer in network.layers[:-1]):
        raise InputError(f"{where}: an integer network needs activation 'relu' on every layer but the last.")
    if len(network.classes) != width:
        raise InputError(f"{where}: {len(network.classes)} class names for {width} outputs.")
    return network


def _check_spiking(network: Network, spiking: Spiking, where: str) -> None:
    """InputError unless the constants of neurons and time are within their ranges and fit the input."""
    from runtime.kinds import kind_of
    from runtime.spiking.coding import check_coding
    from runtime.spiking.integers import check_layer

    spiking.check(where)
    check_coding(network.input, spiking, where)
    if unusable := [layer for layer in network.layers if not kind_of(layer).matrix]:
        raise InputError(f"{where}: layer '{unusable[0].name}' of kind '{unusable[0].kind}' cannot spike. Kinds that can: dense, field, spatial.")
    for k, layer in enumerate(network.layers):
        if network.is_integer:
            check_layer(layer, k == 0 and spiking.coding == "direct", where)
        else:
            replace(spiking, beta=beta_of(layer, spiking), threshold=threshold_of(layer, spiking)).check(f"{where}: layer '{layer.name}'")


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
