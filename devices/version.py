"""The version of the distribution: written into every network file and manifest; pyproject.toml reads it from here."""

VERSION = "0.1.0"
