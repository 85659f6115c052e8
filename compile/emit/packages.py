"""``packages/``: the build's C code as complete libraries, each in the layout its ecosystem demands.

In: a network of stage 'stored', a test sample, and what was measured. Out: ``packages/ECOSYSTEM/LIBRARY/`` with a manifest, all C code
(the kernels in use and the model), a header, an example that classifies the sample and compares the scores, README and licence. The same
network gives the same bytes.

- A library is called ``nearwire_NAME``: NAME in lower case, everything but ASCII letters and digits turned into single underscores. That is
  a C identifier, and a valid name in each of the ecosystems.
- Every global symbol of the C code gets that prefix (``names.h``), so that several networks fit into one firmware.

To add an ecosystem: (1) a folder ``compile/templates/packages/NAME``, rendered file by file to the same paths without ``.jinja``, (2) a line
in ``ECOSYSTEMS``, (3) a line in ``tests/compile/test_packages.py`` that says how it is compiled.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.c import front
from compile.emit.c import steady as c
from compile.emit.common.templates import FOLDER as TEMPLATES
from compile.emit.common.templates import environment, rows
from devices.errors import InputError, unknown_name
from devices.version import VERSION
from runtime.builds.manifest import Accuracy, Cost, Size
from runtime.network import reference
from runtime.network.network import Array, Network

FOLDER = "packages"
ALL = "all"
PREFIX = "nearwire"
NAME_LIMIT = 40  # with the prefix 49 characters: PlatformIO allows 50, Arduino 63, the ESP registry 64
CODE = ("nearwire.h", "nearwire.c", "model.h", "model.c")
ENTRY_POINTS = ("nearwire_infer", "nearwire_classify", "nearwire_classes")
SPIKING_ENTRY_POINTS = ("nearwire_begin", "nearwire_step")
DECLARATION = re.compile(r"^(?!static\b|typedef\b)\w[\w *]*?\b(nearwire_\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Ecosystem:
    """Where an ecosystem wants the public header, the C code, and the example's test vector; relative to the library."""

    name: str
    header: str
    code: str
    example: str


ECOSYSTEMS = {
    item.name: item
    for item in (
        Ecosystem("arduino", header="src", code="src/{library}", example="examples/Classify"),
        Ecosystem("esp-idf", header="include", code="src", example="examples/classify/main"),
        Ecosystem("platformio", header="include", code="src/{library}", example="examples/classify/src"),
        Ecosystem("zephyr", header="include", code="src", example="samples/classify/src"),
    )
}


@dataclass(frozen=True)
class Facts:
    """What the packages say about the build."""

    accuracy: Accuracy
    source_sha256: str  # of the source network's file
    size: Size | None
    cost: Cost | None


def chosen(words: Sequence[str]) -> tuple[str, ...]:
    """The ecosystems that ``--package`` names: each word is one, a comma list, or 'all'; InputError with the nearest name for others."""
    names = [name.strip() for word in words for name in word.split(",")]
    for name in names:
        if name != ALL and name not in ECOSYSTEMS:
            raise unknown_name("package", name, [*ECOSYSTEMS, ALL])
    return tuple(name for name in ECOSYSTEMS if name in names or ALL in names)


def library_name(text: str) -> str:
    """The library's name for a network called ``text``; InputError if no valid one can be made of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not name or len(name) > NAME_LIMIT:
        fault = f"gives a name of {len(name)} characters" if name else "has no ASCII letter or digit"
        raise InputError(f"no library can be named after '{text}': it {fault}; 1 to {NAME_LIMIT} are allowed. Give another with --package-name.")
    return f"{PREFIX}_{name}"


def name_of(source: Path) -> str:
    """What the network file at ``source`` is called: the zoo's name or file name, or the run folder's."""
    path = source.resolve()
    return path.parent.name if path.stem == "network" else path.stem


def emit(network: Network, folder: Path, ecosystems: Sequence[str], library: str, sample: Array, facts: Facts) -> dict[str, str]:
    """Write the libraries below ``folder``; returns the folder of each, relative to it. ``sample``: uint8 (inputs,) of the example."""
    if not ecosystems:
        return {}
    templates = environment()
    values = _values(network, library, sample, facts)
    code = _code(templates, network, values)
    library_folders = {}
    for name in ecosystems:
        item = ECOSYSTEMS[name]
        library_folder = f"{FOLDER}/{name}/{library}"
        texts = {f"{item.code.format(library=library)}/{file}": text for file, text in code.items()}
        texts[f"{item.header}/{library}.h"] = templates.get_template("packages/shared/library.h.jinja").render(values)
        texts[f"{item.example}/test_vector.h"] = templates.get_template("packages/shared/test_vector.h.jinja").render(values)
        root = TEMPLATES / "packages" / name
        for path in sorted(root.rglob("*.jinja")):
            relative = path.relative_to(root).as_posix()
            texts[relative.removesuffix(".jinja")] = templates.get_template(f"packages/{name}/{relative}").render(
                {**values, **_paths(item, values, code)}
            )
        for relative, text in texts.items():
            target = folder / library_folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        shutil.copyfile(TEMPLATES / "packages" / "shared" / "LICENSE", folder / library_folder / "LICENSE")
        library_folders[name] = library_folder
    return library_folders


def _values(network: Network, library: str, sample: Array, facts: Facts) -> dict[str, Any]:
    """What every template can name."""
    flat = reference.check_samples(network, np.asarray(sample)[None])
    scores = reference.scores(network, flat)[0]
    slug = library.removeprefix(f"{PREFIX}_").replace("_", "-")
    return {
        "library": library,
        "macro": library.upper(),
        "slug": slug,  # the network's name for people
        "sentence": f"The neural network {slug}: {network.input.size} bytes in, scores of {len(network.classes)} classes out.",
        "version": VERSION,
        "inputs": network.input.size,
        "outputs": len(network.classes),
        "input_comment": f"byte {network.input.zero_point} is 0.0, a step is {network.input.scale:.7g}",
        "test_input": rows(flat[0]),
        "test_scores": rows(scores),
        "steps": None if network.spiking is None else network.spiking.steps,
        "facts": facts,
    }


def _paths(item: Ecosystem, values: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, str]:
    """Where the templates find the code, whose files are ``texts``."""
    code = item.code.format(library=values["library"])
    return {"code": code, "header": item.header, "sources": " ".join(f'"{code}/{name}"' for name in texts if name.endswith(".c"))}


def _code(templates: Any, network: Network, values: Mapping[str, Any]) -> dict[str, str]:
    """The C files; each header first includes the one that gives every global symbol the library's prefix."""
    files = c.files(network)
    kernels = sorted(set(DECLARATION.findall(files["nearwire.h"])))
    entries = ENTRY_POINTS if network.spiking is None else (*ENTRY_POINTS, *SPIKING_ENTRY_POINTS)
    entries = (*entries, "nearwire_quantise", "nearwire_raw") if network.front else entries
    symbols = {symbol: symbol.replace(PREFIX, values["library"], 1) for symbol in (*entries, *kernels)}
    renamed = templates.get_template("packages/shared/renamed.h.jinja")
    texts = {name: renamed.render(content=files[name]) if name.endswith(".h") else files[name] for name in (*CODE, front.NAME) if name in files}
    return {**texts, "names.h": templates.get_template("packages/shared/names.h.jinja").render({**values, "symbols": symbols})}
