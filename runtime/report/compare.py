"""Several builds side by side: what each costs against what it can do, with the front of those that no other beats.

Builds are compared where that means something: accuracies on the same data set, bytes and instructions on the same core. What was not
measured is not drawn, and said to be missing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runtime.builds.manifest import Manifest
from runtime.report.benches import Benches, Timing
from runtime.report.charts import Axis, Chart, Point, Series, chart, front
from runtime.report.page import HERE, render
from runtime.report.words import MISSING, number, plural, short


@dataclass(frozen=True)
class Entry:
    """A build by the name that tells it apart."""

    name: str
    manifest: Manifest
    link: str = ""  # to its report, relative to the page; empty: none


@dataclass(frozen=True)
class DataGroup:
    """The builds tested on one data set: two charts and a table."""

    data: str
    entries: tuple[Entry, ...]
    bytes_chart: Chart | None
    instructions_chart: Chart | None
    rows: tuple[dict[str, str], ...]


def entries_of(folders: Sequence[Path], manifests: Sequence[Manifest], page_folder: Path | None = None) -> list[Entry]:
    """Names: the folders' own, with as much of the path before them as tells them apart. Links are relative to ``page_folder``."""
    parts = [folder.resolve().parts for folder in folders]
    depth = 1
    while depth < max(map(len, parts)) and len({p[-depth:] for p in parts}) < len(set(parts)):
        depth += 1
    links = [_link(folder / "report.html", page_folder) if page_folder else "" for folder in folders]
    return [Entry("/".join(p[-depth:]), manifest, link) for p, manifest, link in zip(parts, manifests, links, strict=True)]


def _link(report: Path, page_folder: Path) -> str:
    """A relative address; it starts with './', so that no part of a folder's name is taken for a scheme."""
    if not report.is_file():
        return ""
    return "./" + quote(Path(os.path.relpath(report.resolve(), page_folder.resolve())).as_posix())


def groups(entries: Sequence[Entry]) -> list[DataGroup]:
    """One group a data set, in order of its name."""
    data_groups = []
    for data in sorted({entry.manifest.accuracy.data for entry in entries}):
        part = tuple(entry for entry in entries if entry.manifest.accuracy.data == data)
        name = short(data, 40)
        data_groups.append(
            DataGroup(
                data,
                part,
                _scatter(f"Bytes against accuracy on {name}", "flash, bytes", part, lambda m: m.size.flash_bytes if m.size else None),
                _scatter(
                    f"Instructions against accuracy on {name}",
                    "instructions of one inference",
                    part,
                    lambda m: m.cost.instructions if m.cost else None,
                ),
                tuple(_rows(part)),
            )
        )
    return data_groups


def page(entries: Sequence[Entry], benches: Benches) -> str:
    """The comparison as one HTML file."""
    data_groups = groups(entries)
    sections = [(f"data-{k}", short(group.data, 24)) for k, group in enumerate(data_groups)] + [("benches", "Benches")]
    context = {
        "title": f"{plural(len(entries), 'build')} compared",
        "sections": sections,
        "groups": data_groups,
        "count": len(entries),
        "benches": bench_table(benches.timings),
        "doubts": sorted({(t.device, t.doubt) for t in benches.timings if t.doubt}),
        "silent": benches.silent,
    }
    return render(HERE / "templates" / "compare.html.jinja", context)


def bench_table(timings: Sequence[Timing]) -> dict[str, Any] | None:
    """Rows a build and backend, columns a device; None without timings. A cell: (figure, length of its bar 0..1 within the device's column)."""
    if not timings:
        return None
    devices = list(dict.fromkeys(t.device for t in timings))
    slowest = {d: max((t.p50_us or 0.0 for t in timings if t.device == d), default=0.0) for d in devices}
    keys = list(dict.fromkeys((t.build, t.backend) for t in timings))
    last = {(t.build, t.backend, t.device): t for t in timings}
    rows = []
    for build, backend in keys:
        cells = [_bench_cell(last.get((build, backend, d)), slowest[d]) for d in devices]
        rows.append({"build": short(build, 40), "backend": short(backend, 24), "cells": cells})
    return {"devices": [short(d, 40) for d in devices], "rows": rows}


def _bench_cell(timing: Timing | None, slowest: float) -> dict[str, Any]:
    if timing is None or (timing.p50_us is None and timing.instructions is None):
        return {"text": MISSING, "fill": None, "note": ""}
    if timing.p50_us is None:
        return {"text": f"{number(timing.instructions)} instructions", "fill": None, "note": short(timing.detail, 120)}
    tail = "" if timing.p99_us is None else f", P99 {timing.p99_us:,.2f}"
    return {"text": f"{timing.p50_us:,.2f} us{tail}", "fill": timing.p50_us / slowest if slowest else 0.0, "note": short(timing.detail, 120)}


def _scatter(title: str, x_name: str, entries: Sequence[Entry], cost: Any) -> Chart | None:
    boards = sorted({entry.manifest.board for entry in entries})
    series = [Series(short(board, 40), _points([e for e in entries if e.manifest.board == board], cost), line=False, front=True) for board in boards]
    text = f"{plural(len(entries), 'build')}; the line is the front: builds that no other beats in both."
    return chart(title, text, series, Axis(x_name, "k", log=True), Axis("accuracy, int8", "%"))


def _points(entries: Sequence[Entry], cost: Any) -> tuple[Point, ...]:
    points = []
    for entry in entries:
        value, accuracy = cost(entry.manifest), entry.manifest.accuracy.quantised
        if value is not None:
            points.append(Point(float(value), accuracy, f"{short(entry.name, 60)}: {value:,}, accuracy {accuracy:.4f}", short(entry.name, 24)))
    return tuple(points)


def _rows(entries: Sequence[Entry]) -> list[dict[str, str]]:
    best = {(board, kind): names for board in {e.manifest.board for e in entries} for kind, names in _fronts(board, entries).items()}
    rows = []
    for entry in sorted(entries, key=lambda e: (e.manifest.size.flash_bytes if e.manifest.size else float("inf"), e.name)):
        m = entry.manifest
        proofs = [record for record in m.parity.values() if record]
        on = [kind for kind in ("bytes", "instructions") if entry.name in best[m.board, kind]]
        rows.append(
            {
                "name": short(entry.name, 60),
                "link": entry.link,
                "network": short(m.source, 40),
                "board": short(m.board, 40),
                "accuracy": f"{m.accuracy.quantised:.4f}",
                "float": f"{m.accuracy.float_:.4f}",
                "constants": number(m.size.constants_bytes if m.size else None),
                "flash": number(m.size.flash_bytes if m.size else None),
                "ram": number(m.size.ram_bytes if m.size else None),
                "instructions": number(m.cost.instructions if m.cost else None),
                "stores": ", ".join(layer.store for layer in m.layers),
                "proofs": f"{sum(r.max_abs_difference == 0 for r in proofs)} of {len(m.parity)}",
                "front": " and ".join(on) if on else "no",
            }
        )
    return rows


def _fronts(board: str, entries: Sequence[Entry]) -> dict[str, set[str]]:
    part = [e for e in entries if e.manifest.board == board]
    names = {}
    for kind in ("bytes", "instructions"):
        measured = [e for e in part if (e.manifest.size if kind == "bytes" else e.manifest.cost)]
        points = [Point(float(_cost(e.manifest, kind)), e.manifest.accuracy.quantised, "") for e in measured]
        names[kind] = {measured[k].name for k in front(points)}
    return names


def _cost(manifest: Manifest, kind: str) -> int:
    if kind == "bytes":
        return manifest.size.flash_bytes if manifest.size else 0
    return manifest.cost.instructions if manifest.cost else 0
