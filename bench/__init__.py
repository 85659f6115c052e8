"""Measurements: each a command that prints what it measured, python -m bench.NAME or nearwire bench NAME."""
