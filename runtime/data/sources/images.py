"""A folder of images, one subfolder a class, named after it; all of one size. Split 70/10/20 by the fixed seed.

If every image is grey a sample is (height, width); if any has colour all are read as (height, width, 3). Real value of a channel: byte / 255.
"""

from __future__ import annotations

import numpy as np

from devices.common.guard import check_unpacked
from devices.common.places import user_path
from devices.errors import InputError
from runtime.data.dataset import Dataset, class_labels, split
from runtime.data.images import read_image
from runtime.network.network import InputSpec
from runtime.network.schema import check_classes

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
GREY = ("1", "L", "LA")
MODES = (*GREY, "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


def load(name: str) -> Dataset:
    """The data set in the folder ``name``."""
    root = user_path(name)
    classes = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = [(path, k) for k, folder in enumerate(classes) for path in sorted((root / folder).iterdir()) if path.suffix.lower() in SUFFIXES]
    if len(classes) < 2 or not files:
        raise InputError(
            f"folder '{name}' has {len(classes)} subfolders and {len(files)} images. Needed: one subfolder of images a class, two or more."
        )
    check_classes(tuple(classes), f"folder '{name}'")
    images, modes = [], set()
    packed, unpacked = sum(path.stat().st_size for path, _ in files), 0
    for path, _ in files:
        images.append(read_image(path, f"image '{path}'", "Repair or remove it."))
        modes.add(images[-1].mode)
        unpacked += images[-1].width * images[-1].height * len(images[-1].getbands())
        check_unpacked(unpacked, packed, f"folder '{name}'", "Scale the images down.")
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
