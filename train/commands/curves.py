"""nearwire train curves: the pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devices.common.console import JsonOption, print_json
from devices.common.text import say


def curves(
    run: Annotated[Path, typer.Argument(help="A folder of 'train fit', finished or not.", show_default=False)], json: JsonOption = False
) -> None:
    """Draw the curves of a run, and the animation of its positions if frames were kept."""
    from train.curves import write_curves
    from train.loop.run_folder import RunFolder

    written = write_curves(RunFolder(run))
    if json:
        print_json([str(path) for path in written])
    else:
        say(*(f"curves: {path}" for path in written))
