"""The progress bar of a training run: on a terminal, on standard error; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from devices.common.text import plain


@contextmanager
def epoch_bar(epochs: int, quiet: bool = False, title: str = "") -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields a function that takes an epoch's metrics row and moves the bar to it. ``title``: what is being trained."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda row: None
        return
    columns = (
        TextColumn("{task.fields[title]}", markup=False),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=epochs, title=plain(f"{title} epoch".strip()))

        def move(row: dict[str, Any]) -> None:
            text = f"loss {row['loss']:.4f}"
            if row["validation_accuracy"] is not None:
                text += f"  validation {row['validation_accuracy']:.4f}"
            progress.update(task, completed=row["epoch"], description=text)

        yield move
