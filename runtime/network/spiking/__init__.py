"""Spiking networks: their constants (constants.py), input codings (coding.py), the float form (floating.py) and the integer law (integers.py)."""
