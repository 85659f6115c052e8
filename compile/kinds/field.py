"""``field``: rectangles and charges over the grid that the layer reads (boxes.py)."""

from __future__ import annotations

from compile.kinds.boxes import BoxLowering


class FieldLowering(BoxLowering):
    name = "field"
