"""The one way to execute a build from Python, whatever executes it:

    import runtime
    with runtime.load("build/digits", backend="c") as session:
        session.run(image)               # the scores of one sample
        session.run_batch(images)        # (n, classes)
        session.classify(image)          # the name of its class
        session.profile()                # what every layer costs
        state = session.begin(image)     # of a spiking network, step by step (runtime/backends/stepping.py)
        while not state.done:
            state = session.step(state)  # state.spikes, state.membranes: a layer each, state.scores
        session.spikes(images)           # all of them, (steps, n, neurons) a layer

Samples are raw values, of the type that the network's front end takes (``raw_dtype``); without a front end floats in real units, which are
quantised by the network's input scale. uint8 bytes are read as they are, unless the raw values themselves are uint8.
Scores are int32 as every backend computes them, or float32 in real units: scores times the output scale. Without being told, bytes give
integers and floats give floats. numpy and the backend's own library are all that is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from devices.errors import InputError, unknown_name
from runtime.backends import Session
from runtime.backends.registry import stepping
from runtime.backends.stepping import SpikingSession, State
from runtime.backends.trust import require_trust
from runtime.builds.checked import CheckedBuild, open_build
from runtime.data.inputs import stored_samples
from runtime.measure.rows import ProfileRow, profile_rows
from runtime.network.front.stages import quantised, raw_dtype
from runtime.network.network import Array
from runtime.remote.sessions import open_session

OUTPUTS = ("auto", "integer", "float")


class Loaded:
    """A build opened with one backend. Use as a context manager, or call ``close``."""

    def __init__(self, build: CheckedBuild, backend: str, session: Session) -> None:
        self.build, self.backend, self._session = build, backend, session

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return self.build.network.input.shape

    @property
    def raw_dtype(self) -> str | None:
        """The type of raw values that the front end takes; None: the network has none."""
        return raw_dtype(self.build.network.front)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.build.network.classes

    @property
    def detail(self) -> str:
        """What executes: library and version, compiler, core."""
        return self._session.detail

    def run(self, sample: Any, output: str = "auto") -> Array:
        """(classes,) scores of one sample: of ``input_shape`` or flat; InputError for another shape or type."""
        values = np.asarray(sample)
        if values.shape not in (self.input_shape, (self.build.network.input.size,)):
            raise InputError(f"the sample has shape {values.shape}; the network reads {self._shapes()}. Several samples: run_batch.")
        return np.asarray(self.run_batch(values[None], output)[0])

    def run_batch(self, samples: Any, output: str = "auto") -> Array:
        """(n, classes) scores of n samples, n >= 0, each of ``input_shape`` or flat."""
        if output not in OUTPUTS:
            raise unknown_name("kind of output", output, OUTPUTS)
        values = np.asarray(samples)
        spec = self.build.network.input
        if values.ndim < 2 or values.shape[1:] not in (spec.shape, (spec.size,)):
            raise InputError(f"the samples have shape {values.shape}; the network reads n samples of {self._shapes()}.")
        scores = self._session.scores(np.ascontiguousarray(self._bytes(values.reshape(len(values), spec.size))))
        if output == "integer" or (output == "auto" and values.dtype.kind != "f"):
            return scores
        return np.asarray(scores.astype(np.float32) * np.float32(self.build.network.layers[-1].options["output_scale"]), np.float32)

    def classify(self, sample: Any) -> str:
        """The name of the class with the first largest score."""
        return self.classes[int(self.run(sample, "integer").argmax())]

    def begin(self, samples: Any) -> State:
        """The state of a spiking network before its first time step, of n samples as ``run_batch`` takes them, or of one.

        InputError where the network has no time steps, or the backend runs whole inferences only.
        """
        return self._steps().begin(self._several(samples))

    def step(self, state: State) -> State:
        """The state one time step later: ``spikes`` and ``membranes`` of every layer, ``scores`` so far, ``done``. ``state`` is as it was.

        InputError for the state of another network and behind the last step.
        """
        return self._steps().step(state)

    def spikes(self, samples: Any) -> list[Array]:
        """Every spike of a spiking network: a layer (steps, n, neurons) uint8, 0 behind an early exit. ``samples``: n as ``run_batch`` takes them, or one."""
        return self._session.spikes(self._several(samples))

    def _steps(self) -> SpikingSession:
        if isinstance(self._session, SpikingSession):
            return self._session
        if self.build.network.spiking is None:
            raise InputError(f"'{self.build.folder}' has no time steps: its network does not spike. Use run or run_batch.")
        able = ", ".join(stepping())
        raise InputError(f"backend '{self.backend}' runs whole inferences only. For single time steps load the build with one of: {able}.")

    def profile(self, samples: Any = None) -> list[ProfileRow]:
        """What every layer costs, in order of execution, averaged over samples; without, over the build's own test vectors.

        Rows are layers for ``c``, ``firmware`` and ``reference``, nodes for ``onnxruntime``, and operators or the whole model for ``tflite``;
        a row's note says so where it is not a layer.
        """
        if samples is None:
            chosen = stored_samples(self.build.folder, self.build.network)
        else:
            values = np.asarray(samples)
            chosen = np.ascontiguousarray(self._bytes(values.reshape(len(values), -1)))
        return profile_rows(self._session.layers(chosen))

    def close(self) -> None:
        """Free what the session holds."""
        self._session.close()

    def __enter__(self) -> Loaded:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _several(self, samples: Any) -> Array:
        """Bytes (n, inputs) of n samples, or of one."""
        values, spec = np.asarray(samples), self.build.network.input
        if values.shape in (spec.shape, (spec.size,)):
            values = values[None]
        if values.ndim < 2 or values.shape[1:] not in (spec.shape, (spec.size,)):
            raise InputError(f"the samples have shape {values.shape}; the network reads one or n samples of {self._shapes()}.")
        return np.ascontiguousarray(self._bytes(values.reshape(len(values), spec.size)))

    def _bytes(self, flat: Array) -> Array:
        network = self.build.network
        if flat.dtype == np.uint8 and raw_dtype(network.front) != "uint8":
            return flat
        return quantised(network.front, network.input, flat, "the samples")

    def _shapes(self) -> str:
        shape, flat = self.input_shape, (self.build.network.input.size,)
        return str(flat) if shape == flat else f"{shape} or {flat}"


def load(build: str | Path, backend: str = "c", device: str | None = None, threads: int = 1, trust: bool = False) -> Loaded:
    """Open the build folder with one backend of ``runtime.backends``; ``device``: the emulated board of 'firmware'.

    ``trust``: also run the C code of a build that this user did not compile here, which 'c' and 'firmware' do and which can do anything that
    you can. InputError for such a build without it, an unknown backend or a damaged build, NearwireError with the fix where the backend cannot work here.

    >>> with load("build/digits", backend="reference") as session:
    ...     session.classes[:3], session.input_shape
    (('0', '1', '2'), (8, 8))
    """
    opened = open_build(Path(build))
    require_trust(opened, [backend], trust)
    return Loaded(opened, backend, open_session(opened, backend, device, threads))


__all__: Sequence[str] = ("Loaded", "load")
