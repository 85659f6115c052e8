"""``manifest.json``: what a build is, what it costs and what was proven about it. Units are in the names."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.common.documents import JSON_MAX, parse_json, read_json
from devices.common.guard import plain, read_regular, shown
from devices.errors import InputError
from runtime.builds.digest import ZEROS, digest_of, recorded, sealed

SCHEMA = 1
MANIFEST = "manifest.json"
OUTPUTS = "c/out/"  # what the Makefile of the build makes; no part of it


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Accuracy(_Record):
    """Share of right labels after each step, on the same ``samples`` test samples of ``data``."""

    data: str
    samples: int
    float_: float = Field(alias="float")
    frozen: float
    pruned: float
    quantised: float  # of the integer network that is in the build
    all_steps: float | None = None  # of the same without its early exit; None where it has none

    def steps(self) -> list[tuple[str, float]]:
        """Name and accuracy after each lossy step, in order."""
        steps = [("float", self.float_), ("frozen", self.frozen), ("pruned", self.pruned)]
        if self.all_steps is None:
            return [*steps, ("quantised", self.quantised)]
        return [*steps, ("quantised", self.all_steps), ("early exit", self.quantised)]


class ParityRecord(_Record):
    """A backend against the integer reference: scores of ``samples`` test samples; of a spiking network also every spike of ``spike_samples`` of them."""

    samples: int
    label_mismatches: int
    max_abs_difference: int
    detail: str
    spike_samples: int = 0
    spike_mismatches: int = 0


class Size(_Record):
    """Of the linked firmware for the board's core: without startup code and vector table."""

    constants_bytes: int  # weights, biases, shifts
    code_bytes: int  # kernels and model glue
    flash_bytes: int  # constants + code + initial values of data
    ram_bytes: int  # static buffers + stack high-water mark; the caller's input and scores are not included
    stack_bytes: int


class Cost(_Record):
    """Exact executed instructions of one inference on the emulated core, over ``samples`` test samples."""

    core: str
    instructions: int  # mean
    instructions_min: int
    instructions_max: int
    instructions_first: int  # of the first inference after a start, which computes what formats keep in RAM
    cycles: int | None  # estimated, mean, for memory that never waits; None for a core whose timings are not known
    latency_us: float | None  # estimated: cycles at the board's clock; None without either
    samples: int
    compiler: str


class LedgerEntry(_Record):
    """What one storage format would cost this layer."""

    bytes: int
    ram_bytes: int  # of scratch memory
    instructions: int  # predicted on the board's core
    error_percent: float  # largest error of such predictions when they were fitted


class LayerRecord(_Record):
    name: str
    kind: str
    shape: tuple[int, int]  # outputs, inputs
    parameters: int  # learned, of the float network
    nonzeros: int
    store: str
    bytes: int
    instructions: int  # measured, mean; predicted where nothing was measured
    predicted_instructions: int
    ledger: dict[str, LedgerEntry]
    reason: str


class InputRecord(_Record):
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class FrontRecord(_Record):
    """What makes bytes of raw values (front.c), and over how many raw test samples its C was compared with the law."""

    dtype: str  # of raw values
    maps: int
    constants_bytes: int  # flash of the maps, which Size does not count
    samples: int  # 0: no compiler where the build was made
    detail: str


class OutputRecord(_Record):
    classes: tuple[str, ...]
    dtype: str
    scale: float


class SpikingRecord(_Record):
    """The neurons and the time of a spiking network, as its integers are run. Times are counted in steps: a decay is one a step."""

    steps: int
    dt: str
    decay: tuple[int, ...]  # one a layer: beta * 2**15
    beta: tuple[float, ...]  # decay / 2**15
    threshold: tuple[int, ...]  # one a layer, in steps of its membranes
    reset: str
    coding: str
    readout: str
    exit_lead: int | None


class SynapticOperations(_Record):
    """Of one inference, mean: all, and those whose weight and input both differ from 0. MACs: inputs are values; ACs: inputs are spikes."""

    dense: float = Field(alias="Dense")
    effective_macs: float = Field(alias="Effective_MACs")
    effective_acs: float = Field(alias="Effective_ACs")


class LayerActivityRecord(_Record):
    """A spiking layer over the test set, means of one inference."""

    name: str
    neurons: int
    silent: int  # neurons that spiked for no sample
    spikes: float
    firing: float  # spikes a neuron and executed step
    dense: float  # synaptic operations
    effective: float
    operation: str  # MAC or AC


class WorstCase(_Record):
    """Instructions that no input can exceed, and how that is known (compile/proof/worst_case.py)."""

    instructions: int
    argument: str


class EnergyRecord(_Record):
    """Estimates of one inference; the assumptions and where they are from."""

    estimate: bool = True
    operations_nj: float
    pj_per_mac: float
    pj_per_ac: float
    operations_source: str
    core_nj: float | None  # None: cycles of the core are not known
    pj_per_cycle: float
    core_source: str


class NeuroBench(_Record):
    """A spiking network over ``samples`` test samples, from the integer trace, under NeuroBench's names; then what it costs."""

    samples: int
    footprint_bytes: int = Field(alias="Footprint")  # constants and static RAM
    connection_sparsity: float = Field(alias="ConnectionSparsity")
    activation_sparsity: float = Field(alias="ActivationSparsity")
    synaptic_operations: SynapticOperations = Field(alias="SynapticOperations")
    spikes: float  # of an inference, mean
    spikes_max: int
    executed_steps: float  # mean
    layers: tuple[LayerActivityRecord, ...]
    worst_case: WorstCase | None  # None: not proven for this board
    energy: EnergyRecord


class DataRecord(_Record):
    """The test data that accuracy and parity were measured on (runtime/data/fingerprint.py)."""

    samples: int
    shape: tuple[int, ...]  # of one sample
    sha256: str


class FileRecord(_Record):
    sha256: str
    bytes: int


class Manifest(_Record):
    schema_: int = Field(alias="schema")
    digest: str | None = None  # of the manifest itself (digest.py); after reading always there
    tool_version: str
    network_sha256: str  # of the source network's file
    source: str
    board: str
    options: dict[str, Any]
    data: DataRecord | None = None  # None: of a version that did not tell
    accuracy: Accuracy
    parity: dict[str, ParityRecord | None]  # None: the backend was missing where the build was made
    size: Size | None  # None: no compiler for the core where the build was made
    cost: Cost | None
    budgets: dict[str, dict[str, float | bool]]  # name: {limit, found, met}
    spiking: SpikingRecord | None = None
    neurobench: NeuroBench | None = None  # of a spiking network
    layers: tuple[LayerRecord, ...]
    input: InputRecord
    output: OutputRecord
    front: FrontRecord | None = None
    packages: dict[str, str] = Field(default_factory=dict)  # ecosystem: folder of the library, relative to the build
    files: dict[str, FileRecord]

    def to_json(self) -> str:
        """The file's text, its digest computed."""
        content = self.model_dump(by_alias=True, mode="json") | {"digest": ZEROS}
        return sealed(json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def file_records(folder: Path) -> dict[str, FileRecord]:
    """Every file of a build but its manifest and what its Makefile made, by path relative to the folder."""
    records = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and not name.startswith(OUTPUTS):
            content = path.read_bytes()
            records[name] = FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    return records


def files_of_build(folder: Path) -> set[str] | None:
    """What the manifest in a folder lists, though the files may be damaged; None for a folder that is no build of ours."""
    path = folder / MANIFEST
    try:
        raw = None if path.is_symlink() else read_json(path, f"'{path}'")
    except InputError:
        return None
    if not isinstance(raw, dict) or not {"network_sha256", "tool_version"} <= set(raw) or not isinstance(raw.get("files"), dict):
        return None
    return set(raw["files"])


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a build; InputError if it is absent, unreadable, changed or of another schema."""
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"'{folder}' is not a build: it has no manifest.json. Make one with 'nearwire compile NETWORK --out {folder}'.")
    content = read_regular(path, f"'{path}'", JSON_MAX)
    digest, kept = digest_of(content), recorded(content)
    again = "It was changed or damaged; compile the network again."
    if kept is not None and kept != digest:
        raise InputError(
            f"'{path}' was changed after the build was made: its digest is {digest[:12]}..., it says {kept[:12]}.... Compile the network again."
        )
    raw = parse_json(content, f"'{path}'", again, "is not a valid manifest")
    if isinstance(raw, dict) and raw.get("schema") != SCHEMA:
        raise InputError(f"'{path}' has schema {shown(raw.get('schema'))}; this version reads schema {SCHEMA}. Compile the network again.")
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        what = plain(f"field {'.'.join(map(str, first['loc']))}: {first['msg']}", 300)
        raise InputError(f"'{path}' is not a valid manifest ({what}). {again}") from error
    if manifest.digest != kept:
        raise InputError(f"'{path}' was changed after the build was made: its digest is not where it was written. Compile the network again.")
    return manifest.model_copy(update={"digest": digest})


def check_files(folder: Path, manifest: Manifest) -> None:
    """InputError naming the first file of the build that is missing, foreign or not the one that was written."""
    records = file_records(folder)
    for name, record in manifest.files.items():
        if name not in records:
            raise InputError(f"'{folder / name}' is missing from the build. Compile the network again.")
        if records[name] != record:
            raise InputError(
                f"'{folder / name}' was changed after the build was made: sha256 {records[name].sha256[:12]}..., "
                f"the manifest says {record.sha256[:12]}.... Compile the network again."
            )
    extra = sorted(set(records) - set(manifest.files))
    if extra:
        raise InputError(f"'{folder / extra[0]}' does not belong to the build. Remove it or compile the network again.")
