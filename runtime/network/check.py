"""What a network must keep to, whatever made it: its layers follow each other, its arrays are those of their kinds, its numbers are within the law."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from devices.common.guard import shown
from devices.errors import InputError, unknown_name
from runtime.network.front.stages import check_front
from runtime.network.kinds import KINDS, kind_of
from runtime.network.network import ACTIVATIONS, STAGES, Network
from runtime.network.schema import INPUT, Text, check_classes, check_width
from runtime.network.spiking.coding import check_coding
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.floating import beta_of, threshold_of
from runtime.network.spiking.integers import check_layer


def validate(network: Network, where: str = "network") -> Network:
    """The network itself if its structure holds together; InputError naming layer and field otherwise."""

    if network.stage not in STAGES:
        raise unknown_name(f"stage in {where}", network.stage, STAGES)
    if not network.layers:
        raise InputError(f"{where} has no layers. At least one is needed: train it again.")
    spec = network.input
    INPUT.check({"shape": list(spec.shape), "scale": spec.scale, "zero_point": spec.zero_point, "cut": spec.cut}, where, "the input")
    check_width(spec.shape, where)
    if spec.cut and spec.zero_point:
        raise InputError(f"{where}: the input has cut {spec.cut} and zero point {spec.zero_point}; a cut needs zero point 0.")
    check_classes(network.classes, where)
    check_front(network.front, spec, where)
    names = [layer.name for layer in network.layers]
    if len(set(names)) != len(names) or not all(Text().holds(name) and "/" not in name for name in names):
        raise InputError(f"{where}: layer names {shown(names)} must be unique, not empty, without '/' and without control characters.")
    width = network.input.size
    for layer in network.layers:
        if layer.inputs != width:
            raise InputError(f"{where}: layer '{layer.name}' reads {layer.inputs} values, but {width} arrive there.")
        if layer.activation not in ACTIVATIONS:
            raise unknown_name(f"activation of layer '{layer.name}' in {where}", layer.activation, ACTIVATIONS)
        kind_of(layer, where).check(layer, network.is_integer, where)
        arriving = network.input.zero_point if layer is network.layers[0] else 0
        if layer.options.get("zero_point", arriving) != arriving:
            raise InputError(f"{where}: layer '{layer.name}' has zero point {layer.options['zero_point']}, but {arriving} means 0 in what it reads.")
        width = layer.outputs
    if network.layers[0].options.get("tied"):
        raise InputError(f"{where}: layer '{names[0]}' is the first and cannot be tied to one before.")
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

    spiking.check(where)
    check_coding(network.input, spiking, where)
    if unusable := [layer for layer in network.layers if not kind_of(layer).spikes]:
        able = ", ".join(sorted(name for name, kind in KINDS.items() if kind.spikes))
        raise InputError(f"{where}: layer '{unusable[0].name}' of kind '{unusable[0].kind}' cannot spike. Kinds that can: {able}.")
    for k, layer in enumerate(network.layers):
        if network.is_integer:
            check_layer(layer, k == 0 and spiking.coding == "direct", where)
        else:
            replace(spiking, beta=beta_of(layer, spiking), threshold=threshold_of(layer, spiking)).check(f"{where}: layer '{layer.name}'")
