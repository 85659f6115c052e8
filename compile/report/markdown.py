"""``report.md``: the report's tables in Markdown, for terminals and pull requests."""

from __future__ import annotations

from compile.report import view
from compile.report.facts import Facts
from devices.boards.board import Board
from runtime.builds.manifest import Manifest
from runtime.commands.spikes import LAYER_HEADER, layer_rows, metric_rows
from runtime.report.words import MISSING, markdown_table, markdown_text, number, plural, points

WORST_PAIRS = 10


def text(manifest: Manifest, board: Board, facts: Facts, command: str) -> str:
    """The whole file."""
    parts = [
        f"# {markdown_text(manifest.source)}",
        f"{view.headline(manifest)}, for {markdown_text(manifest.board)}, tested on {markdown_text(manifest.accuracy.data)}. "
        "The page report.html beside this file has the same figures, the map and samples.",
        markdown_table(["what", "figure", "in proportion"], [(t.name, t.figure, t.note) for t in view.tiles(manifest, board)]),
        "## Accuracy through the steps",
        _steps(manifest),
        "## Against the board and the budgets",
        _limits(manifest, board),
        "## Proofs",
        _parity(manifest),
        "## Layers",
        _layers(manifest),
        "## What each format would have cost",
        _ledger(manifest),
        "## Predicted against measured instructions",
        markdown_table(["layer", "predicted", "measured", "error"], view.predictions(manifest)),
        *_spikes(manifest),
        "## Calibration ranges",
        _ranges(facts),
        "## Mistakes",
        _mistakes(manifest, facts),
        "## Provenance",
        _provenance(manifest, command),
    ]
    return "\n\n".join(parts) + "\n"


def _steps(manifest: Manifest) -> str:
    a = manifest.accuracy
    steps = a.steps()
    rows = [(name, f"{value:.4f}", points(a.float_, value)) for name, value in steps]
    return f"{plural(a.samples, 'test sample')}.\n\n" + markdown_table(["step", "accuracy", "lost, points"], rows)


def _limits(manifest: Manifest, board: Board) -> str:
    rows = [(row.name, row.found, row.limit, row.used) for row in view.limits(manifest, board)]
    if not rows:
        return f"{markdown_text(manifest.board)} has no memory limits of its own, and no budget was asked for."
    return markdown_table(["what", "found", "limit", "used"], rows)


def _parity(manifest: Manifest) -> str:
    rows = [
        (name, f"{r.samples:,}", r.label_mismatches, r.max_abs_difference, r.detail)
        if r
        else (name, "not run", "-", "-", "missing where this was built")
        for name, r in sorted(manifest.parity.items())
    ]
    table = markdown_table(["backend", "samples", "labels that differ", "largest difference", "executed by"], rows)
    proof = view.spike_proof(manifest)
    return f"{table}\n\n{proof}" if proof else table


def _layers(manifest: Manifest) -> str:
    rows = [
        (
            layer.name,
            layer.kind,
            f"{layer.shape[0]} x {layer.shape[1]}",
            f"{layer.parameters:,}",
            f"{layer.nonzeros:,}",
            layer.store,
            f"{layer.bytes:,}",
            number(layer.instructions) if manifest.cost else MISSING,
        )
        for layer in manifest.layers
    ]
    return markdown_table(["layer", "kind", "outputs x inputs", "parameters", "weights not zero", "format", "bytes", "instructions"], rows)


def _ledger(manifest: Manifest) -> str:
    rows = [
        (
            layer.name,
            f"{option.name} (taken)" if option.chosen else option.name,
            f"{option.bytes:,}",
            f"{option.ram_bytes:,}",
            f"{option.instructions:,} ± {option.error_percent:g} %",
        )
        for layer in manifest.layers
        for option in view.options(layer)
    ]
    return markdown_table(["layer", "format", "bytes", "scratch RAM, bytes", "instructions, predicted"], rows)


def _spikes(manifest: Manifest) -> list[str]:
    if manifest.neurobench is None:
        return []
    spikes, bench = view.spikes(manifest), manifest.neurobench
    argument = [f"How the worst case is known: {spikes['argument']}."] if spikes["argument"] else []
    metrics = markdown_table(["metric", "figure", "what it means"], metric_rows(bench, manifest.cost))
    return ["## Spikes", str(spikes["text"]), metrics, *argument, markdown_table(LAYER_HEADER, layer_rows(bench))]


def _ranges(facts: Facts) -> str:
    if facts.neurons:
        note = "A spiking neuron's output is a spike; its state is a membrane of 16 bits"
        return f"{note}. {plural(facts.range_samples, 'training sample')}.\n\n" + markdown_table(view.NEURON_HEADER, view.neurons(facts.neurons))
    rows = [
        (row["layer"], row["step"], row["high"], row["largest"], row["saturated"], row["zero"], row["headroom"]) for row in view.ranges(facts.ranges)
    ]
    if not rows:
        return "There is no hidden layer, so nothing was calibrated."
    header = ["layer", "one step", "byte 255 is", "largest float", "at 255", "at 0", "largest sum, of int32"]
    return f"{plural(facts.range_samples, 'training sample')}.\n\n" + markdown_table(header, rows)


def _mistakes(manifest: Manifest, facts: Facts) -> str:
    rows = view.worst_pairs(facts, manifest.output.classes, WORST_PAIRS)
    return markdown_table(["true class", "taken for", "samples", "of the class"], rows) if rows else "No test sample is wrong."


def _provenance(manifest: Manifest, command: str) -> str:
    rows = [
        ("command", command),
        ("nearwire", manifest.tool_version),
        ("source network, sha256", manifest.network_sha256),
        ("compiler", manifest.cost.compiler if manifest.cost else MISSING),
    ]
    return markdown_table(["what", "value"], rows)
