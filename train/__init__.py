"""Learns networks, the only part of nearwire that needs torch. From Python: train/library.py, or ``from nearwire import fit``."""
