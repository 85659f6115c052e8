"""What a training run is told: the settings (settings.py), groups of them (tables.py), layers (kinds.py, structure.py), and how people write them (files.py)."""

from __future__ import annotations

from train.config.settings import TrainConfig

__all__ = ["TrainConfig"]
