"""The floors of the house: devices < runtime < compile < train, and above them bench and nearwire. Imports go one way, in circles nowhere.

An import inside a function is allowed only where what it loads needs a package that an installation may lack.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("devices", "runtime", "compile", "train", "bench", "nearwire")
OPTIONAL = {
    "torch", "torchvision", "lightning_fabric", "snntorch", "sklearn", "matplotlib", "mnist1d", "onnx", "onnxruntime", "ai_edge_litert", "tflite_runtime",
    "flatbuffers", "jinja2", "markupsafe", "unicorn", "elftools", "capstone", "serial", "fabric", "paramiko", "nir", "PIL", "pydantic", "rich",
}  # fmt: skip
DOORS = 12  # rooms that a room may import from within its floor


@dataclass(frozen=True)
class Import:
    """``module`` imports ``target``; ``deferred``: inside a function."""

    module: str
    target: str
    deferred: bool


def _modules() -> dict[str, Path]:
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in files.items()}


MODULES = _modules()


def _imports() -> tuple[set[Import], dict[str, set[str]]]:
    """Imports between our modules, and what else each module imports when it is loaded."""
    ours: set[Import] = set()
    others: dict[str, set[str]] = defaultdict(set)

    def known(name: str) -> str:
        while name not in MODULES:
            name = name.rpartition(".")[0]
        return name

    def read(module: str, node: ast.AST, deferred: bool) -> None:
        for child in ast.iter_child_nodes(node):
            names = [alias.name for alias in child.names] if isinstance(child, ast.Import) else []
            if isinstance(child, ast.ImportFrom) and child.module:
                names = [f"{child.module}.{alias.name}" for alias in child.names]
            for name in names:
                if name.partition(".")[0] in FLOORS:
                    ours.add(Import(module, known(name), deferred))
                elif not deferred:
                    others[module].add(name.partition(".")[0])
            read(module, child, deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    for module, path in MODULES.items():
        read(module, ast.parse(path.read_text("utf-8")), False)
    return ours, others


IMPORTS, OTHERS = _imports()


def _circle(edges: set[tuple[str, str]]) -> list[str]:
    """One circle among the edges; empty if there is none."""
    after: dict[str, set[str]] = defaultdict(set)
    for start, end in edges:
        if start != end:
            after[start].add(end)
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        for following in sorted(after[node]):
            if circle := walk(following, [*path, node]):
                return circle
        done.add(node)
        return []

    for node in sorted(after):
        if circle := walk(node, []):
            return circle
    return []


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _floor(module: str) -> int:
    """Entries of the pipeline's packages, nearwire train, are part of the door."""
    return FLOORS.index("nearwire") if module.endswith(".__main__") else FLOORS.index(module.partition(".")[0])


def test_imports_go_down_the_floors() -> None:
    assert not [entry for entry in IMPORTS if _floor(entry.module) < _floor(entry.target)]


def test_no_circle_of_modules() -> None:
    assert _circle({(entry.module, entry.target) for entry in IMPORTS}) == []


@pytest.mark.parametrize("floor", FLOORS)
def test_no_circle_of_rooms(floor: str) -> None:
    edges = {(_room(e.module), _room(e.target)) for e in IMPORTS if e.module.partition(".")[0] == floor == e.target.partition(".")[0]}
    assert _circle({(a, b) for a, b in edges if floor not in (a, b)}) == []


def test_a_room_has_few_doors() -> None:
    doors: dict[str, set[str]] = defaultdict(set)
    for entry in IMPORTS:
        if _room(entry.module) != _room(entry.target) and entry.module.partition(".")[0] == entry.target.partition(".")[0]:
            doors[_room(entry.module)].add(_room(entry.target))
    assert {room: len(others) for room, others in doors.items() if len(others) > DOORS} == {}


def test_deferred_imports_are_of_what_an_installation_may_lack() -> None:
    after: dict[str, set[str]] = defaultdict(set)
    for entry in IMPORTS:
        if not entry.deferred:
            after[entry.module].add(entry.target)

    def optional(module: str, seen: set[str]) -> bool:
        seen.add(module)
        return bool(OTHERS[module] & OPTIONAL) or any(optional(target, seen) for target in after[module] - seen)

    assert sorted(f"{e.module} -> {e.target}" for e in IMPORTS if e.deferred and not optional(e.target, set())) == []


@pytest.mark.parametrize("folder", ["tests", "bench"])
def test_nothing_is_imported_from_a_test(folder: str) -> None:
    """What tests share lies in tests/support, what benches share too in bench/support."""
    allowed = {"tests": "tests.support", "bench": "bench"}[folder]
    wrong = []
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            wrong += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.partition(".")[0] == "tests" and not name.startswith(allowed)]
    assert wrong == []
