"""Profile: the cost of every layer, from the backend's own figures, with its share of the whole; on a microcontroller also flash and RAM."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runtime.backends import Footprint
from runtime.builds.build import Build
from runtime.measure.rows import ProfileRow, profile_rows
from runtime.network.network import Array
from runtime.remote.sessions import open_session


@dataclass(frozen=True)
class Profile:
    """What a build costs on one backend: layers, the whole inference, and on a microcontroller its memory."""

    detail: str
    rows: tuple[ProfileRow, ...]
    samples: int
    instructions: float | None = None  # of a whole inference, exact, mean
    time_us: float | None = None  # of a whole inference, measured; only where the layers' are
    cycles: float | None = None  # estimated
    estimated_us: float | None = None  # the cycles at the board's clock
    footprint: Footprint | None = None

    def to_dict(self) -> dict[str, Any]:
        content = asdict(self)
        return {**content, "layers": content.pop("rows")}


def profile(build: Build, backend: str, samples: Array, device: str | None = None) -> Profile:
    """Layers in order of execution, and totals, averaged over uint8 samples (n, inputs)."""
    with open_session(build, backend, device) as session:
        figures = session.layers(samples)
        counts = session.instructions(samples)
        times = [figure.time_us for figure in figures if figure.time_us is not None]
        known = [figure.cycles for figure in figures if figure.cycles is not None]
        cycles = sum(known) if figures and len(known) == len(figures) else None
        return Profile(
            session.detail,
            tuple(profile_rows(figures)),
            len(samples),
            instructions=None if counts is None else float(counts.mean()),
            time_us=sum(times) if times else None,
            cycles=cycles,
            estimated_us=None if cycles is None or session.clock_hz is None else cycles / session.clock_hz * 1e6,
            footprint=session.footprint(),
        )
