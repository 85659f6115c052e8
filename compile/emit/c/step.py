"""Spiking networks as C: the memory of their neurons, and what each layer does in a time step (templates/model_spiking.c.jinja).

Under coding ``direct`` the first layer's currents are computed once, at the beginning, and of its neurons only those are stepped that can spike
with theirs. Every other layer is given the events of the layer in front, one list for all: a layer has read it when it writes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compile.emit.c.layer import CLayer, c_layer, cuts_first
from compile.formats import format_named
from runtime.network.network import Layer, Network
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.integers import MEMBRANE_MIN, silent_limit, spiking_of

TEMPLATE = "model_spiking.c.jinja"
SMALL = 256  # events below it fit a byte


@dataclass(frozen=True)
class Member:
    """An array of the network's state."""

    type: str
    name: str
    length: int
    size: int  # bytes of an entry
    purpose: str

    @property
    def bytes(self) -> int:
        return self.length * self.size


def kernels(network: Network) -> list[str]:
    """Kernels that belong to no storage format."""
    spiking = spiking_of(network)
    names = ["lif_s16"]
    if spiking.coding != "direct":
        names.append("spike_codes")
    if any(_reads_bytes(layer) for layer in network.layers):
        names.append("spike_bytes")
    return names


def defines(network: Network) -> str:
    """Preprocessor lines in front of the kernels."""
    small = "#define NEARWIRE_EVENT_TYPE uint8_t\n" if _event_bytes(network) == 1 else ""
    return small + ("#define NEARWIRE_LIF_TO_ZERO 1\n" if spiking_of(network).reset == "zero" else "")


def members(network: Network) -> list[Member]:
    """The network's state, largest entries first, so that nothing but its end is filled up."""
    spiking = spiking_of(network)
    event = ("uint8_t" if _event_bytes(network) == 1 else "uint16_t", _event_bytes(network))
    stepping = [layer for layer in network.layers if "lift" in layer.options]
    state = []
    if spiking.coding == "direct":
        first = network.layers[0]
        state.append(Member("int32_t", "steady", first.outputs, 4, f"currents and membranes of layer '{first.name}'"))
    if stepping:
        state.append(Member("int32_t", "sums", max(layer.outputs for layer in stepping), 4, "sums of a layer in a time step"))
    state += [
        Member("int16_t", f"membranes_{k}", layer.outputs, 2, f"membranes of layer '{layer.name}'")
        for k, layer in enumerate(network.layers)
        if "lift" in layer.options
    ]
    wide = [Member(event[0], "events", _event_room(network), event[1], "events of a layer in a time step")]
    if spiking.coding == "direct":
        wide.insert(0, Member(event[0], "awake", network.layers[0].outputs, event[1], f"neurons of layer '{network.layers[0].name}' that can spike"))
    if bytes_read := max((layer.inputs for layer in network.layers if _reads_bytes(layer)), default=0):
        wide.append(Member("uint8_t", "bytes", bytes_read, 1, "spikes as bytes, for a kernel that reads all"))
    if cuts_first(network):
        wide.append(Member("uint8_t", "cut", network.input.size, 1, "the input with fewer bits"))
    return state + wide


def memory(network: Network) -> dict[str, int]:
    """Bytes of the state on a 32-bit core, by what they are for; the last is what is left of words, counters included."""
    sizes: dict[str, int] = {}
    for member in members(network):
        sizes[member.purpose] = sizes.get(member.purpose, 0) + member.bytes
    counted = 4 * len(counters(spiking_of(network)))
    return {**sizes, "counters of spikes and steps": counted + -sum(sizes.values()) % 4}


def values(network: Network) -> dict[str, Any]:
    """What the template needs besides what all networks have."""
    spiking = spiking_of(network)
    layers = [_layer(network, index, layer) for index, layer in enumerate(network.layers)]
    return {
        "layers": layers,
        "members": members(network),
        "counters": counters(spiking),
        "cut": network.input.cut if cuts_first(network) else 0,
        "spiking": spiking,
        "direct": spiking.coding == "direct",
        "neurons": [neuron_constants(network, index) for index in range(len(layers))],
        "spike_comment": comment(network),
    }


def comment(network: Network) -> str:
    """One line on neurons, time, coding and read-out, for readers of the artifacts."""
    spiking = spiking_of(network)
    neurons = ", ".join(f"{layer.name}: decay {layer.options['decay']} / 32768, threshold {layer.options['threshold']}" for layer in network.layers)
    early = "" if spiking.exit_lead is None else f", early exit at a lead of {spiking.exit_lead} a step"
    return f"{spiking.steps} time steps, coding {spiking.coding}, read-out {spiking.readout}, reset {spiking.reset}{early}; {neurons}"


def counters(spiking: Spiking) -> list[str]:
    """Declarations of what lies in the state in front of its arrays, four bytes each on a 32-bit core."""
    direct, rate = spiking.coding == "direct", spiking.coding == "rate"
    return ["uint32_t step", *(["uint32_t awakes"] if direct else ["const uint8_t *input"]), *(["uint32_t random"] if rate else [])]


def neuron_constants(network: Network, index: int) -> dict[str, int]:
    """Constants of a layer's neurons. Where the network has no other layer, the read-out may need silent membranes too."""
    layer, spiking, only = network.layers[index], spiking_of(network), len(network.layers) == 1
    decay, threshold = int(layer.options["decay"]), int(layer.options["threshold"])
    limit = MEMBRANE_MIN if only and spiking.readout == "membrane" else silent_limit(decay, threshold, spiking.steps)
    shift = layer.arrays.get("shift")
    return {
        "inputs": layer.inputs,
        "outputs": layer.outputs,
        "decay": decay,
        "threshold": threshold,
        "limit": limit,
        "lift": int(layer.options.get("lift", 0)),
        "shift_step": int(shift is not None and bool((shift != shift[0]).any())),
        "bytes": int(_reads_bytes(layer)),
    }


def _layer(network: Network, index: int, layer: Layer) -> CLayer:
    if index == 0 and spiking_of(network).coding == "direct":
        return c_layer(network, index, layer, "nearwire_state.cut" if cuts_first(network) else "input", "nearwire_state.steady")
    source = "nearwire_state.events, count" if format_named(layer.store or "").events else "nearwire_state.bytes"
    return c_layer(network, index, layer, source, "nearwire_state.sums")


def _reads_bytes(layer: Layer) -> bool:
    return "lift" in layer.options and not format_named(layer.store or "").events


def _event_room(network: Network) -> int:
    """Entries of the list of events: the most neurons of a layer, or inputs that are coded as spikes."""
    coded = [] if spiking_of(network).coding == "direct" else [network.input.size]
    return max([layer.outputs for layer in network.layers] + coded)


def _event_bytes(network: Network) -> int:
    return 1 if _event_room(network) <= SMALL else 2
