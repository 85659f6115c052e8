"""What code costs before it runs: instructions of a layer by storage format and core (model.py), cycles of a core (cycles.py)."""
