"""What a storage format is: an int8 weight matrix as named constant arrays, the kernel that computes with them, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.network import Array

KERNELS = Path(__file__).parents[2] / "runtime" / "kernels"
ARRAY_TYPES = {"uint8": "uint8_t", "int8": "int8_t", "uint16": "uint16_t", "uint32": "uint32_t"}


@dataclass(frozen=True)
class Encoded:
    """A weight matrix in one format: the arrays in the order in which the kernel takes them."""

    arrays: Mapping[str, Array]  # name: one-dimensional, a dtype of ARRAY_TYPES
    shape: tuple[int, int]  # (outputs, inputs)

    @property
    def constants_bytes(self) -> int:
        return sum(int(value.nbytes) for value in self.arrays.values())


class Format(ABC):
    """A storage format. Its kernels are ``nearwire_NAME`` (hidden layers) and ``nearwire_NAME_scores`` (the last layer) in runtime/kernels.

    Both are called with: input, ``sizes``, the encoded arrays, bias, outputs, and then shift, shift step, output or the scores.
    """

    name: str
    description: str
    features_of: tuple[str, ...]  # names of the features, in the order of the board's cost table

    def refusal(self, weights: Array) -> str | None:
        """None if the format can hold the (outputs, inputs) int8 matrix; otherwise why not."""
        limit = self.max_inputs
        return f"it holds at most {limit} inputs, the layer has {weights.shape[1]}" if weights.shape[1] > limit else None

    max_inputs: int = 65535  # (w + 64) * 255 summed over so many inputs fits int32; columns fit 16 bits

    @abstractmethod
    def encode(self, weights: Array) -> Encoded:
        """The constants of an (outputs, inputs) int8 matrix with values in -63..63."""

    @abstractmethod
    def decode(self, encoded: Encoded) -> Array:
        """Exactly the (outputs, inputs) int8 matrix that was encoded."""

    @abstractmethod
    def sizes(self, inputs: int) -> tuple[int, ...]:
        """What the kernel is told between the input and the arrays."""

    @abstractmethod
    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        """How often each part of the kernel runs: the features of devices.cost's linear instruction model."""

    def sources(self) -> tuple[str, str]:
        """(header, source) text of the kernel."""
        return (KERNELS / f"{self.name}.h").read_text(encoding="utf-8"), (KERNELS / f"{self.name}.c").read_text(encoding="utf-8")


def pad(weights: Array, rows: int, columns: int) -> Array:
    """(uint32) w + 64 with rows and columns filled up to multiples with zero weights (64)."""
    outputs, inputs = weights.shape
    full = np.zeros((-(-outputs // rows) * rows, -(-inputs // columns) * columns), np.int64)
    full[:outputs, :inputs] = weights
    return np.asarray(full + 64, np.uint32)
