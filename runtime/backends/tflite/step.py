"""``tflite`` on a spiking build: ``model.tflite`` is one time step of one sample (compile/emit/tflite/step.py), and this the loop around it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from devices.errors import NearwireError
from runtime.backends.base import LayerFigure
from runtime.backends.stepping import Advanced, SpikingSession, State
from runtime.backends.tflite import profiler as litert_profiler
from runtime.backends.timing import steady_mean
from runtime.builds.artifact import unreadable
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples
from runtime.network.spiking import coding

PROFILE_RUNS = 100  # at least


class TfliteSpikingSession(SpikingSession):
    """``make``: makes the interpreter of the file at ``path``. ``library``: ``litert`` or ``tflite-runtime``."""

    def __init__(self, path: Path, network: Network, make: Callable[[], Any], library: str, detail: str) -> None:
        self.of(network)
        self.path, self.library, self.detail = path, library, detail
        try:
            start = time.perf_counter_ns()
            self.interpreter = make()
            self.init_ns = time.perf_counter_ns() - start
            details = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        except Exception as error:  # a name that is no UTF-8, a number that does not fit: its errors have no common base
            raise unreadable(path, error) from error
        first = f"{network.layers[0].name}/current"
        self.held = ([first] if self.direct else []) + [f"{layer.name}/membrane" for layer in network.layers]  # the state's names
        self.fired = [f"{layer.name}/spikes" for layer in network.layers]
        self.at = self._indices(path, *details)

    def _indices(self, path: Path, read: list[dict[str, Any]], returned: list[dict[str, Any]]) -> dict[str, int]:
        """Tensors of the file by name; InputError unless they are those of a step of this network."""
        widths = [*(self.widths[:1] if self.direct else ()), *self.widths]
        state = list(zip(self.held, widths, strict=True))
        inputs = {"input": ([1, self.network.input.size], "int8"), **{name: ([1, width], "int32") for name, width in state}}
        if self.direct:
            inputs["begin"] = ([], "bool")
        outputs = {"output": ([1, self.widths[-1]], "int32"), **{f"{name}_next": ([1, width], "int32") for name, width in state}}
        outputs |= {name: ([1, width], "int8") for name, width in zip(self.fired, self.widths, strict=True)}
        indices: dict[str, int] = {}
        for expected, details in ((inputs, read), (outputs, returned)):
            actual = {detail["name"]: (list(map(int, detail["shape"])), np.dtype(detail["dtype"]).name) for detail in details}
            if actual != expected:
                raise unreadable(path, f"it reads or returns {actual}, a step of the build's network {expected}")
            indices |= {detail["name"]: detail["index"] for detail in details}
        return indices

    def advance(self, value: Array, begin: bool, current: Array, membranes: tuple[Array, ...]) -> Advanced:
        stored = self._stored(value)
        state = [*([current] if self.direct else []), *membranes]
        feeds = [np.ascontiguousarray(array, np.int32) for array in state]
        made = [np.empty_like(array) for array in feeds]
        spikes = tuple(np.empty((len(value), width), np.uint8) for width in self.widths)
        put, run, get, at = self.interpreter.set_tensor, self.interpreter.invoke, self.interpreter.get_tensor, self.at
        for k in range(len(value)):
            self._put_input(stored[k : k + 1], begin)
            for name, array in zip(self.held, feeds, strict=True):
                put(at[name], array[k : k + 1])
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

    def layers(self, samples: Array) -> list[LayerFigure]:
        """A row an operator with LiteRT, in one inference, all its steps together; one row where no profiler can be had, saying why."""
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        if len(flat) == 0:
            return []
        why = "tflite-runtime has no profiler in Python"
        if self.library == "litert":
            try:
                return self._operators(flat[:1])
            except NearwireError as error:
                why = str(error)
        runs = -(-PROFILE_RUNS // len(flat))
        mean_ns = np.mean([steady_mean(self.time_ns(sample, runs)) for sample in flat])
        names = " + ".join(layer.name for layer in self.network.layers)
        return [LayerFigure(names, float(mean_ns) / 1000, note=f"the whole inference, all time steps: {why}")]

    def _operators(self, row: Array) -> list[LayerFigure]:
        """The first step, which computes the current, and the second, as often as there are more; what IF runs is listed itself, so IF is not."""
        state = self.begin(row)
        first = self._profiled(state)
        if self.spiking.steps == 1:
            return first
        second = self._profiled(state := self.step(state))
        while not state.done:
            state = self.step(state)
        more = int(state.executed[0]) - 1
        shared = len(second) - (1 if self.direct else 0)  # the last ones are the same; in front of them stands what the branch of IF runs
        steps = zip(first[-shared:], second[-shared:], strict=True)
        return [
            *self._named(first[:-shared], 1),
            *self._named([replace(figure, time_us=(figure.time_us or 0) * more) for figure in second[:-shared]], 2),
            *self._named([replace(a, time_us=(a.time_us or 0) + more * (b.time_us or 0)) for a, b in steps], 0),
        ]

    def _named(self, figures: list[LayerFigure], subgraph: int) -> list[LayerFigure]:
        """The figures with the names of what their operators compute, in place of LiteRT's '[Builtin]:INDEX', in a subgraph of the file."""
        from ai_edge_litert import schema_py_generated as schema

        model = schema.Model.GetRootAs(self.path.read_bytes(), 0)
        graph, named = model.Subgraphs(subgraph), []
        for figure in figures:
            index = int(number[1]) if (number := re.fullmatch(r"\[Builtin\]:(\d+)", figure.name)) else graph.OperatorsLength()
            known = index < graph.OperatorsLength()
            code = model.OperatorCodes(graph.Operators(index).OpcodeIndex()).BuiltinCode() if known else None
            if known and code == getattr(schema.BuiltinOperator, figure.note, None):
                figure = replace(figure, name=graph.Tensors(graph.Operators(index).Outputs(0)).Name().decode())
            named.append(figure)
        return named

    def _profiled(self, state: State) -> list[LayerFigure]:
        """A figure an operator of the step behind this state."""
        value = state.inputs if self.direct else coding.encode_step(state.inputs, self.spiking, state.step)
        made = self.advance(value, state.step == 0, state.current, state.membranes)
        held = [*([made.current] if self.direct else []), *made.membranes]
        feeds = dict(zip(self.held, [*([state.current] if self.direct else []), *state.membranes], strict=True))
        results = dict(zip([f"{name}_next" for name in self.held], held, strict=True))
        last = made.membranes[-1] if self.spiking.readout == "membrane" else made.spikes[-1]
        results |= {"output": last.astype(np.int32)} | {name: array.view(np.int8) for name, array in zip(self.fired, made.spikes, strict=True)}
        feeds = {name: array.astype(np.int32) for name, array in feeds.items()} | {"input": self._stored(value), "begin": np.array(state.step == 0)}
        inputs = [feeds[detail["name"]] for detail in self.interpreter.get_input_details()]
        outputs = [results[detail["name"]] for detail in self.interpreter.get_output_details()]
        return [figure for figure in litert_profiler.operators(self.path, inputs, outputs) if figure.note != "IF"]

    def close(self) -> None:
        del self.interpreter
