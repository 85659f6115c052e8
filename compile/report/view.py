"""The manifest and the facts as the report shows them: rows of text and lengths of bars, the same for HTML and Markdown.

What was not measured is said to be missing; it is never an empty cell or a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compile.kinds import lowering_of
from compile.kinds.drawing import WEIGHTS_CAPTION
from compile.report.facts import Facts, LayerRange
from compile.report.prune_curve import PruneCurve
from compile.report.shapes import in_space
from compile.report.spikes import NeuronRange
from devices.boards.board import Board
from runtime.builds.manifest import LayerRecord, Manifest
from runtime.commands.spikes import LAYER_HEADER, layer_rows, metric_rows
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.report.charts import Axis, Chart, Point, Series, chart
from runtime.report.words import MISSING, number, plural, points, share

INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Tile:
    """A figure of the summary: its name, the figure, and what puts it in proportion."""

    name: str
    figure: str
    note: str


@dataclass(frozen=True)
class Limit:
    """A cost against what it may be. ``fill``: share of the limit, 0..1, None without a limit."""

    name: str
    found: str
    limit: str
    used: str
    fill: float | None


@dataclass(frozen=True)
class Option:
    """A storage format of a layer. ``bytes_fill``: share of the layer's dearest format; so ``instructions_fill``."""

    name: str
    bytes: int
    ram_bytes: int  # of scratch memory
    instructions: int
    error_percent: float  # largest seen of such predictions
    bytes_fill: float
    instructions_fill: float
    chosen: bool


def headline(manifest: Manifest) -> str:
    """The network in one line: 784 - 84 field - 10 dense."""
    return " - ".join([f"{manifest.layers[0].shape[1]}", *(f"{layer.shape[0]} {layer.kind}" for layer in manifest.layers)])


def tiles(manifest: Manifest, board: Board) -> list[Tile]:
    """The summary."""
    a, size, cost = manifest.accuracy, manifest.size, manifest.cost
    summary = [Tile("accuracy, int8", f"{a.quantised * 100:.2f} %", f"{_against_float(manifest)}, {a.samples:,} test samples")]
    memory = board.memory
    if size is not None:
        flash = f"{share(size.flash_bytes / memory.flash_bytes)} of the board" if memory else "constants and code"
        ram = f"{share(size.ram_bytes / memory.ram_bytes)} of the board" if memory else "buffers and stack"
        summary += [Tile("flash", f"{size.flash_bytes:,} B", flash), Tile("RAM", f"{size.ram_bytes:,} B", ram)]
    else:
        summary += [Tile(name, MISSING, "the section below says why") for name in ("flash", "RAM")]
    if cost is not None:
        summary.append(Tile("instructions", number(cost.instructions), f"one inference on a {cost.core}, counted"))
    else:
        predicted = sum(layer.predicted_instructions for layer in manifest.layers)
        summary.append(Tile("instructions", MISSING, f"predicted: {number(predicted)}"))
    if manifest.neurobench is not None:
        bench = manifest.neurobench
        if bench.worst_case is not None and cost is not None:
            note = f"proven for every input; {bench.worst_case.instructions / cost.instructions_max:.2f} of the most seen"
            summary.append(Tile("instructions at most", number(bench.worst_case.instructions), note))
        silent = f"{share(bench.activation_sparsity)} of neurons and steps are silent"
        summary.append(Tile("spikes an inference", f"{bench.spikes:,.1f}", silent))
    compared = [record for record in manifest.parity.values() if record]
    equal = sum(record.max_abs_difference == 0 for record in compared)
    missing = len(manifest.parity) - len(compared)
    note = "every score equal to the reference" if equal == len(compared) and compared else "scores differ from the reference"
    summary.append(Tile("proofs", f"{equal} of {len(manifest.parity)}" if compared else MISSING, f"{missing} not run here" if missing else note))
    return summary


def limits(manifest: Manifest, board: Board) -> list[Limit]:
    """Costs against the board's memory and against the budgets that were asked for."""
    size, cost, memory = manifest.size, manifest.cost, board.memory
    figures = {
        "flash_bytes": size.flash_bytes if size else None,
        "ram_bytes": size.ram_bytes if size else None,
        "instructions": cost.instructions if cost else None,
        "latency_us": cost.latency_us if cost else None,
        "accuracy": manifest.accuracy.quantised,
    }
    of_board = {"flash_bytes": memory.flash_bytes, "ram_bytes": memory.ram_bytes} if memory else {}
    rows = [_limit(f"{_name(key)}, board", figures[key], of_board[key], key) for key in of_board]
    for key, entry in sorted(manifest.budgets.items()):
        rows.append(_limit(f"{_name(key)}, budget", figures.get(key), float(entry["limit"]), key))
    return rows


def options(layer: LayerRecord) -> list[Option]:
    """The ledger of a layer, fewest bytes first."""
    most_bytes = max((entry.bytes for entry in layer.ledger.values()), default=1) or 1
    most = max((entry.instructions for entry in layer.ledger.values()), default=1) or 1
    return [
        Option(
            name=name,
            bytes=entry.bytes,
            ram_bytes=entry.ram_bytes,
            instructions=entry.instructions,
            error_percent=entry.error_percent,
            bytes_fill=entry.bytes / most_bytes,
            instructions_fill=entry.instructions / most,
            chosen=name == layer.store,
        )
        for name, entry in sorted(layer.ledger.items(), key=lambda item: (item[1].bytes, item[0]))
    ]


def predictions(manifest: Manifest) -> list[tuple[str, str, str, str]]:
    """(layer, predicted, measured, error) of the instructions; the sum last."""
    rows = [_prediction(layer.name, layer.predicted_instructions, layer.instructions if manifest.cost else None) for layer in manifest.layers]
    predicted = sum(layer.predicted_instructions for layer in manifest.layers)
    measured = sum(layer.instructions for layer in manifest.layers)
    return [*rows, _prediction("all layers", predicted, measured if manifest.cost else None)]


def ranges(layers: Sequence[LayerRange]) -> list[dict[str, object]]:
    """A row a hidden layer; the histogram as bar heights 0..1."""
    rows: list[dict[str, object]] = []
    for entry in layers:
        most = max(entry.histogram) or 1
        rows.append(
            {
                "layer": entry.layer,
                "step": f"{entry.step:.4g}",
                "high": f"{entry.high:.4g}",
                "largest": f"{entry.largest_float:.4g}",
                "saturated": share(entry.saturated, 3),
                "zero": share(entry.zero),
                "bars": [round(n / most, 4) for n in entry.histogram],
                "headroom": share(entry.sum_bound / INT32_MAX),
                "bound": f"{entry.sum_bound:,}",
            }
        )
    return rows


def neurons(layers: Sequence[NeuronRange]) -> list[tuple[str, ...]]:
    """A row a spiking layer: threshold, step, decay, scale of sums, spikes, silent, saturated, bound, its share of int32."""
    return [
        (
            entry.layer,
            f"{entry.threshold:,}",
            f"{entry.step:.4g}",
            f"{entry.decay / 2**15:.4f}",
            entry.scaled,
            f"{entry.firing:.4f}",
            f"{entry.silent:,} of {entry.neurons:,}",
            share(entry.saturated, 3),
            f"{entry.sum_bound:,}",
            share(entry.sum_bound / INT32_MAX),
        )
        for entry in layers
    ]


NEURON_HEADER = (
    "layer",
    "threshold, steps",
    "one step",
    "kept a time step",
    "sums to steps",
    "spikes a neuron and step",
    "never spike",
    "saturated",
    "largest possible sum",
    "of int32",
)


def spikes(manifest: Manifest) -> dict[str, object]:
    """What the section of spikes shows beside its pictures."""
    bench, record = manifest.neurobench, manifest.spiking
    if bench is None or record is None:
        raise ValueError("the build does not spike")
    codings = {
        "direct": "its input is a constant current",
        "rate": "a larger input spikes more often",
        "latency": "a larger input spikes earlier, once",
    }
    readouts = {"count": "the most spikes win", "membrane": "the largest sum of membranes wins", "first": "the first to spike wins"}
    resets = {"subtract": "loses a threshold", "zero": "starts from 0"}
    early = "" if record.exit_lead is None else f" It stops as soon as the lead is more than {record.exit_lead} for every step that is left."
    if record.exit_lead is not None and record.readout == "first":
        early = " It stops at the first spike of the last layer."
    text = (
        f"The network takes {plural(record.steps, 'time step')}; {codings[record.coding]}. A neuron whose membrane is above its threshold spikes and "
        f"{resets[record.reset]} a step later; of the last layer {readouts[record.readout]}.{early}"
    )
    return {
        "text": text,
        "metrics": metric_rows(bench, manifest.cost),
        "argument": bench.worst_case.argument if bench.worst_case else None,
        "header": LAYER_HEADER,
        "layers": layer_rows(bench),
    }


def map_text(network: Network) -> str:
    """What is drawn, in words."""
    if network.spiking is not None:
        return f"{_map_text(network)} How strongly a neuron is coloured says how often it spikes for the sample that is chosen."
    return _map_text(network)


def _map_text(network: Network) -> str:
    if in_space(network, 0):
        return lowering_of(network.layers[0]).caption
    captions = [lowering_of(layer).caption for layer in network.layers if not kind_of(layer).positioned]
    return next((caption for caption in captions if caption != WEIGHTS_CAPTION), WEIGHTS_CAPTION)


def prune_chart(curve: PruneCurve | None) -> Chart | None:
    """Accuracy against the share of synapses that is left out."""
    if curve is None:
        return None
    marks = tuple(Point(x, y, f"{x:.0%} left out: accuracy {y:.3f}") for x, y in curve.points)
    text = f"Accuracy on {plural(curve.samples, 'validation sample')} when each layer loses its weakest synapses; nothing is trained again."
    axes = Axis("share of synapses left out", "%", low=0, high=1), Axis("accuracy", "%", low=0, high=1)
    return chart("What each share of synapses is worth", text, [Series("accuracy", marks)], *axes)


def worst_pairs(facts: Facts, classes: Sequence[str], count: int) -> list[tuple[str, str, int, str]]:
    """(true, taken for, samples, share of the true class) of the most frequent mistakes."""
    totals: dict[int, int] = {}
    for true, _, n in facts.confusion:
        totals[true] = totals.get(true, 0) + n
    wrong = sorted((entry for entry in facts.confusion if entry[0] != entry[1]), key=lambda entry: (-entry[2], entry[0], entry[1]))
    return [(classes[a], classes[b], n, share(n / totals[a])) for a, b, n in wrong[:count]]


def _against_float(manifest: Manifest) -> str:
    lost = float(points(manifest.accuracy.float_, manifest.accuracy.quantised))
    return f"{abs(lost):.2f} points {'below' if lost > 0 else 'above'} float" if lost else "as accurate as float"


def _prediction(name: str, predicted: int, measured: int | None) -> tuple[str, str, str, str]:
    if not measured:
        return name, number(predicted), number(measured), MISSING
    percent = round((predicted / measured - 1) * 100, 1)
    return name, number(predicted), number(measured), f"{percent:+.1f} %" if percent else "0.0 %"


def _limit(name: str, figure: float | None, limit: float, key: str) -> Limit:
    if key == "accuracy":
        shown = MISSING if figure is None else f"{figure:.4f}"
        return Limit(name, shown, f"at least {limit:.4f}", "kept", None)
    if figure is None:
        return Limit(name, MISSING, f"{limit:,.0f}", MISSING, None)
    return Limit(name, number(figure), f"{limit:,.0f}", share(figure / limit), min(figure / limit, 1.0))


def _name(key: str) -> str:
    return {"flash_bytes": "flash, bytes", "ram_bytes": "RAM, bytes", "latency_us": "latency, us, estimated"}.get(key, key)


def spike_proof(manifest: Manifest) -> str:
    """A sentence about the spikes that were compared; nothing for a network that does not spike."""
    samples = [f"{name} {record.spike_samples}" for name, record in sorted(manifest.parity.items()) if record and record.spike_samples]
    if not samples:
        return ""
    return f"So is every spike of every neuron at every time step, over samples: {', '.join(samples)}."
