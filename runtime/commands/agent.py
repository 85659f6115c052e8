"""What runs on a Linux board for us: ``python -m runtime.commands.agent``, with numpy, safetensors and one backend's library, nothing else.

In: a JSON request as the only argument, samples (raw bytes) on standard input. Out: one JSON document, of the action's form in
runtime/remote/answers.py, or {error, exit_code}. Requests name an ``action``, answers repeat it:
  probe      {backend}                     does the backend work here? (a crash of its library ends only this process)
  scores     {build, backend}              scores of all samples, base64 of int32
  layers     {build, backend}              the backend's figures per layer
  bench      {build, backends, options}    a report of runtime.measure.bench
  count      {build, backends, runs}       for a counting emulator: getppid before, between and behind ``runs`` and 3 * ``runs`` inferences
``build`` is a folder; ``program`` is the path of the C program that stands for the backends that are one (runtime/backends/registry.py).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from devices.common.processes import TooMuch, run_bounded
from devices.errors import NearwireError
from runtime.backends import Session, backend, open_here
from runtime.backends.c.program import ProgramSession, Runner
from runtime.backends.registry import is_program
from runtime.builds.build import Build
from runtime.measure.bench import BenchOptions, Place, bench
from runtime.network.file import load
from runtime.network.network import Array

PROGRAM_LIMIT_S = 600
LONGEST = 2000  # characters of an error, as its reader takes them


def runner(program: str) -> Runner:
    """Runs the program here."""

    def run(arguments: Sequence[str], stdin: bytes, most_bytes: int) -> bytes:
        try:
            done = run_bounded([program, *arguments], stdin, PROGRAM_LIMIT_S, most_bytes)
        except (TooMuch, subprocess.TimeoutExpired) as error:
            raise NearwireError(f"the program of the build did not end within {PROGRAM_LIMIT_S} s and {most_bytes:,} bytes.") from error
        if done.code:
            raise NearwireError(f"the program of the build ended with status {done.code}: {done.err.decode(errors='replace').strip()[-200:]}")
        return done.out

    return run


def build_of(request: dict[str, Any]) -> Build:
    """The build of the request, without its manifest: whoever sent it has checked the files."""
    folder = Path(request["build"])
    return Build(folder, load(folder / "network.safetensors"))


def opener(request: dict[str, Any]) -> Callable[[Build, str, int], Session]:
    """How sessions are opened here: the program that was sent along, if one was, stands for backends that are one."""

    def opened(build: Build, name: str, threads: int) -> Session:
        if is_program(name) and request.get("program"):
            return ProgramSession(build.network, runner(request["program"]), "static program")
        return open_here(build, name, threads)

    return opened


def do_probe(request: dict[str, Any], samples: bytes) -> dict[str, Any]:
    """Versions, and what keeps the backend from working."""
    return {"missing": backend(request["backend"]).missing(), "numpy": np.__version__, "python": sys.version.split()[0]}


def do_scores(request: dict[str, Any], samples: bytes) -> dict[str, Any]:
    build = build_of(request)
    with opener(request)(build, request["backend"], request.get("threads", 1)) as session:
        scores = session.scores(_rows(build, samples))
        return {"scores": base64.b64encode(np.ascontiguousarray(scores, "<i4").tobytes()).decode(), "detail": session.detail}


def do_layers(request: dict[str, Any], samples: bytes) -> dict[str, Any]:
    build = build_of(request)
    with opener(request)(build, request["backend"], request.get("threads", 1)) as session:
        return {"layers": [asdict(figure) for figure in session.layers(_rows(build, samples))], "detail": session.detail}


def do_bench(request: dict[str, Any], samples: bytes) -> dict[str, Any]:
    build = build_of(request)
    return bench(build, request["backends"], _rows(build, samples), BenchOptions(**request["options"]), place=Place(open=opener(request))).to_dict()


def do_count(request: dict[str, Any], samples: bytes) -> dict[str, Any]:
    """The marks are read by the emulator; here only the scores of the first sample, to be checked, and the details."""
    build, runs = build_of(request), int(request["runs"])
    row = _rows(build, samples)[0]
    answers = {}
    for name in request["backends"]:
        with opener(request)(build, name, 1) as session:
            scores = session.scores(row[None])
            session.time_ns(row, runs)  # what is made once and for all is made now
            os.getppid()
            session.time_ns(row, runs)
            os.getppid()
            session.time_ns(row, 3 * runs)
            os.getppid()
            answers[name] = {"detail": session.detail, "scores": scores[0].tolist()}
    return {"backends": answers}


ACTIONS = {"probe": do_probe, "scores": do_scores, "layers": do_layers, "bench": do_bench, "count": do_count}


def _rows(build: Build, samples: bytes) -> Array:
    return np.frombuffer(samples, np.uint8).reshape(-1, build.network.input.size)


def main() -> None:
    """Answer the request."""
    request = json.loads(sys.argv[1])
    samples = sys.stdin.buffer.read()
    out = os.dup(1)  # a library that prints must not disturb the answer
    os.dup2(2, 1)
    try:
        answer = ACTIONS[request["action"]](request, samples)
    except NearwireError as error:
        answer = {"error": str(error)[:LONGEST], "exit_code": error.exit_code}
    with os.fdopen(out, "w") as stream:
        json.dump({**answer, "action": request["action"]}, stream)


if __name__ == "__main__":
    main()
