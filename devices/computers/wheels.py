"""Which Python on a Linux board can run which backend's library. An import proves nothing (a library built for another numpy imports and fails, one
built for a newer core ends with an illegal instruction), so each runs a tiny model, in a process of its own, and the fix is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from devices.computers.answers import Record, Told, record
from devices.computers.base import Computer

LIMIT_S = 120.0
SIGNALS = {4: "an illegal instruction: the wheel is for a newer core", 7: "a bus error", 11: "a segmentation fault"}
INTERPRETERS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
# Two models, and what to do with each: add a vector to itself (ONNX), nothing at all (TFLite).
PROBE = """
import base64, json, sys
what, probed = sys.argv[1], {"python": sys.version.split()[0]}
ONNX = "CAcSADo1Cg4KAWEKAWESAWIiA0FkZBIBZ1oPCgFhEgoKCAgBEgQKAggCYg8KAWISCgoICAESBAoCCAJCBAoAEA0="
TFLITE = ("GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAcAAAAUAAAAAMAAAABAAAACAAAAAQABAAEAAAAAQAAABAAAAAMABQAEAAMAAgABAAM"
          "AAAAEAAAABAAAAAQAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
try:
    import numpy
    probed["numpy"] = numpy.__version__
    if what == "onnxruntime":
        import onnxruntime
        probed["version"] = onnxruntime.__version__
        session = onnxruntime.InferenceSession(base64.b64decode(ONNX), providers=["CPUExecutionProvider"])
        assert session.run(None, {"a": numpy.array([1, 2], numpy.float32)})[0].tolist() == [2, 4]
    elif what != "numpy":
        import importlib
        from importlib.metadata import version
        probed["version"] = version("ai-edge-litert" if what == "litert" else what)
        module = importlib.import_module("ai_edge_litert.interpreter" if what == "litert" else "tflite_runtime.interpreter")
        interpreter = module.Interpreter(model_content=base64.b64decode(TFLITE))
        interpreter.allocate_tensors()
        interpreter.invoke()
except BaseException as error:
    probed["error"] = type(error).__name__ + ": " + (str(error).strip().splitlines() or [""])[-1][:160]
print(json.dumps(probed))
"""
PACKAGES = {"numpy": "numpy", "onnxruntime": "onnxruntime", "litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}


class Probed(Record):
    """What the probe answers."""

    python: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}[A-Za-z0-9.+]{0,20}$")]
    numpy: Told = ""
    version: Told = ""
    error: Told = ""


@dataclass(frozen=True)
class Wheel:
    """One library in one Python."""

    python: str  # the words that start it
    version: str  # of Python; "" if it does not start
    library: str
    works: bool
    detail: str
    fix: str = ""


def examine(computer: Computer, named: str | None = None) -> list[Wheel]:
    """Every library in every Python of the board (only ``named`` if it is given). A Python that is not there is left out."""
    wheels = []
    for python in dict.fromkeys([named] if named else INTERPRETERS):
        first = _try(computer, python, "numpy")
        if first is not None:
            others = [_try(computer, python, name) for name in PACKAGES if name != "numpy"] if first.works else []
            wheels += [first, *(wheel for wheel in others if wheel is not None)]
    return wheels


def _try(computer: Computer, python: str, library: str) -> Wheel | None:
    done = computer.run([python, "-c", PROBE, library], limit_s=LIMIT_S)
    if done.code in (126, 127):
        return None
    package = PACKAGES[library]
    if done.code:
        signal = done.code - 128 if done.code > 128 else 0
        why = f"its process ended with {SIGNALS.get(signal, f'status {done.code}')}"
        return Wheel(python, "", library, False, why, f"{python} -m pip install --force-reinstall {package}, or use the backend 'c'")
    answer = record(Probed, done.out, f"{computer.name}: {python}")
    version = answer.python
    if not answer.error:
        return Wheel(python, version, library, True, f"{answer.version or answer.numpy} with numpy {answer.numpy}")
    return Wheel(python, version, library, False, answer.error, _fix(python, version, library, answer.numpy, answer.error))


def _fix(python: str, version: str, library: str, numpy: str, error: str) -> str:
    """The command that mends it."""
    old_enough = tuple(int(part) for part in version.split(".")[:2]) <= (3, 11)
    if library == "tflite-runtime" and not old_enough:
        return f"there is none for Python {version}; use litert: {python} -m pip install ai-edge-litert"
    if library == "tflite-runtime" and numpy.startswith("2"):
        return f"{python} -m pip install 'numpy<2'"
    force = "" if error.startswith(("ModuleNotFoundError", "PackageNotFoundError")) else "--force-reinstall "
    return f"{python} -m pip install {force}{PACKAGES[library]}"
