"""``tflite`` on a spiking build: ``model.tflite`` is one time step of one sample (compile/emit/spiking_tflite.py), and this the loop around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from runtime.backends.base import LayerFigure
from runtime.backends.files import unreadable
from runtime.backends.stepping import Advanced, SpikingSession
from runtime.backends.timing import steady_mean, time_calls
from runtime.network import Array, Network
from runtime.reference import check_samples

PROFILE_RUNS = 100  # at least


class TfliteSpikingSession(SpikingSession):
    """``make``: makes the interpreter of the file at ``path``."""

    def __init__(self, path: Path, network: Network, make: Callable[[], Any], detail: str) -> None:
        self.of(network)
        self.detail = detail
        try:
            start = time.perf_counter_ns()
            self.interpreter = make()
            self.init_ns = time.perf_counter_ns() - start
        except (ValueError, RuntimeError) as error:
            raise unreadable(path, error) from error
        first = f"{network.layers[0].name}/current"
        self.held = ([first] if self.direct else []) + [f"{layer.name}/membrane" for layer in network.layers]  # the state's names
        self.fired = [f"{layer.name}/spikes" for layer in network.layers]
        self.at = self._indices(path)

    def _indices(self, path: Path) -> dict[str, int]:
        """Tensors of the file by name; InputError unless they are those of a step of this network."""
        widths = [*(self.widths[:1] if self.direct else ()), *self.widths]
        state = list(zip(self.held, widths, strict=True))
        inputs = {"input": ([1, self.network.input.size], "int8"), **{name: ([1, width], "int32") for name, width in state}}
        if self.direct:
            inputs["begin"] = ([], "bool")
        outputs = {"output": ([1, self.widths[-1]], "int32"), **{f"{name}_next": ([1, width], "int32") for name, width in state}}
        outputs |= {name: ([1, width], "int8") for name, width in zip(self.fired, self.widths, strict=True)}
        indices: dict[str, int] = {}
        for wanted, details in ((inputs, self.interpreter.get_input_details()), (outputs, self.interpreter.get_output_details())):
            found = {each["name"]: (list(map(int, each["shape"])), np.dtype(each["dtype"]).name) for each in details}
            if found != wanted:
                raise unreadable(path, f"it reads or returns {found}, a step of the build's network {wanted}")
            indices |= {each["name"]: each["index"] for each in details}
        return indices

    def advance(self, value: Array, begin: bool, current: Array, membranes: tuple[Array, ...]) -> Advanced:
        stored = self._stored(value)
        state = [*([current] if self.direct else []), *membranes]
        feeds = [np.ascontiguousarray(each, np.int32) for each in state]
        made = [np.empty_like(each) for each in feeds]
        spikes = tuple(np.empty((len(value), width), np.uint8) for width in self.widths)
        put, run, get, at = self.interpreter.set_tensor, self.interpreter.invoke, self.interpreter.get_tensor, self.at
        for k in range(len(value)):
            self._put_input(stored[k : k + 1], begin)
            for name, each in zip(self.held, feeds, strict=True):
                put(at[name], each[k : k + 1])
            run()
            for name, out in zip(self.held, made, strict=True):
                out[k] = get(at[f"{name}_next"])[0]
            for name, fired in zip(self.fired, spikes, strict=True):
                fired[k] = get(at[name])[0]
        return Advanced(made[0] if self.direct else current, tuple(made[self.direct :]), spikes)

    def _stored(self, value: Array) -> Array:
        """Bytes as the file's int8: byte - 128 under coding direct; spikes as they are."""
        values = np.ascontiguousarray(value)
        return (values ^ np.uint8(0x80)).view(np.int8) if self.direct else values.view(np.int8)

    def _put_input(self, stored: Array, begin: bool) -> None:
        self.interpreter.set_tensor(self.at["input"], stored)
        if self.direct:
            self.interpreter.set_tensor(self.at["begin"], np.array(begin))

    def time_ns(self, sample: Array, runs: int) -> Array:
        """Times of whole inferences of one sample: coding, every step, the sum of the scores, early exit."""
        one = np.ascontiguousarray(check_samples(self.network, sample[None]))
        return time_calls(lambda: self._scores(one), runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        """One row: the whole inference, all its steps."""
        flat = check_samples(self.network, samples)
        if len(flat) == 0:
            return []
        each = -(-PROFILE_RUNS // len(flat))
        mean_ns = np.mean([steady_mean(self.time_ns(sample, each)) for sample in flat])
        names = " + ".join(layer.name for layer in self.network.layers)
        return [LayerFigure(names, float(mean_ns) / 1000, note="the whole inference, all time steps")]

    def close(self) -> None:
        del self.interpreter
