"""The network that a run fine-tunes. Its structure is kept, so settings that ask for another are refused, not dropped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from devices.errors import InputError
from runtime.network.file import load
from runtime.network.network import Network
from runtime.zoo import resolve
from train.config import TrainConfig
from train.config.kinds import spec_class
from train.config.structure import structure
from train.config.tables import SpikingConfig

STRUCTURE = ("model", "head", "hidden", "synapses")  # what ``layers`` says instead


def started(config: TrainConfig) -> tuple[TrainConfig, Network | None]:
    """The settings and the network of ``config.init``, None without it. The settings come back with the network's structure, neurons and data
    set, so that they say what is trained. InputError for a network that cannot be read, and for settings that were given and differ from it."""
    if config.init is None:
        return config, None
    network = load(resolve(config.init))
    layers = config.layers or tuple(spec_class(layer.kind).of_layer(layer) for layer in network.layers)
    _check_layers(config, network)
    there: dict[str, Any] = {"input_bits": 8 - network.input.cut}
    for layer in reversed(network.layers):  # the first one decides
        there |= spec_class(layer.kind).settings_of(layer)
    for name, value in there.items():
        if name in config.model_fields_set and getattr(config, name) != value:
            raise _other(config, name, getattr(config, name), value)
    usual = {name: TrainConfig.model_fields[name].default for name in STRUCTURE}
    data = config.data if "data" in config.model_fields_set else str(network.provenance.get("data", config.data))
    return config.model_copy(update={**usual, **there, "layers": layers, "data": data, "spiking": _neurons(config, network)}), network


def _check_layers(config: TrainConfig, network: Network) -> None:
    """InputError if layers that were asked for are not those of the network; outputs that were left open may be any."""
    given = [name for name in (*STRUCTURE[:3], "layers") if name in config.model_fields_set]
    if not given:
        return
    layers = [(spec.kind, getattr(spec, "outputs", None)) for spec in structure(config)]
    there = [(layer.kind, layer.outputs) for layer in network.layers]
    fits = len(layers) == len(there) and all(a == c and b in (None, d) for (a, b), (c, d) in zip(layers, there, strict=True))
    if not fits:
        asked, initial = (" - ".join(kind if count is None else f"{count} {kind}" for kind, count in one) for one in (layers, there))
        raise InputError(
            f"{' and '.join(given)} ask for {asked}, but '{config.init}' is {initial}, and fine-tuning keeps a network as it is. Leave them out."
        )


def _neurons(config: TrainConfig, network: Network) -> SpikingConfig | None:
    """How the network's neurons train, None if they do not spike."""
    if network.spiking is None:
        if config.spiking is not None:
            raise InputError(f"spiking is given, but the neurons of '{config.init}' do not spike. Leave it out, or train a new network.")
        return None
    if config.distil is not None:
        raise InputError(f"distil is given, but '{config.init}' spikes, and spiking networks have losses of their own. Leave it out.")
    constants = asdict(network.spiking)
    asked = config.spiking or SpikingConfig.model_validate({})
    for name, value in constants.items():
        if name in asked.model_fields_set and getattr(asked, name) != value:
            raise _other(config, f"spiking.{name}", getattr(asked, name), value)
    return asked.model_copy(update=constants)


def _other(config: TrainConfig, name: str, setting: object, there: object) -> InputError:
    return InputError(f"{name} is {setting}, but '{config.init}' has {there}, and fine-tuning keeps a network as it is. Leave {name} out.")
