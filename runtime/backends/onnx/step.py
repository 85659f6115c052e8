"""``onnxruntime`` on a spiking build: ``model.onnx`` is one time step (compile/emit/onnx/step.py), and this the loop around it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from devices.common.temporary import temporary_folder
from runtime.backends.base import LayerFigure
from runtime.backends.stepping import Advanced, SpikingSession
from runtime.backends.timing import steady_mean
from runtime.builds.artifact import unreadable
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples

PROFILE_INFERENCES, PROFILE_WARMUP = 60, 10  # at least; each runs every node once a time step


class OnnxSpikingSession(SpikingSession):
    """``make``: opens the file, for profiling where it is given a prefix."""

    def __init__(self, path: Path, network: Network, make: Callable[[str | None], Any], detail: str) -> None:
        self.of(network)
        self.make, self.detail = make, detail
        start = time.perf_counter_ns()
        self.session = make(None)
        self.init_ns = time.perf_counter_ns() - start
        first = f"{network.layers[0].name}/current"
        self.held = ([first] if self.direct else []) + [f"{layer.name}/membrane" for layer in network.layers]  # the state's names
        self.next = [f"{name}_next" for name in self.held]
        self.fired = [f"{layer.name}/spikes" for layer in network.layers]
        self._check_file(path)

    def _check_file(self, path: Path) -> None:
        """InputError unless the file is a step of this network: names, types and sizes, and the constants in its metadata."""
        widths = [*(self.widths[:1] if self.direct else ()), *self.widths]
        inputs = [("input", "tensor(uint8)", [self.network.input.size]), *([("begin", "tensor(bool)", [])] if self.direct else [])]
        inputs += [(name, "tensor(int32)", [width]) for name, width in zip(self.held, widths, strict=True)]
        outputs = [("output", "tensor(int32)", [self.widths[-1]])]
        outputs += [(name, "tensor(int32)", [width]) for name, width in zip(self.next, widths, strict=True)]
        outputs += [(name, "tensor(uint8)", [width]) for name, width in zip(self.fired, self.widths, strict=True)]
        for expected, ports in ((inputs, self.session.get_inputs()), (outputs, self.session.get_outputs())):
            actual = [(port.name, port.type, list(port.shape[1:])) for port in ports]
            if sorted(actual) != sorted(expected):
                raise unreadable(path, f"it reads or returns {sorted(actual)}, a step of the build's network {sorted(expected)}")
        metadata = self.session.get_modelmeta().custom_metadata_map
        names = ("steps", "reset", "coding", "readout")
        if any(metadata.get(name) != str(getattr(self.spiking, name)) for name in names):
            raise unreadable(
                path,
                f"it says { ({n: metadata.get(n) for n in names}) } of itself, the build's network is { ({n: getattr(self.spiking, n) for n in names}) }",
            )

    def advance(self, value: Array, begin: bool, current: Array, membranes: tuple[Array, ...]) -> Advanced:
        state = [*([current] if self.direct else []), *membranes]
        feed: dict[str, Array] = {name: np.ascontiguousarray(array, np.int32) for name, array in zip(self.held, state, strict=True)}
        feed["input"] = value
        if self.direct:
            feed["begin"] = np.array(begin)
        results = self.session.run([*self.next, *self.fired], feed)
        kept = results[: len(self.next)]
        return Advanced(kept[0] if self.direct else current, tuple(kept[self.direct :]), tuple(results[len(self.next) :]))

    def layers(self, samples: Array) -> list[LayerFigure]:
        """Time of every node in one inference, all its steps together, from ONNX Runtime's profiler; it slows the run."""
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        if len(flat) == 0:
            return []
        runs = max(PROFILE_INFERENCES, len(flat))
        with temporary_folder() as folder:
            usual, self.session = self.session, self.make(str(Path(folder) / "profile"))
            try:
                for k in range(PROFILE_WARMUP + runs):
                    self._scores(flat[k % len(flat)][None])
                events = json.loads(Path(self.session.end_profiling()).read_text())
            finally:
                self.session = usual
        times: dict[str, list[int]] = {}
        operators: dict[str, str] = {}
        for event in events:
            if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time") or event["args"].get("op_name") == "If":
                continue  # what an If runs is listed itself
            name = event["name"].removesuffix("_kernel_time")
            times.setdefault(name, []).append(int(event["dur"]))
            operators[name] = event["args"].get("op_name", "")
        inferences = PROFILE_WARMUP + runs
        return [LayerFigure(name, steady_mean(np.array(us)) * len(us) / inferences, note=operators[name]) for name, us in times.items()]
