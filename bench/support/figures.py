"""Figure files that say what they show: a word in their metadata, the digest of the values they are drawn from or of the network in the picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

KEY = "Description"  # of PNG and of SVG (there dc:description)


def save(figure: Any, stem: Path, source: str) -> None:
    """A matplotlib figure as PNG and SVG without dates and versions; ``source``: the digest of what it shows."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "nearwire"}):
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": None, KEY: source})
        figure.savefig(stem.with_suffix(".png"), metadata={"Software": None, KEY: source})


def stamp(path: Path, source: str) -> None:
    """Write the word into a PNG that another program made."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text(KEY, source)
    with Image.open(path) as image:
        image.load()
        image.save(path, pnginfo=about, optimize=True)


def source_of(path: Path) -> str | None:
    """The word that a PNG or SVG carries; None if it has none."""
    if path.suffix == ".svg":
        words = re.search(r"<dc:description>(.*?)</dc:description>", path.read_text("utf-8"))
        return words[1] if words else None
    from PIL import Image

    with Image.open(path) as image:
        return image.info.get(KEY)
