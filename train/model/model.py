"""A trainable model: built from a configuration, exported to a ``Network`` and loaded back from one with equal outputs.

Behind the hidden layers of a new model stand normalisations (train/model/normalisation.py), except behind spatial ones; none is left in a file.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from devices.errors import InputError
from runtime.data.dataset import Dataset
from runtime.network.check import validate
from runtime.network.front.stage import Stage
from runtime.network.kinds import kind_of
from runtime.network.network import InputSpec, Network
from runtime.network.spiking.coding import check_coding
from runtime.network.spiking.floating import beta_of, threshold_of
from train.config import TrainConfig
from train.config.kinds import NeuronSpec, Spec, spec_class
from train.config.structure import structure
from train.config.tables import SpikingConfig
from train.layers import layer_class
from train.layers.base import TrainLayer, WeightedLayer
from train.layers.neurons import NEURONS
from train.model.normalisation import Normalisation
from train.model.places import Places
from train.spiking.dynamics import SpikingNeurons


class Model(nn.Module):
    """Bytes (samples, size) to scores (samples, classes)."""

    def __init__(
        self,
        layers: list[TrainLayer],
        activations: list[str],
        spec: InputSpec,
        classes: tuple[str, ...],
        normalised: bool = False,
        neurons: SpikingNeurons | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(_norm(layer, normalised and layer is not layers[-1]) for layer in layers)
        self.activations = activations
        self.spec = spec
        self.classes = classes
        self.neurons = neurons  # of a spiking network
        self.front: tuple[Stage, ...] = ()  # what made the bytes it learns from

    def forward(self, u: Tensor, y: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        """Scores or, where labels y (samples,) are given, the loss: what a training step calls, in several processes too."""
        if self.neurons is not None:
            activity = self.neurons.run(u, self._real(u), [nn.Sequential(*pair) for pair in zip(self.layers, self.norms, strict=True)])
            return activity.scores if y is None else self.neurons.loss(activity, y, smoothing)
        x = self._real(u)
        for layer, norm, activation in zip(self.layers, self.norms, self.activations, strict=True):
            x = NEURONS[activation](norm(layer(x)))
            x = layer.pooled(x) if isinstance(layer, WeightedLayer) else x
        return x if y is None else functional.cross_entropy(x, y, label_smoothing=smoothing)

    def _real(self, u: Tensor) -> Tensor:
        if self.spec.cut:
            u = (u.float() / 2**self.spec.cut).floor()
        return (u.float() - self.spec.zero_point) * self.spec.step if self.spec.zero_point else u.float() * self.spec.step

    @torch.no_grad()
    def centre(self, u: Tensor) -> None:
        """Let every layer of a new model start around 0 for the training bytes u (n, size)."""
        self.anneal(0.0)
        for layer in self.trainable_layers():
            seen: list[Tensor] = []
            handle = layer.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
            self(u)
            handle.remove()
            layer.centre(seen[0])

    def hold(self) -> None:
        """Tell every layer that an epoch is over."""
        for layer in self.trainable_layers():
            layer.hold()
        if self.neurons is not None:
            self.neurons.hold()

    def fold(self) -> None:
        """Put the normalisations into the layers in front of them."""
        for k, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if isinstance(norm, Normalisation) and isinstance(layer, WeightedLayer):
                layer.fold(*norm.folded())
                layer.bias.requires_grad_(True)
                self.norms[k] = nn.Identity()

    def anneal(self, progress: float) -> None:
        """Tell every layer which share of the training is done."""
        for layer in self.trainable_layers():
            layer.anneal(progress)

    def trainable_layers(self) -> list[TrainLayer]:
        return [layer for layer in self.layers if isinstance(layer, TrainLayer)]

    def products(self) -> int:
        """Multiplications of one sample, were every layer a matrix: how much a step has to do."""
        return sum(layer.place.inputs * layer.place.outputs for layer in self.trainable_layers())

    def parameter_count(self) -> int:
        """Learned parameters, shared positions once."""
        learned = [*self.layers.parameters(), *self.norms.parameters(), *(self.neurons.learned() if self.neurons is not None else ())]
        return sum(parameter.numel() for parameter in learned)

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        """Optimiser groups, one a role and unit; ``factor`` times the scheduled rate is the group's rate."""
        groups: dict[float, list[nn.Parameter]] = {}
        for layer in self.trainable_layers():
            for role in layer.roles():
                if role.parameter.requires_grad:
                    groups.setdefault(getattr(config.rates, role.name) * role.unit, []).append(role.parameter)
        for norm in self.norms:
            groups.setdefault(config.rates.weight, []).extend(norm.parameters())
        if self.neurons is not None:
            groups.setdefault(config.rates.neuron, []).extend(self.neurons.learned())
        groups = {factor: parameters for factor, parameters in groups.items() if parameters}
        return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]

    def export(self, provenance: Mapping[str, Any]) -> Network:
        """The network of stage 'trained', normalisations folded; the model itself stays as it is."""
        model = self
        if any(isinstance(norm, Normalisation) for norm in self.norms):
            model = copy.deepcopy(self)
            model.fold()
        layers = [
            layer.export(f"layer{k}", activation)
            for k, (layer, activation) in enumerate(zip(model.trainable_layers(), self.activations, strict=True))
        ]
        spiking = None
        if self.neurons is not None:
            spiking = self.neurons.spiking
            layers = [layer.with_options((), **self.neurons.options(k)) for k, layer in enumerate(layers)]
        network = Network(tuple(layers), self.spec, self.classes, spiking=spiking, front=self.front, provenance=dict(provenance))
        return validate(network, "the trained network")


def _norm(layer: TrainLayer, normalised: bool) -> nn.Module:
    """The normalisation behind a hidden layer of a new model; the layer's own bias then has nothing to learn."""
    eps = layer.normalised_with() if normalised else None
    if eps is None:
        return nn.Identity()
    layer.bias.requires_grad_(False)
    return Normalisation(len(layer.bias), eps)


def build(config: TrainConfig, dataset: Dataset) -> Model:
    """A new model with random parameters from torch's generator."""
    model = _build(config, dataset)
    model.front = dataset.front
    return model


def _build(config: TrainConfig, dataset: Dataset) -> Model:
    specs = structure(config)
    spec = read_bits(dataset.spec, config.input_bits)
    coded = config.spiking is not None and config.spiking.coding != "direct"
    if config.spiking is not None:
        check_coding(spec, config.spiking.constants(), f"data '{dataset.name}'")
    places = Places(replace(spec, scale=1 / 255) if coded else spec, [entry.kind for entry in specs], config.rule)  # spikes are of size 1
    layers: list[TrainLayer] = []
    for k, entry in enumerate(specs):
        outputs = _outputs(entry, k, k == len(specs) - 1, len(dataset.classes))
        layers.append(layer_class(entry.kind).create(places.next(layers, entry, outputs), config))
    if config.spiking is not None:
        spiking = config.spiking.constants()
        neurons = SpikingNeurons(spiking, [(spiking.beta, spiking.threshold)] * len(layers), config.spiking)
        return Model(layers, ["lif"] * len(layers), spec, dataset.classes, True, neurons)
    activations = ["relu"] * (len(layers) - 1) + ["none"]
    return Model(layers, activations, spec, dataset.classes, normalised=True)


def read_bits(spec: InputSpec, bits: int) -> InputSpec:
    """The input cut to its ``bits`` high bits; InputError where zero is not byte 0."""
    if bits < 8 and spec.zero_point:
        raise InputError(
            f"input_bits is {bits}, but byte {spec.zero_point} of this data means 0, and cut bytes need 0 to be 0. Allowed: 8, or data that is not negative."
        )
    return replace(spec, cut=8 - bits)


def from_network(network: Network, config: TrainConfig) -> Model:
    """The trainable form of a network of stage 'trained'; its structure is kept, ``config.prune`` is applied."""
    if network.stage != "trained":
        raise InputError(f"a network of stage '{network.stage}' cannot be trained further. Give one of stage 'trained', as 'train fit' writes it.")
    if config.prune_structure != "none" and any(config.prune_structure not in kind_of(layer).pruning for layer in network.layers):
        raise InputError(f"prune_structure '{config.prune_structure}' needs a network of dense layers; '{config.init}' has others. Leave it out.")
    unpruned = sorted({layer.kind for layer in network.layers if not kind_of(layer).pruning})
    if config.prune and unpruned:
        raise InputError(f"prune is {config.prune}, but '{config.init}' has {' and '.join(unpruned)} layers, which cannot be pruned. Leave it out.")
    rules = [layer.options["rule"] for layer in network.layers if "rule" in layer.options]
    places = Places(network.input, [layer.kind for layer in network.layers], rules[0] if rules else config.rule)
    specs = structure(config) if config.layers else ()
    layers: list[TrainLayer] = []
    for k, layer in enumerate(network.layers):
        entry = specs[k] if k < len(specs) and specs[k].kind == layer.kind else spec_class(layer.kind).of_layer(layer)
        layers.append(layer_class(layer.kind).load(layer, places.next(layers, entry, file=layer), config))
    neurons = None
    if network.spiking is not None:
        constants = [(beta_of(layer, network.spiking), threshold_of(layer, network.spiking)) for layer in network.layers]
        neurons = SpikingNeurons(network.spiking, constants, config.spiking or SpikingConfig.model_validate({}))
    model = Model(layers, [layer.activation for layer in network.layers], network.input, network.classes, False, neurons)
    model.front = network.front
    return model


def _outputs(entry: Spec, k: int, last: bool, classes: int) -> int | None:
    """A layer's neurons; None where its geometry says it."""
    if not isinstance(entry, NeuronSpec):
        if last:
            raise InputError(f"the last layer is {entry.kind}; its outputs are scores, one a class. Add a dense or field layer behind it.")
        return None
    if entry.outputs is None and not last:
        raise InputError(f"layers.{k} of kind '{entry.kind}' lacks 'outputs'; only the last layer may leave it out (it has one neuron a class).")
    if last and entry.outputs not in (None, classes):
        raise InputError(f"layers.{k}.outputs is {entry.outputs}, but the last layer needs {classes}, one a class. Leave it out.")
    return entry.outputs or classes


@torch.no_grad()
def label_accuracy(model: nn.Module, x: Tensor, y: Tensor, batch: int = 5000) -> float:
    """Share of right labels of (n, size) bytes, on the model's device."""
    training = model.training
    model.eval()
    right = sum(int((model(x[at : at + batch]).argmax(1) == y[at : at + batch]).sum()) for at in range(0, len(y), batch))
    model.train(training)
    return right / max(1, len(y))
