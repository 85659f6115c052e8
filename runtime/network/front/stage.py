"""One stage of a front end as a network's file holds it: plain data. What it computes: its kind in stages.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stage:
    """A stage of the front end."""

    kind: str  # a name in runtime.network.front.stages.STAGES
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)  # names, shapes and units: see the kind
    options: Mapping[str, Any] = field(default_factory=dict)  # JSON scalars: see the kind
