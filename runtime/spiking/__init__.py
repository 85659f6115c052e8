"""Spiking networks: their constants (constants.py), input codings (coding.py), the float form (floating.py) and the integer law (integers.py)."""

from __future__ import annotations

from runtime.spiking.constants import CODINGS, READOUTS, RESETS, Spiking, beta_of, threshold_of
from runtime.spiking.floating import lif

__all__ = ["CODINGS", "READOUTS", "RESETS", "Spiking", "beta_of", "lif", "threshold_of"]
