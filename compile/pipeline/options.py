"""What to make of a network: the settings of a compile. What is said of each is its description, which is also the help of its option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from compile.pipeline.budget import Budgets
from devices.errors import InputError, unknown_name
from runtime.network.spiking.energy import Energy


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class CompileOptions:
    """What to make of a network."""

    board: str = "emulated-cortex-m4"
    """The board to compile for; 'nearwire devices list' lists them."""
    data: str | None = None
    """Data set to calibrate and test with: a name or path. Default: the one it was trained on."""
    prune: float = 0.0
    """Share of the connections to cut, longest first: 0 to below 1."""
    prune_scope: str = "layer"
    """Cut the same share of every layer, or by one threshold."""
    prune_structure: str = "none"
    """Cut single connections or blocks of four neurons' weights of one input."""
    bits: int = 8
    """Bits of a coordinate."""
    store: str = "auto"
    """Storage format of every layer, or auto."""
    optimise: str = "flash"
    """What auto minimises."""
    firmware_samples: Annotated[int, Field(ge=1)] = 100
    """Test samples to prove on the emulated core."""
    report_samples: bool = True
    """Show samples of the data in the report."""
    early_exit: float | None = None
    """Stop a spiking network when the best class leads by more than so many spikes (read-out count; with 1 no label changes) or thresholds
    (membrane) for each step left; read-out first: at the first spike. Default: never."""
    nir: bool = False
    """Also write a spiking network as model.nir, for other tools; 'nir ...' does it alone."""
    pj_per_mac: float = Energy.pj_per_mac
    """Energy of a multiply-accumulate, for a spiking network's estimate: picojoules."""
    pj_per_ac: float = Energy.pj_per_ac
    """Energy of an accumulate: picojoules."""
    pj_per_cycle: float = Energy.pj_per_cycle
    """Energy of a cycle of the core: picojoules."""
    packages: tuple[str, ...] = ()
    """Ecosystems to write a library for too, or all; repeat the option or give a comma list; see compile/emit/packages.py."""
    package_name: str | None = None
    """What the libraries call the network. Default: the name of its file or run folder."""
    budgets: Budgets = field(default_factory=Budgets)
    """Limits that a build must keep."""


NAMES = tuple(CompileOptions.__dataclass_fields__)


def options_from(values: Mapping[str, Any]) -> CompileOptions:
    """The options of these names and values; InputError that names an unknown one, or every one that cannot be."""
    for name in values:
        if name not in NAMES:
            raise unknown_name("option", name, NAMES)
    try:
        return CompileOptions(**values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))} is {e['input']!r}: {e['msg'][:1].lower()}{e['msg'][1:]}" for e in error.errors()]
        raise InputError(f"options: {'; '.join(problems)}.") from error
