"""The whole compile: a trained network in, a verified build folder out.

freeze -> prune -> quantise -> store -> emit (ONNX, TFLite, C) -> verify -> measure -> manifest. Accuracy is measured on the same test
samples before and after every lossy step; every backend's scores are compared with the integer reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from compile.emit import nir, packages
from compile.emit.c import steady as c
from compile.emit.c.front import constants_bytes as front_bytes
from compile.emit.common.numbers import spiking_record
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from compile.passes.spiking import with_early_exit
from compile.passes.store import FormatCost, LayerLedger, store
from compile.pipeline.artifact import replacing
from compile.pipeline.budget import check_before, check_budgets, explained, latency_us
from compile.pipeline.early import check_early
from compile.pipeline.neurobench import observed_samples
from compile.pipeline.neurobench import record as neurobench_record
from compile.pipeline.options import CompileOptions
from compile.proof.front import prove_front
from compile.proof.verify import Known, Parity, require, verify
from compile.report import Report, facts
from compile.report import write as write_report
from compile.report.command import command_line
from devices.boards.board import Board, load_board
from devices.common.text import warn
from devices.errors import InputError
from devices.version import VERSION
from runtime.backends import BACKENDS
from runtime.backends.firmware.backend import countable, measure, session_on
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.backends.registry import verified
from runtime.builds.digest import digest_of
from runtime.builds.manifest import (
    MANIFEST,
    Accuracy,
    Cost,
    DataRecord,
    FrontRecord,
    InputRecord,
    LayerRecord,
    LedgerEntry,
    Manifest,
    OutputRecord,
    ParityRecord,
    Size,
    file_records,
)
from runtime.builds.manifest import SCHEMA as MANIFEST_SCHEMA
from runtime.builds.trust import remember
from runtime.data.dataset import Dataset, Split, load_dataset
from runtime.data.fingerprint import fingerprint
from runtime.network.file import from_bytes, read, save
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Network
from runtime.network.reference import accuracy as measure_accuracy
from runtime.network.reference import scores as reference_scores
from runtime.network.spiking.energy import Energy

CALIBRATION_SAMPLES = 5000  # of the training data
COST_SAMPLES = 10  # test samples whose instructions are counted, at least


def compile_network(source: Path, out: Path, options: CompileOptions, progress: Callable[[str], None] = lambda _: None) -> Manifest:
    """Make the build of the network file ``source`` in the folder ``out``; returns its manifest.

    InputError for unusable input, CheckError for a budget or a proof that is not met; in both cases ``out`` is as it was.
    """
    board = load_board(options.board)
    check_early(options, board, out)
    energy = Energy(options.pj_per_mac, options.pj_per_ac, options.pj_per_cycle)
    energy.check()
    options = replace(options, packages=packages.chosen(options.packages))
    library = packages.library_name(options.package_name or packages.name_of(source)) if options.packages else ""
    content, trained = _read(source)
    if trained.is_integer:
        raise InputError(f"'{source}' is quantised already (stage '{trained.stage}'). Compile the network that 'nearwire train fit' wrote.")
    if options.early_exit is not None and trained.spiking is None:
        raise InputError(f"'{source}' does not spike, so it has no time steps to leave out. Leave --early-exit out.")
    if options.nir and trained.spiking is None:
        raise InputError(f"'{source}' does not spike; NIR describes spiking networks. Leave --nir out.")
    progress("data")
    data = load_dataset(options.data or str(trained.provenance.get("data", "")), trained)
    _check_data(trained, data)

    progress("freeze, prune, quantise")
    frozen = freeze(trained)
    pruned = prune(frozen, options.prune, options.prune_scope, options.prune_structure)
    quantised = quantise(pruned, data.train.x[:CALIBRATION_SAMPLES], options.bits)
    floats = _float_accuracies((trained, frozen, pruned), data.test)
    scores = reference_scores(quantised, data.test.x)
    quantised_accuracy, all_steps = _accuracy(scores, data.test), None
    if options.early_exit is not None:
        quantised, all_steps = with_early_exit(quantised, options.early_exit), quantised_accuracy
        scores = reference_scores(quantised, data.test.x)
        quantised_accuracy = _accuracy(scores, data.test)
    accuracy = Accuracy(
        data=data.name,
        samples=len(data.test.y),
        float=floats[0],
        frozen=floats[1],
        pruned=floats[2],
        quantised=quantised_accuracy,
        all_steps=all_steps,
    )
    stored, ledger = store(quantised, board, options.optimise, options.store)
    check_before(options.budgets, board, accuracy, stored, ledger)

    with replacing(out) as folder, explained(stored, ledger), ExitStack() as sessions:
        progress("write ONNX, TFLite and C")
        save(stored, folder / "network.safetensors")
        onnx.emit(stored, folder)
        onnx.emit_test_data(stored, folder, data.test.x[:1])
        tflite.emit(stored, folder)
        if options.nir:
            nir.emit(stored, folder)
        c.emit(stored, folder, data.test.x[:4])
        if program := session_on(board, folder, stored):
            sessions.enter_context(program)
        limits = {name: options.firmware_samples for name in verified() if BACKENDS[name].slow}
        known = Known(scores, {"firmware": program} if program and board.link != "qemu" else {})  # what QEMU emulates is proven there
        parities = verify(folder, stored, data.test.x, verified(), limits, progress, board.name if countable(board) else None, known)
        require(parities)
        front = _front(folder, stored, data, progress)
        progress(f"measure on {board.name}")
        counted = min(observed_samples(stored, ledger, COST_SAMPLES), len(data.test.x))
        figures = measure(folder, stored, board, data.test.x[:counted], program)
        budgets = check_budgets(options.budgets, board, accuracy, figures, stored, ledger)
        sha256, size, cost = hashlib.sha256(content).hexdigest(), _size(figures), _cost(figures, board, counted)
        libraries = packages.emit(stored, folder, options.packages, library, data.test.x[0], packages.Facts(accuracy, sha256, size, cost))
        manifest = Manifest(
            schema=MANIFEST_SCHEMA,
            tool_version=VERSION,
            network_sha256=sha256,
            source=str(trained.provenance.get("recipe") or source.name),
            board=board.name,
            options={key: value for key, value in asdict(options).items() if key not in ("board", "budgets")},
            data=DataRecord(**asdict(fingerprint(data))),
            accuracy=accuracy,
            parity={name: _parity(parity) for name, parity in parities.items()},
            size=size,
            cost=cost,
            budgets=budgets,
            spiking=spiking_record(stored),
            neurobench=neurobench_record(stored, data.test.x, ledger, program, figures, energy),
            layers=_layers(trained, stored, ledger, figures),
            input=InputRecord(shape=stored.input.shape, dtype="uint8", scale=stored.input.scale, zero_point=stored.input.zero_point),
            output=OutputRecord(classes=stored.classes, dtype="int32", scale=float(stored.layers[-1].options["output_scale"])),
            front=front,
            packages=libraries,
            files=file_records(folder),
        )
        progress("report")
        seen = facts.gather(trained, stored, data, scores, options.report_samples)
        write_report(Report(manifest, stored, board, seen, command_line(source, asdict(options), asdict(CompileOptions()))), folder)
        manifest = manifest.model_copy(update={"files": file_records(folder)})
        text = manifest.to_json()
        (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
        if note := remember(digest_of(text.encode()), out):
            warn(f"note: {note}")
    return manifest


def _read(source: Path) -> tuple[bytes, Network]:
    path = source / "network.safetensors" if source.is_dir() else source
    content = read(path)
    return content, from_bytes(content, f"'{path}'")


def _float_accuracies(networks: Sequence[Network], test: Split) -> list[float]:
    """Of each network on the test samples; one whose layers are those of the network before is not run again."""
    accuracies: list[float] = []
    for k, network in enumerate(networks):
        same = k > 0 and all(a is b for a, b in zip(network.layers, networks[k - 1].layers, strict=True))
        accuracies.append(accuracies[-1] if same else measure_accuracy(network, test.x, test.y))
    return accuracies


def _accuracy(scores: Array, test: Split) -> float:
    """Share of the samples whose label, the first largest score, is the true one."""
    return float((scores.argmax(axis=1) == test.y).mean())


def _check_data(network: Network, data: Dataset) -> None:
    if data.spec.size != network.input.size:
        raise InputError(
            f"data set '{data.name}' has samples of {data.shape}; the network reads {network.input.shape}. Give the one it was trained on."
        )
    if len(data.classes) != len(network.classes):
        raise InputError(f"data set '{data.name}' has {len(data.classes)} classes; the network tells {len(network.classes)} apart.")
    if data.spec != replace(network.input, cut=0):
        raise InputError(
            f"data set '{data.name}' turns values into bytes by scale {data.spec.scale}, zero point {data.spec.zero_point}; the network was trained "
            f"with scale {network.input.scale}, zero point {network.input.zero_point}. Give the data it was trained on."
        )


def _front(folder: Path, network: Network, data: Dataset, progress: Callable[[str], None]) -> FrontRecord | None:
    """The proof of the front end's C; None where the network is given bytes."""
    if not network.front or data.raw_test is None:
        return None
    progress(f"front end: {len(data.raw_test)} samples")
    proof = prove_front(folder, network, data.raw_test)
    stage = network.front[0]
    return FrontRecord(
        dtype=str(stage.options["dtype"]),
        maps=len(stage.arrays["multiplier"]),
        constants_bytes=front_bytes(network),
        samples=proof.samples,
        detail=proof.detail,
    )


def _parity(parity: Parity) -> ParityRecord | None:
    if parity.missing is not None:
        return None
    return ParityRecord(
        samples=parity.samples,
        label_mismatches=parity.label_mismatches,
        max_abs_difference=parity.max_abs_difference,
        detail=parity.detail,
        spike_samples=parity.spike_samples,
        spike_mismatches=parity.spike_mismatches,
    )


def _size(figures: FirmwareFigures | None) -> Size | None:
    if figures is None:
        return None
    return Size(
        constants_bytes=figures.constants_bytes,
        code_bytes=figures.code_bytes,
        flash_bytes=figures.flash_bytes,
        ram_bytes=figures.ram_bytes,
        stack_bytes=figures.stack_bytes,
    )


def _cost(figures: FirmwareFigures | None, board: Board, samples: int) -> Cost | None:
    if figures is None:
        return None
    return Cost(
        core=board.core,
        instructions=round(figures.instructions_mean),
        instructions_min=figures.instructions_min,
        instructions_max=figures.instructions_max,
        instructions_first=figures.instructions_first,
        cycles=None if figures.cycles_mean is None else round(figures.cycles_mean),
        latency_us=None if (latency := latency_us(figures, board)) is None else round(latency, 2),
        samples=samples,
        compiler=figures.compiler,
    )


def _layers(trained: Network, stored: Network, ledger: Sequence[LayerLedger], figures: FirmwareFigures | None) -> tuple[LayerRecord, ...]:
    records = []
    for source, layer, entry in zip(trained.layers, stored.layers, ledger, strict=True):
        chosen = entry.formats[entry.chosen]
        measured = figures.layer_instructions[layer.name] if figures else chosen.instructions
        weights: Array = kind_of(layer).integer_weights(layer)
        records.append(
            LayerRecord(
                name=layer.name,
                kind=layer.kind,
                shape=(layer.outputs, layer.inputs),
                parameters=kind_of(source).parameters(source),
                nonzeros=int(np.count_nonzero(weights)),
                store=entry.chosen,
                bytes=chosen.bytes,
                instructions=round(measured),
                predicted_instructions=round(chosen.instructions),
                ledger={name: _entry(cost) for name, cost in entry.formats.items()},
                reason=entry.reason,
            )
        )
    return tuple(records)


def _entry(cost: FormatCost) -> LedgerEntry:
    return LedgerEntry(bytes=cost.bytes, ram_bytes=cost.ram, instructions=cost.instructions, error_percent=cost.error_percent)
