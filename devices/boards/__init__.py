"""Boards: one TOML file each, in a folder for its group; board.py reads them."""
