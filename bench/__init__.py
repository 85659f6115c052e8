"""Measurements of nearwire: each a command that prints what it measured, ``nearwire bench NAME``. A new one: a file with ``main``."""
