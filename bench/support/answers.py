"""Good answers of a board, one an action: what hostile ones are made from by changing them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

_LAYER = {"name": "layer0", "time_us": 1.5, "instructions": None, "note": "boxes", "cycles": None}
_STATE = {
    **{"machine": "Raspberry Pi 4", "core": "Cortex-A72", "cpus": 4, "kernel": "6.6", "governor": "performance", "frequency_mhz": 1800.0},
    **{"frequency_max_mhz": 1800.0, "temperature_c": 48.3, "throttled_flags": 0, "throttle_count": None, "load_1min": 0.1, "stolen_ticks": 5},
}
_ROW = {
    **{"device": "host", "build": "digits", "backend": "reference", "detail": "numpy", "runs": 10, "init_us": 5.0, "first_us": 9.0, "mean_us": 2.5},
    **{"min_us": 1.0, "max_us": 9.0, "p50_us": 2.0, "p90_us": 3.0, "p95_us": 4.0, "p99_us": 5.0, "p999_us": 6.0, "timer_us": 0.1, "drift": 1.0},
    **{"instructions": None, "memory": {"init_bytes": 1, "peak_bytes": 2}, "operators": [{**_LAYER, "share": 1.0}]},
}
GOOD: dict[str, Any] = {  # by action, as the agent writes them
    "probe": {"action": "probe", "missing": None, "numpy": "1.26.4", "python": "3.11.2"},
    "scores": {"action": "scores", "scores": base64.b64encode(np.arange(6, dtype="<i4").tobytes()).decode(), "detail": "numpy"},
    "layers": {"action": "layers", "layers": [_LAYER, {**_LAYER, "name": "layer1"}], "detail": "numpy"},
    "count": {"action": "count", "backends": {"reference": {"detail": "numpy", "scores": [1, -2, 3]}}},
    "bench": {
        **{"action": "bench", "device": "host", "rows": [_ROW], "before": _STATE, "after": _STATE, "invalid": ["hot"], "notes": ["a note"]},
        **{"versions": {"numpy": "1.26.4"}, "error": None},
    },
}
LINES = {  # by command, as a firmware writes them; m-ready follows
    "infer": ("m-warmup-start-0", "m-warmup-done", "m-infer-start-1", "m-lap-us-5", "m-lap-us-10", "m-infer-done", "m-results-[3,-4.0]"),
    "stack": ("m-stack-bytes-300",),
    "layers": ("m-layer-0-ticks-50-per-us-25", "m-layer-1-ticks-25-per-us-25"),
    "name": ("m-name-dut-[nearwire]",),
    "profile": ("m-profile-[nearwire-1 board]", "m-model-[digits]", "m-sha256-[00]"),
}
