"""A folder of images, one subfolder a class, named after it; all of one size. Split 70/10/20 by the fixed seed.

If every image is grey a sample is (height, width); if any has colour all are read as (height, width, 3). Real value of a channel: byte / 255.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from devices.errors import InputError, NearwireError
from runtime.data.dataset import Dataset, class_labels, split
from runtime.network.network import InputSpec

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
GREY = ("1", "L", "LA")
MODES = (*GREY, "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


def load(name: str) -> Dataset:
    """The data set in the folder ``name``."""
    try:
        from PIL import Image
    except ImportError as error:
        raise NearwireError("a folder of images needs Pillow, which is not installed. Run: pip install pillow") from error
    root = Path(name).expanduser()
    classes = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = [(path, k) for k, folder in enumerate(classes) for path in sorted((root / folder).iterdir()) if path.suffix.lower() in SUFFIXES]
    if len(classes) < 2 or not files:
        raise InputError(
            f"folder '{name}' has {len(classes)} subfolders and {len(files)} images. Needed: one subfolder of images a class, two or more."
        )
    images, modes = [], set()
    for path, _ in files:
        try:
            with Image.open(path) as image:
                modes.add(image.mode)
                images.append(image.copy())
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"image '{path}' cannot be read: {error}. Repair or remove it.") from error
        if images[-1].mode not in MODES:
            raise InputError(f"image '{path}' has the pixel format {images[-1].mode}; allowed: 8 bits a channel. Convert it, for example to PNG.")
        if images[-1].size != images[0].size:
            raise InputError(f"image '{path}' is {_size(images[-1])}, but '{files[0][0]}' is {_size(images[0])}. Scale all to one size.")
    mode = "L" if modes <= set(GREY) else "RGB"
    pixels = np.stack([np.asarray(image.convert(mode), np.uint8) for image in images])
    shape = tuple(int(n) for n in pixels.shape[1:])
    labels = class_labels(np.array([k for _, k in files]), f"folder '{name}'", len(classes))
    train, validation, test = split(pixels.reshape(len(pixels), -1), labels)
    return Dataset(name, shape, tuple(classes), InputSpec(shape), train, validation, test)


def _size(image: object) -> str:
    return f"{image.width} x {image.height}"  # type: ignore[attr-defined]
