"""emlearn's C code of one of our dense networks, measured on the emulated core that measures ours.

emlearn's generator ("loadable", its default) gets the trained network's float weights, as its converters for scikit-learn and Keras would hand them
over. Its network is float, so the core gets its FPU; the last layer's softmax is left out, since the label does not need it. What it is not
charged for: turning pixels into floats, and a C library's math functions. Flash, RAM and instructions are counted as ``runtime.backends.firmware.core`` counts ours.
"""

from __future__ import annotations

import ctypes
import tempfile
from dataclasses import dataclass
from pathlib import Path

import emlearn
import numpy as np
from emlearn.net import c_generate_net_loadable

from compile.passes.freeze import freeze
from devices.boards.board import Board, load_board
from devices.links.unicorn import WINDOW, Core, read_image
from devices.tools.toolchain import compiler_for
from runtime.data.dataset import Dataset
from runtime.network.network import Array, Network

TARGET, CPU = "thumb-freestanding-eabihf", "cortex_m4+vfp4d16sp"  # the M4 with its FPU
LEVELS = ("-Os", "-O2", "-O3")
LINK = ("-std=c99", "-g", "-nostdlib", "-ffunction-sections", "-fdata-sections", "-fomit-frame-pointer", "-Wl,--gc-sections", "-Wl,-e,entry")
SCRIPT = """SECTIONS {{ . = {flash:#x}; .text : {{ *(.text .text.*) }} .rodata : {{ *(.rodata .rodata.*) }} . = {ram:#x};
.data : {{ *(.data .data.*) }} .bss (NOLOAD) : {{ *(.bss .bss.*) }} .host : {{ *(.host) }} /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame*) }} }}
"""
# What a bare compiler lacks of the C library; emlearn's header names these functions, this network calls none of them.
HEADERS = {
    "math.h": "float expf(float); float logf(float); float tanhf(float); float fabsf(float);\n"
    '#define INFINITY __builtin_inff()\n#define NAN __builtin_nanf("")\n',
    "stdlib.h": "",
    "stdio.h": "",
}
MISSING = "float expf(float x) { return x; }\nfloat logf(float x) { return x; }\nfloat tanhf(float x) { return x; }\n"
ENTRY = """
__attribute__((section(".host"), used)) int entry(const float *features)
{{
    return {name}_predict(features, {inputs});
}}
"""
BATCH = """
void batch(const float *features, int count, int *labels)
{{
    for (int k = 0; k < count; k++) {{
        labels[k] = {name}_predict(features + k * {inputs}, {inputs});
    }}
}}
"""
NAME = "peer"


@dataclass(frozen=True)
class PeerFigures:
    """One network as emlearn deploys it."""

    accuracy: float  # of its C code, on the whole test set
    flash_bytes: int
    ram_bytes: int
    instructions: int
    compiler: str


def source_of(network: Network) -> str:
    """emlearn's C for a dense network of float weights."""
    layers = freeze(network).layers
    activations = ["relu"] * (len(layers) - 1) + ["identity"]
    weights = [layer.arrays["weight"].T.astype(np.float32) for layer in layers]
    return str(c_generate_net_loadable(activations, weights, [layer.arrays["bias"] for layer in layers], NAME))


def features_of(network: Network, samples: Array) -> Array:
    """(n, inputs) float32 that the network's weights are for."""
    return ((samples.astype(np.float32) - network.input.zero_point) * np.float32(network.input.scale)).astype(np.float32)


def measure(network: Network, data: Dataset, samples: int = 10) -> PeerFigures:
    """emlearn's figures for a dense network: exact counts over the first test samples, at the level that needs the fewest instructions."""
    source, features = source_of(network), features_of(network, data.test.x)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = _on_host(source, features, folder)
        measurements = [_on_core(source, features[:samples], labels[:samples], level, folder) for level in LEVELS]
    flash, ram, instructions, compiler = min(measurements, key=lambda figures: figures[2])
    return PeerFigures(float((labels == data.test.y).mean()), flash, ram, instructions, compiler)


def _include() -> Path:
    return Path(emlearn.__file__).parent


def _on_host(source: str, features: Array, folder: Path) -> Array:
    """Labels of all samples by the same C code, compiled for this computer."""
    toolchain = load_board("host").toolchain
    (folder / "host.c").write_text(source + BATCH.format(name=NAME, inputs=features.shape[1]))
    compiler_for(toolchain).run(
        ["-std=c99", "-O2", "-w", "-shared", "-fPIC", "-I", _include(), "-o", folder / "host.so", folder / "host.c", "-lm"], "emlearn's code"
    )
    labels = np.empty(len(features), np.int32)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (features, labels)]
    ctypes.CDLL(str(folder / "host.so")).batch(pointers[0], len(features), pointers[1])
    return labels


def _on_core(source: str, features: Array, labels: Array, level: str, folder: Path) -> tuple[int, int, int, str]:
    """(flash, RAM, mean instructions, compiler) at one level; SystemExit if a label differs from the host's."""
    board = _board(level)
    assert board.memory is not None
    for header, text in HEADERS.items():
        (folder / header).write_text(text)
    (folder / "core.c").write_text(source + ENTRY.format(name=NAME, inputs=features.shape[1]))
    (folder / "missing.c").write_text(MISSING)
    (folder / "memory.ld").write_text(SCRIPT.format(flash=board.memory.flash_origin, ram=board.memory.ram_origin))
    compiler = compiler_for(board.toolchain)
    program = folder / "core.elf"
    flags = [level, *LINK, "-w", "-I", folder, "-I", _include(), "-T", folder / "memory.ld"]
    compiler.run([*flags, "-o", program, folder / "core.c", folder / "missing.c"], "emlearn's code")
    image = read_image(program)
    core = Core(image, board, features.shape[1] * 4)
    counts = []
    for sample, label in zip(features, labels, strict=True):
        core.write(WINDOW, sample.tobytes())
        counts.append(core.count("entry", WINDOW).total)
        if core.call("entry", WINDOW) != label:
            raise SystemExit("emlearn's code gives another label on the emulated core than on this computer")
    stack = core.stack_bytes("entry", WINDOW)
    constants, code, data, bss = (image.sizes.get(section, 0) for section in (".rodata", ".text", ".data", ".bss"))
    return constants + code + data, data + bss + stack, round(float(np.mean(counts))), f"{compiler.detail} {level} {CPU}"


def _board(level: str) -> Board:
    board = load_board("emulated-cortex-m4")
    return board.model_copy(update={"toolchain": board.toolchain.model_copy(update={"target": TARGET, "cpu": CPU, "flags": (level,)})})
