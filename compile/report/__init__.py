"""The report of a build: ``report.html`` for people, ``report.md`` for terminals and pull requests. A finished build in, two files out.

``facts`` computes what the manifest does not hold, ``view`` and ``confusion`` turn both into rows, ``mapping`` into what the map draws.
Nothing here changes the build; the same build gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compile.report import confusion, markdown, view
from compile.report.facts import Facts
from compile.report.mapping import drawable, map_data
from compile.report.planes import turned
from compile.report.sample_data import sample_data
from devices.boards.board import Board
from runtime.backends.firmware.backend import unmeasured
from runtime.builds.manifest import Manifest
from runtime.network.network import Network
from runtime.report.page import render

HERE = Path(__file__).parent
HTML, MARKDOWN = "report.html", "report.md"
WORST_PAIRS = 10
STYLES = ("report.css", "map.css", "spikes.css")
SCRIPTS = (
    "samples.js",
    "roving.js",
    "pictures.js",
    "positions.js",
    "law.js",
    "lif.js",
    "state.js",
    "grid.js",
    "gallery.js",
    "space.js",
    "map.js",
    "draw.js",
    "mistakes.js",
    "spikes.js",
)
SECTIONS = (
    ("summary", "Summary"),
    ("map", "Map"),
    ("spikes", "Spikes"),
    ("layers", "Layers"),
    ("predicted", "Predictions"),
    ("ranges", "Ranges"),
    ("mistakes", "Mistakes"),
    ("provenance", "Provenance"),
)


@dataclass(frozen=True)
class Report:
    """What a report is made of. ``manifest``: of the build without its report; ``command``: what makes the build again."""

    manifest: Manifest
    network: Network
    board: Board
    facts: Facts
    command: str


def write(report: Report, folder: Path) -> None:
    """Write both files into a build's folder."""
    (folder / HTML).write_text(html(report), encoding="utf-8")
    (folder / MARKDOWN).write_text(markdown.text(report.manifest, report.board, report.facts, report.command), encoding="utf-8")


def html(report: Report) -> str:
    """The page."""
    manifest, facts, classes = report.manifest, report.facts, report.manifest.output.classes
    accuracy = manifest.accuracy
    pictures = bool(facts.samples)
    spiking = manifest.neurobench is not None
    context = {
        "title": f"{manifest.source}: nearwire report",
        "sections": [section for section in SECTIONS if section[0] != "spikes" or spiking],
        "m": manifest,
        "board": report.board,
        "shape": view.headline(manifest),
        "tiles": view.tiles(manifest, report.board),
        "steps": accuracy.steps(),
        "limits": view.limits(manifest, report.board),
        "spike_proof": view.spike_proof(manifest),
        "unmeasured": None if manifest.size else unmeasured(report.board),
        "ledger": [(layer, view.options(layer)) for layer in manifest.layers],
        "predictions": view.predictions(manifest),
        "ranges": view.ranges(facts.ranges),
        "neurons": view.neurons(facts.neurons),
        "neuron_header": view.NEURON_HEADER,
        "range_samples": facts.range_samples,
        "spikes": view.spikes(manifest) if spiking else None,
        "pictures": pictures,
        "map": {"text": view.map_text(report.network), "space": drawable(report.network), "chart": view.prune_chart(facts.prune)},
        "matrix": confusion.matrix(facts, classes),
        "pairs": view.worst_pairs(facts, classes, WORST_PAIRS),
        "command": report.command,
        "provenance": sorted(report.network.provenance.items()),
    }
    network, shown = turned(report.network, facts)
    data = sample_data(network, shown, classes) | {"map": map_data(network, manifest, facts.prune)}
    styles, scripts = ([HERE / "assets" / name for name in names] for names in (STYLES, SCRIPTS))
    return render(HERE / "templates" / "report.html.jinja", context, data, styles, scripts)
