"""The frame of every page: a jinja2 template, style sheets, scripts and data in; one HTML file that needs nothing else out.

Everything from data is escaped (autoescape; JSON without '<', '>', '&'). The page's own security policy admits exactly the style and the
script that are written into it, by their hashes, and no request at all. The same input gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from devices.version import VERSION
from runtime.report import words
from runtime.report.charts import Chart

GENERATOR = '<meta name="generator" content="nearwire'  # what tells our pages from others
HERE = Path(__file__).parent
STYLES = (HERE / "assets" / "page.css",)
SCRIPTS = (HERE / "assets" / "page.js",)


def render(
    template: Path,
    context: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    styles: Sequence[Path] = (),
    scripts: Sequence[Path] = (),
) -> str:
    """The HTML text of ``template``, which extends base.html.jinja; ``data`` is what the scripts read."""
    style = "".join(_text(path) for path in (*STYLES, *styles))
    script = '"use strict";\n' + "".join(f"(() => {{\n{_text(path)}}})();\n" for path in (*SCRIPTS, *scripts))
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'; form-action 'none'"
    page = _environment(template.parent).get_template(template.name)
    text: str = page.render(**context, policy=policy, style=_raw(style), script=_raw(script), data=island(data or {}), version=VERSION)
    return text


def picture(chart: Chart) -> str:
    """A chart as an SVG file of its own, light or dark as its viewer wishes."""
    macros = _environment(HERE / "templates").get_template("chart.svg.jinja").module
    text = str(macros.picture(chart, True)).strip()
    style = _text(STYLES[0]) + _text(HERE / "assets" / "picture.css")
    return text.replace(">", f">\n<style>{style}</style>", 1) + "\n"


def island(data: Mapping[str, Any]) -> Any:
    """JSON that no HTML parser can leave: '<', '>' and '&' are written as escapes."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _raw(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def packed(values: Any) -> str:
    """The bytes of an array (little-endian, C order) in base64, as the scripts unpack them."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode("ascii")


@cache
def _environment(folder: Path) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, HERE / "templates"]), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": words.number, "share": words.share, "short": words.short}
    environment.globals["plural"] = words.plural
    return environment


def _raw(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
