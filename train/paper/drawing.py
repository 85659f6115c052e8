"""The paper's pictures with matplotlib, each as PNG and SVG; the same data gives the same files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from devices.common.files import write_whole
from devices.common.text import say
from runtime.network.kinds.spatial import Spatial
from runtime.network.network import Array, Network
from runtime.network.reference import trace

if TYPE_CHECKING:
    from train.paper.figures import Figure

STYLE = {"svg.hashsalt": "nearwire", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b2d8b", "#b08900")
NAMES = ("inputs", "hidden", "outputs")


@dataclass(frozen=True)
class Picture:
    """Files that were drawn."""

    title: str
    files: list[Path]

    def to_dict(self) -> dict[str, Any]:
        return {"title": self.title, "files": [str(path) for path in self.files]}

    def print(self) -> None:
        say(self.title, *self.files)

    def write(self, folder: Path, name: str) -> None:
        """Nothing more: it has no table."""


@contextmanager
def _canvas(width: float, height: float, folder: Path, name: str, about: str | None = None) -> Iterator[tuple[Any, list[Path]]]:
    """A figure of inches, and the files it is written to at the end; ``about``: what they carry as their description."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    description = {"Description": about} if about else {}
    with matplotlib.rc_context(STYLE):
        figure = Canvas(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        files = [folder / f"{name}.png", folder / f"{name}.svg"]
        yield figure, files
        ways: tuple[dict[str, Any], ...] = (
            {"dpi": 150, "metadata": {"Software": None, **description}},
            {"metadata": {"Date": None, "Creator": None, **description}},
        )
        for file, how in zip(files, ways, strict=True):
            content = io.BytesIO()
            figure.savefig(content, format=file.suffix[1:], **how)
            write_whole(file, content.getvalue())


def curves(figure: Figure, folder: Path) -> list[Path]:
    """Test accuracies with one standard deviation over the seeds."""
    with _canvas(5.6, 3.6, folder, figure.name, figure.digest) as (canvas, files):
        axes = canvas.subplots()
        for curve, colour in zip(figure.curves, COLOURS * len(figure.curves), strict=False):
            if not curve.points:
                continue
            at, mean, deviation = (np.array([getattr(point, name) for point in curve.points]) for name in ("at", "mean", "deviation"))
            axes.plot(at, mean, "o-", color=colour, markersize=3.5, linewidth=1.3, label=f"{curve.model.title} ({curve.run})")
            axes.fill_between(at, mean - deviation, mean + deviation, color=colour, alpha=0.18, linewidth=0)
        axes.set(title=figure.title, xlabel=figure.axis, ylabel="test accuracy")
        axes.grid(alpha=0.25)
        if axes.lines:
            axes.legend(frameon=False, fontsize=8)
    return files


def planes(network: Network) -> list[Array]:
    """(neurons, coordinates) of the inputs and of every layer of a network whose layers are all spatial."""
    return [network.layers[0].arrays["sender"], *(layer.arrays["receiver"] for layer in network.layers)]


def relaxed(network: Network, run: str, folder: Path) -> Picture:
    """(a) the neurons in three dimensions, (b) the histogram of their learned z, a colour a layer."""
    title = f"Figure 4: relaxed model, {run}"
    with _canvas(8.4, 3.6, folder, "fig4") as (canvas, files):
        space, depth = canvas.add_subplot(1, 2, 1, projection="3d"), canvas.add_subplot(1, 2, 2)
        neurons = planes(network)
        for k, (points, colour) in enumerate(zip(neurons, COLOURS, strict=False)):
            label = NAMES[0] if k == 0 else NAMES[2] if k == len(neurons) - 1 else NAMES[1]
            space.scatter(points[:, 0], points[:, 1], points[:, -1], s=3 if k < len(neurons) - 1 else 22, color=colour, label=label, linewidths=0)
            depth.hist(points[:, -1], bins=60, density=True, color=colour, alpha=0.55, label=label)
        space.set(xlabel="x", ylabel="y", zlabel="z", title="(a) positions")
        depth.set(xlabel="z", ylabel="density", title="(b) learned z")
        depth.legend(frameon=False)
        canvas.suptitle(title)
    return Picture(title, files)


def signed_activations(network: Network, image: Array) -> list[Array]:
    """For one image of bytes (size,): what every neuron of every plane sends on, its sign included; the last plane's scores."""
    values = np.rint(image).astype(np.uint8)[None]
    sent = [network.input.to_real(values)[0], *(output[0] for output in trace(network, values))]
    kind = Spatial()
    return [*(value * kind.mask(layer) for value, layer in zip(sent, network.layers, strict=False)), sent[-1]]


def activity_map(network: Network, image: Array, digit: int, run: str, folder: Path) -> Picture:
    """One panel a layer; the output neurons, numbered, are in all of them as landmarks."""
    title = f"Figure 6: the average {digit}, {run}"
    neurons, activations = planes(network), signed_activations(network, image)
    with _canvas(3.6 * len(neurons), 3.9, folder, f"fig6-{digit}") as (canvas, files):
        limit = 1.05 * max(float(np.quantile(np.abs(points[:, :2]), 0.995)) for points in neurons)
        for k, (points, activation) in enumerate(zip(neurons, activations, strict=True)):
            axes = canvas.add_subplot(1, len(neurons), k + 1, aspect="equal")
            top = float(np.abs(activation).max()) or 1.0
            order = np.argsort(np.abs(activation))  # the active ones on top
            dots = axes.scatter(
                points[order, 0], points[order, 1], c=activation[order], cmap="RdBu_r", vmin=-top, vmax=top, s=9 if k < len(neurons) - 1 else 60
            )
            for label, position in enumerate(neurons[-1]):
                axes.annotate(network.classes[label], position[:2], fontsize=9, fontweight="bold", ha="center", va="center", annotation_clip=True)
            name = NAMES[0] if k == 0 else NAMES[2] if k == len(neurons) - 1 else NAMES[1]
            axes.set(title=f"{name} ({len(points)})", xlabel="x", ylabel="y", xlim=(-limit, limit), ylim=(-limit, limit))
            canvas.colorbar(dots, ax=axes, shrink=0.75)
        canvas.suptitle(title)
    return Picture(title, files)
