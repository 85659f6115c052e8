"""One reader for every image that a user names: by content, not by name.

1. Regular files only. The format is recognised from the content and must be one of ``FORMATS``, all of which Pillow decodes itself: it starts
   Ghostscript for EPS, so EPS and whatever else it knows are refused, whatever a file is called.
2. The size is read from the header and must be at most ``PIXELS_MAX`` before anything is decoded; Pillow's warning of a decompression bomb is an error.
3. A file that ends too soon, or is damaged, is refused.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from devices.common.guard import open_regular, reading
from devices.errors import InputError, NearwireError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
PIXELS_MAX = 2**24  # 4096 x 4096
BYTES_MAX = 2**28  # of a file


def read_image(path: Path, where: str, then: str = "") -> Any:
    """The decoded ``PIL.Image.Image``; InputError if the file is not what the rules allow, NearwireError without Pillow."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise NearwireError("reading images needs Pillow, which is not installed. Run: pip install pillow") from error
    with open_regular(path, where, BYTES_MAX) as file, reading(where, then), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nobody reads
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:  # its message shows the open file
            raise InputError(f"{where} is none of {', '.join(FORMATS)}, or damaged, whatever its name says.{f' {then}' if then else ''}") from None
        with image:
            if image.width * image.height > PIXELS_MAX:
                raise InputError(f"{where} has {image.width} x {image.height} pixels; at most {PIXELS_MAX:,} are read. Scale it down.")
            return image.copy()
