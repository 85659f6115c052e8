"""Turns a trained network into a verified build; a part of nearwire. From Python: compile/library.py, or ``from nearwire import compile``."""
