"""A layer kind that this file alone brings: three registries get a line, and it goes from training to a verified build.

    w_ji = gain_j * s_ji        s: signs that a seed decides, +1 or -1; a neuron learns its gain and its bias, so a file holds no weights

The second test reads the sources: outside of the kinds' own files nothing asks for a kind's name or class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from compile.kinds import LOWERINGS
from compile.kinds.base import IntegerWeights, Lowering, power_of_two_scales, trained_scales
from compile.pipeline.pipeline import CompileOptions, compile_network
from runtime.network.file import load, save
from runtime.network.kinds import KINDS, Kind
from runtime.network.kinds.base import ArraySpec
from runtime.network.kinds.options import OptionSpec
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer, Network
from runtime.network.schema import Whole
from tests.support.needs import needs_records
from train.config import TrainConfig
from train.config.kinds import MODULES, NeuronSpec
from train.layers.base import Place, Role, WeightedLayer
from train.library import fit

NAME = "signed"


def signs(seed: int, outputs: int, inputs: int) -> Array:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (outputs, inputs))


class Signed(Kind):  # what would be runtime/network/kinds/signed.py
    name = NAME
    float_arrays = {
        "gain": ArraySpec("float32", ("outputs", "one"), "output units per input unit"),
        "bias": ArraySpec("float32", ("outputs",), "output units"),
        "step": ArraySpec("float32", ("outputs",), "real weight a step, where training was quantisation-aware", optional=True),
    }
    integer_arrays = {
        "gain": ArraySpec("int8", ("outputs", "one"), "weight steps"),
        "bias": ArraySpec("int32", ("outputs",), "accumulator steps"),
        "shift": ArraySpec("uint8", ("outputs",), "bits", optional=True),
        "weight_scale": ArraySpec("float32", ("outputs",), "real weight a step, for reports"),
    }

    float_options = integer_options = {"seed": OptionSpec(Whole(0, 2**32 - 1), "of the signs")}

    def parameters(self, layer: Layer) -> int:
        return 2 * layer.outputs

    def weights(self, layer: Layer) -> Array:
        return np.asarray(layer.arrays["gain"] * signs(layer.options["seed"], layer.outputs, layer.inputs), layer.arrays["gain"].dtype)

    def integer_weights(self, layer: Layer) -> Array:
        return self.weights(layer)


class SignedLowering(Lowering):  # what would be compile/kinds/signed.py
    name = NAME

    def quantise(self, layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
        gain = layer.arrays["gain"].astype(np.float64)
        scale, exponent = trained_scales(layer) or power_of_two_scales(np.abs(gain)[:, 0], WEIGHT_MAX, coarser, exponent_max)
        integers = np.clip(np.rint(gain / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
        return IntegerWeights(layer.with_arrays(drop=("step",), gain=integers), scale, exponent)

    def without_weak(self, layer: Layer, least: int) -> Layer:
        gain = layer.arrays["gain"]
        return layer.with_arrays(gain=np.where(np.abs(gain) >= least, gain, np.int8(0)))


class SignedSpec(NeuronSpec):  # what would be train/layers/signed.py
    """Fixed signs, learned gains."""

    kind: Literal["signed"] = "signed"
    """Which of the kinds of layers."""


class SignedLayer(WeightedLayer):
    kind = NAME
    values_name = "gain"

    def __init__(self, place: Place, gain: Tensor, bias: Tensor, seed: int) -> None:
        super().__init__()
        self.place, self.seed = place, seed
        self.gain, self.bias = nn.Parameter(gain), nn.Parameter(bias)
        self.register_buffer("signs", torch.tensor(signs(seed, place.outputs, place.inputs)).float(), persistent=False)

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> SignedLayer:
        return cls(place, torch.full((place.outputs, 1), place.inputs**-0.5 / place.signal), torch.zeros(place.outputs), config.seed)

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> SignedLayer:
        return cls(place, torch.tensor(layer.arrays["gain"]), torch.tensor(layer.arrays["bias"]), layer.options["seed"])

    @property
    def values(self) -> nn.Parameter:  # type: ignore[override]
        return self.gain

    def weight_of(self, values: Tensor) -> Tensor:
        weight: Tensor = values * self.signs
        return weight

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.linear(x, weight)

    def normalised_with(self) -> float:
        return 0.001

    def roles(self) -> Iterator[Role]:
        yield Role("weight", self.gain, 1 / self.place.signal)
        yield Role("weight", self.bias, 1.0)

    def export(self, name: str, activation: str) -> Layer:
        arrays = {key: getattr(self, key).detach().cpu().numpy().copy() for key in ("gain", "bias")}
        return Layer(name, NAME, self.place.inputs, self.place.outputs, activation, arrays, {"seed": self.seed})


SPEC, LAYER = SignedSpec, SignedLayer


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in each registry."""
    monkeypatch.setitem(KINDS, NAME, Signed())
    monkeypatch.setitem(LOWERINGS, NAME, SignedLowering())
    monkeypatch.setitem(MODULES, NAME, __name__)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    "settings",
    [{}, {"quantise": {"epochs": 1}}, {"spiking": {"steps": 4}}],
    ids=["float", "quantised", "spiking"],
)
def test_a_kind_of_this_file_goes_from_training_to_a_verified_build(settings: Mapping[str, Any], tmp_path: Path) -> None:
    config = TrainConfig.model_validate({"data": "digits", "model": NAME, "head": "dense", "hidden": (32,), "epochs": 2, "rate": 0.3, **settings})
    network = fit(config)
    assert network.layers[0].kind == NAME
    save(network, tmp_path / "network.safetensors")
    assert same(load(tmp_path / "network.safetensors"), network)
    manifest = compile_network(tmp_path / "network.safetensors", tmp_path / "build", CompileOptions(firmware_samples=20))
    assert manifest.accuracy.quantised > 0.5
    for name, record in manifest.parity.items():
        if record is not None:
            assert (record.max_abs_difference, record.spike_mismatches) == (0, 0), name
            assert record.samples >= 20, name
    needs_records(manifest.parity)


@pytest.mark.usefixtures("signed")
def test_a_kind_of_this_file_is_fine_tuned_and_listed_in_layers() -> None:
    config = TrainConfig.model_validate({"data": "digits", "layers": [{"kind": NAME, "outputs": 8}, {"kind": "dense"}], "epochs": 1})
    network = fit(config)
    again = fit(config.model_copy(update={"epochs": 2}), start=network)
    assert again.layers[0].options == network.layers[0].options
    assert not np.array_equal(again.layers[0].arrays["gain"], network.layers[0].arrays["gain"])
    with pytest.raises(ValueError, match="weights of signed layers cannot be cut"):
        TrainConfig.model_validate({"model": NAME, "prune": 0.5})


def test_without_its_lines_the_kind_is_unknown() -> None:
    with pytest.raises(ValueError, match="'signed' is not one of dense, field, spatial"):
        TrainConfig.model_validate({"model": NAME})


def same(one: Network, other: Network) -> bool:
    pairs = zip(one.layers, other.layers, strict=True)
    return all(np.array_equal(a.arrays[name], b.arrays[name]) for a, b in pairs for name in b.arrays)


ROOT = Path(__file__).parents[1]
NAMES = frozenset(KINDS)
CLASSES = {f"{stem}{end}" for stem in ("Dense", "Spatial", "Field", "Replicated") for end in ("", "Spec", "Lowering")}
ALLOWED = {
    "train/config/kinds.py",  # the registry
    "train/paper/experiments.py",  # the paper's two models, which it calls by these names
}


def named_kinds(path: Path) -> Iterator[int]:
    """Lines of a source that compare something with a kind's name, have a table by kinds, or ask whether something is of a kind's class."""

    def names(nodes: Iterable[ast.AST | None]) -> set[object]:
        return NAMES & {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}

    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if names(sides) or any(names(side.elts) for side in sides if isinstance(side, ast.Tuple | ast.List | ast.Set)):
                yield node.lineno
        if isinstance(node, ast.Dict) and len(names(node.keys)) > 1:
            yield node.lineno
        asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")
        if asks and CLASSES & {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}:
            yield node.lineno


def test_nothing_asks_for_the_name_or_the_class_of_a_kind() -> None:
    sources = [path for floor in ("runtime", "compile", "train", "nearwire") for path in (ROOT / floor).rglob("*.py")]
    others = [path for path in sources if path.stem not in NAMES and path.relative_to(ROOT).as_posix() not in ALLOWED]
    assert [f"{path.relative_to(ROOT)}:{line}" for path in others for line in named_kinds(path)] == []
