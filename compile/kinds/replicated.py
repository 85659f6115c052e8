"""``replicated``: the rectangles and charges of prototypes (boxes.py), drawn where they read, position by position."""

from __future__ import annotations

from typing import Any

import numpy as np

from compile.kinds.boxes import BoxLowering
from runtime.network.kinds.replicated import Replicated
from runtime.network.network import Layer


class ReplicatedLowering(BoxLowering):
    name = "replicated"

    def drawing(self, layer: Layer) -> dict[str, Any]:
        repeated = Replicated().convolution(layer)
        rows, columns = repeated.pooled
        maps = {
            "rows": rows,
            "columns": columns,
            "jump": [repeated.stride[k] * repeated.pool[k] for k in (0, 1)],
            "positions": list(repeated.positions),
            "mean": repeated.mean_shift,
            "padding": list(repeated.padding),
            "stride": list(repeated.stride),
            "pool": list(repeated.pool),
        }
        return super().drawing(layer) | {"area": list(repeated.kernel), "maps": maps}

    def fan_out(self, layer: Layer, senders: int) -> list[int]:
        """A synapse reads one map whole."""
        channel = layer.arrays.get("channel", np.zeros(layer.arrays["charge"].shape, np.uint8))
        live = channel[layer.arrays["charge"] != 0]
        return [int(n) for n in np.bincount(live, minlength=senders)[:senders]]
