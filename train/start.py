"""The network that a run fine-tunes. Its structure is kept, so settings that ask for another are refused, not dropped."""

from __future__ import annotations

from typing import Any

from devices.errors import InputError
from runtime.network import Network, load
from runtime.zoo import resolve
from train.config import TrainConfig

NAMED = ("spatial", "field", "dense")  # kinds that ``model`` and ``head`` can name
CONSTANTS = ("steps", "beta", "threshold", "reset", "coding", "readout")  # of spiking neurons, as the network has them


def started(config: TrainConfig) -> tuple[TrainConfig, Network | None]:
    """The settings and the network of ``config.init``, None without it. What the settings leave open about the structure is filled in, so that
    they say what is trained. InputError for a network that cannot be read, and for settings that were given and differ from it."""
    if config.init is None:
        return config, None
    network = load(resolve(config.init))
    there = _described(network)
    given = config.model_dump(include=config.model_fields_set, mode="json")
    for name, value in there.items() if not config.layers else ():
        if name in given and given[name] != value:
            raise _other(config, name, given[name], value)
    changes = {name: tuple(value) if name == "hidden" else value for name, value in there.items() if not config.layers}
    if config.spiking is not None:
        if network.spiking is None:
            raise InputError(f"spiking is given, but the neurons of '{config.init}' do not spike. Leave it out, or train a new network.")
        constants = {name: getattr(network.spiking, name) for name in CONSTANTS}
        for name in config.spiking.model_fields_set & set(CONSTANTS):
            if getattr(config.spiking, name) != constants[name]:
                raise _other(config, f"spiking.{name}", getattr(config.spiking, name), constants[name])
        changes["spiking"] = config.spiking.model_copy(update=constants)
    return config.model_copy(update=changes), network


def _described(network: Network) -> dict[str, Any]:
    """The fields of TrainConfig that say the network's structure, as JSON values; none where they cannot."""
    kinds = [layer.kind for layer in network.layers]
    if not set(kinds) <= set(NAMED) or len(set(kinds[:-1])) > 1:
        return {}
    found: dict[str, Any] = {"model": kinds[0], "hidden": [layer.outputs for layer in network.layers[:-1]]}
    found["head"] = kinds[-1] if kinds[-1] != kinds[0] else None
    spatial = next((layer for layer in network.layers if layer.kind == "spatial"), None)
    if spatial is not None:
        gap = str(spatial.options["gap_kind"])
        found |= {"gap": gap, "rule": str(spatial.options["rule"]), "d": spatial.arrays["sender"].shape[1] + (gap != "relaxed")}
    return found


def _other(config: TrainConfig, name: str, found: object, there: object) -> InputError:
    return InputError(f"{name} is {found}, but '{config.init}' has {there}, and fine-tuning keeps a network as it is. Leave {name} out.")
