"""What the neurons of a spiking layer cost besides its sums: the features of runtime/kernels/lif_s16.c, over a whole inference.

They follow from the layer's options ``firing``, ``awake`` and the number of time steps, so they are means over the calibration samples; an early
exit is not counted on.
"""

from __future__ import annotations

from compile.formats import format_named
from devices.boards.board import Board
from devices.cost.model import predict
from runtime.network.network import Layer
from runtime.network.spiking.constants import Spiking

TABLE = "lif_s16"
FEATURES = ("begin", "begun", "steady_calls", "steady_neurons", "calls", "neurons", "spikes", "bytes", "read")


def features(layer: Layer, spiking: Spiking, store: str, last: bool) -> dict[str, float]:
    """The features of a layer whose sums format ``store`` computes; the ``last`` one's membranes are read out."""
    steps, firing = spiking.steps, float(layer.options.get("firing", 1.0))
    steady = "lift" not in layer.options
    awake = layer.outputs * float(layer.options.get("awake", 1.0))
    return {
        "begin": float(steady),
        "begun": steady * layer.outputs,
        "steady_calls": steady * steps,
        "steady_neurons": steady * steps * awake,
        "calls": (not steady) * steps,
        "neurons": (not steady) * steps * layer.outputs,
        "spikes": steps * layer.outputs * firing,
        "bytes": (not steady and not format_named(store).events) * steps * layer.inputs,
        "read": (last and spiking.readout == "membrane") * steps * layer.outputs,
    }


def predicted(layer: Layer, spiking: Spiking, store: str, last: bool, board: Board) -> int:
    """Predicted executed instructions of one inference of a spiking layer: its sums, as often as they are computed, and its neurons."""
    sums = format_named(store).instructions(layer, board)
    return sums * (spiking.steps if "lift" in layer.options else 1) + predict(TABLE, features(layer, spiking, store, last), board)
