"""``nearwire runtime report``: compares builds on one page; charts also as SVG files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from devices.common.console import JsonOption, print_json, print_table
from devices.common.files import write_text, write_whole
from devices.common.text import say
from devices.errors import InputError
from runtime.builds.manifest import check_files, read_manifest
from runtime.report import benches, compare
from runtime.report.page import GENERATOR, picture

DEFAULT_OUT = Path("comparison.html")
COLUMNS = ("name", "board", "accuracy", "constants", "flash", "ram", "instructions", "front")


def report(
    builds: Annotated[list[Path], typer.Argument(help="Build folders.", show_default=False)],
    bench: Annotated[list[Path] | None, typer.Option("--bench", help="What 'runtime bench --json' printed; repeat it for several boards.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The HTML file.")] = DEFAULT_OUT,
    figures: Annotated[Path | None, typer.Option("--figures", help="Folder for the charts as SVG files, too.")] = None,
    json: JsonOption = False,
) -> None:
    """Compare builds: bytes and instructions against accuracy with the front drawn, benches of several boards side by side."""
    if len({build.resolve() for build in builds}) < len(builds):
        raise InputError("a build is named twice. Name each build once.")
    manifests = [read_manifest(build) for build in builds]
    for build, manifest in zip(builds, manifests, strict=True):
        check_files(build, manifest)
    measured = benches.read_benches(bench or [])
    if figures is not None and figures.exists() and not figures.is_dir():
        raise InputError(f"--figures '{figures}' is a file. Give a folder.")
    entries = compare.entries_of(builds, manifests, out.parent)
    groups = compare.groups(entries)
    write_page(out, compare.page(entries, measured))
    written = [out]
    for group in groups if figures is not None else []:
        for kind, chart in (("bytes", group.bytes_chart), ("instructions", group.instructions_chart)):
            if chart is not None and figures is not None:
                written.append(figures / f"{kind}-{_file_name(group.data)}.svg")
                write_text(written[-1], picture(chart))
    if json:
        print_json({"files": [str(path) for path in written], "builds": [{"data": g.data, **row} for g in groups for row in g.rows]})
        return
    for group in groups:
        header = ["build", "board", "accuracy", "constants B", "flash B", "RAM B", "instructions", "on the front"]
        print_table(f"builds tested on {group.data}", header, [[row[name] for name in COLUMNS] for row in group.rows])
    if len(builds) == 1:
        say(f"the build's own report: {builds[0] / 'report.html'}")
    say(*(f"{'report:' if path == out else 'figure:'} {path}" for path in written))


def write_page(path: Path, text: str) -> None:
    """Write a page whole or not at all; InputError if something that is no page of ours is in its place."""
    if path.is_dir() or (path.is_file() and GENERATOR not in path.read_text(encoding="utf-8", errors="replace")[:4000]):
        raise InputError(f"'{path}' exists and is not a page of nearwire, so it is not overwritten. Give another --out.")
    write_whole(path, text.encode())


def _file_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(text).name.lower()).strip("-") or "data"
