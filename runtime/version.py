"""The version of nearwire, written into every artifact. pyproject.toml reads it from here."""

VERSION = "0.1.0"
