"""``events_s8``: all weights of one input, then of the next, for layers that read spikes (runtime/kernels/events_s8.c).

The kernel is given the list of inputs that spiked, so the work is proportional to the spikes, and a silent input costs nothing; the spikes
over the calibration samples (options ``activity`` and ``busy``) predict it.
"""

from __future__ import annotations

import numpy as np

from compile.formats.base import Encoded, MatrixFormat
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer

CHUNK = 512  # NEARWIRE_EVENTS_S8_CHUNK


class EventsS8(MatrixFormat):
    name = "events_s8"
    description = "all weights in 8 bits, input by input, added up by events"
    features_of = ("call", "twelves", "fours", "event_twelves", "event_fours", "neurons")
    events = True

    def refuses(self, layer: Layer) -> str | None:
        return super().refuses(layer) if "lift" in layer.options else "the layer does not read spikes"

    def encode(self, weights: Array) -> Encoded:
        outputs, inputs = weights.shape
        w = np.full((-(-outputs // 4) * 4, inputs), 64, np.uint32)
        w[:outputs] = weights.astype(np.int64) + 64
        of_word = w.reshape(-1, 4, inputs)
        words = sum(of_word[:, neuron] << np.uint32(8 * byte) for byte, neuron in enumerate((0, 2, 1, 3)))
        return Encoded({"weights": np.asarray(words, np.uint32).T.ravel()}, (outputs, inputs))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["weights"].reshape(inputs, -1).T
        of_word = np.stack([words >> np.uint32(8 * byte) & np.uint32(255) for byte in (0, 2, 1, 3)], axis=1)
        return np.asarray(of_word.reshape(-1, inputs)[:outputs].astype(np.int64) - 64, np.int8)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return ()

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        return self.count(weights, 1.0, 1.0)

    def layer_features(self, layer: Layer) -> dict[str, float]:
        activity, busy = (float(layer.options.get(name, 1.0)) for name in ("activity", "busy"))
        return self.count(kind_of(layer).integer_weights(layer), activity, busy)

    def count(self, weights: Array, activity: float, busy: float) -> dict[str, float]:
        """The features of a matrix of whose inputs the share ``activity`` spikes in a step, any of them in the share ``busy`` of the steps."""
        outputs, inputs = weights.shape
        twelves, rest = divmod(outputs, 12)
        twelves, fours = (twelves + 1, 0) if rest > 8 else (twelves, -(-rest // 4))
        spikes = inputs * activity
        chunks = busy * max(1, -(-round(spikes) // CHUNK))
        return {
            "call": 1,
            "twelves": twelves * chunks,
            "fours": fours * chunks,
            "event_twelves": twelves * spikes,
            "event_fours": fours * spikes,
            "neurons": outputs,
        }
