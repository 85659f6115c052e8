"""Data sets by name or path (dataset.py, sources), and samples of a user's own file (inputs.py)."""
