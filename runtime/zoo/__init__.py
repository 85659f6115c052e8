"""The zoo: trained networks that come with the package, and how a text names a network: ``zoo:NAME``, a file, or a folder that holds one.

Each was made by its recipe: ``nearwire train fit --recipe NAME --out runs/NAME``, then runs/NAME/network.safetensors copied here as
NAME.safetensors. Its provenance has the data set, the seed and the measured accuracy.
"""

from __future__ import annotations

from pathlib import Path

from devices.common.places import user_path
from devices.errors import InputError, unknown_name

PREFIX = "zoo:"
_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The networks of the zoo."""
    return sorted(path.stem for path in _FOLDER.glob("*.safetensors"))


def resolve(text: str | Path) -> Path:
    """The network file that ``text`` names; InputError if there is none."""
    word = str(text)
    if word.startswith(PREFIX):
        name = word.removeprefix(PREFIX)
        if name not in names():
            raise unknown_name("network of the zoo", name, names())
        return _FOLDER / f"{name}.safetensors"
    path = user_path(word)
    if path.is_dir():
        path = path / "network.safetensors"
    if path.is_file():
        return path
    hint = f" Did you mean '{PREFIX}{word}'?" if word in names() else ""
    raise InputError(f"there is no network '{path}'.{hint} Give a .safetensors file, a folder of 'nearwire train fit', or {PREFIX}NAME.")
