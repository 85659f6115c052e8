"""Surface ``images``: pictures of every format that is read, and of some that are not."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.hostile.mutate import bytes_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from runtime.data.images import FORMATS, read_image

SIZES = (0, 1, 24, 255, 4096, 4097, 30_000, 65_535, 2**31 - 1, 2**32 - 1)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def seeds() -> Sequence[bytes]:
    """Grey, colour, palette and one-bit pictures in every format that has them."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    contents = [EPS]
    for kind in FORMATS:
        for mode in ("L", "RGB", "P", "1", "RGBA"):
            memory = io.BytesIO()
            try:
                Image.fromarray(pixels).convert(mode).save(memory, kind)
            except (OSError, ValueError):
                continue
            contents.append(memory.getvalue())
    for packing in ("tiff_lzw", "tiff_deflate", "packbits", "group4"):
        memory = io.BytesIO()
        Image.fromarray(pixels).convert("1" if packing == "group4" else "L").save(memory, "TIFF", compression=packing)
        contents.append(memory.getvalue())
    return contents


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Any bytes; of a PNG also its size, with a checksum that is right again."""
    if content.startswith(b"\x89PNG") and rng.randrange(2):
        changed = bytearray(content)
        changed[16:20], changed[20:24] = (rng.choice(SIZES).to_bytes(4, "big") for _ in range(2))
        changed[29:33] = zlib.crc32(changed[12:29]).to_bytes(4, "big")
        return bytes(changed)
    return bytes_of(content, rng)


def _read(path: Any) -> Any:
    return read_image(path, f"image '{path}'")


def run(count: int, seed: int) -> Report:
    """Read ``count`` mutants and make them grey."""
    return run_surface(Surface("images", "picture.png", seeds, mutate, _read, lambda image: np.asarray(image.convert("L")).sum()), count, seed)
