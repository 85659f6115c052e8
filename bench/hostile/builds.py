"""Surfaces ``manifest``, ``onnx`` and ``tflite``: files of a build that somebody else made, whose manifest vouches for nothing or for them."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.hostile.mutate import bytes_of, json_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from compile.pipeline.pipeline import CompileOptions, compile_network
from runtime.backends import backend
from runtime.builds.checked import open_build
from runtime.network.file import load
from runtime.zoo import resolve


def _with_build(use: Callable[[Path], Report]) -> Report:
    with tempfile.TemporaryDirectory(prefix="nearwire-hostile-build-") as folder:
        built = Path(folder) / "build"
        compile_network(resolve("zoo:digits-field"), built, CompileOptions(firmware_samples=1))
        return use(built)


def run_manifest(count: int, seed: int) -> Report:
    """The manifest of a build whose other files are as they were."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        if rng.randrange(4) == 0:
            return bytes_of(content, rng)
        value = json.loads(content)
        if rng.randrange(10):
            del value["digest"]  # as in builds of before there were digests: what is behind the digest is reached
        return json_of(value, rng).encode("utf-8", "surrogatepass")

    def surface(built: Path) -> Report:
        content = (built / "manifest.json").read_bytes()

        def prepare(folder: Path) -> None:
            shutil.copytree(built, folder, dirs_exist_ok=True)

        return run_surface(
            Surface(
                "manifest", "manifest.json", lambda: [content], mutate, lambda path: open_build(path.parent), lambda b: b.manifest.to_json(), prepare
            ),
            count,
            seed,
        )

    return _with_build(surface)


def _artifact(name: str, file: str, count: int, seed: int) -> Report:
    def surface(built: Path) -> Report:
        content, network = (built / file).read_bytes(), load(built)
        samples = np.random.default_rng(0).integers(0, 256, (2, network.input.size)).astype(np.uint8)

        def read(path: Path) -> Any:
            with backend(name).open(path.parent, network) as session:
                session.scores(samples)

        return run_surface(Surface(name, file, lambda: [content], bytes_of, read), count, seed)

    return _with_build(surface)


def run_onnx(count: int, seed: int) -> Report:
    """``model.onnx`` without a manifest."""
    return _artifact("onnxruntime", "model.onnx", count, seed)


def run_tflite(count: int, seed: int) -> Report:
    """``model.tflite`` without a manifest."""
    return _artifact("tflite", "model.tflite", count, seed)
