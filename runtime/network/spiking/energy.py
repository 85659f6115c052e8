"""Energy of an inference: an ESTIMATE from published figures, never a measurement. Each figure is a parameter of ``compile``.

Two readings of the same network, which differ by orders of magnitude and must not be mixed:

- ``operations``: what the arithmetic alone takes, as neuromorphic papers count it: Effective_MACs and Effective_ACs times the energy of one. The figures
  are those of Horowitz, "Computing's energy problem", ISSCC 2014, for 45 nm and 0.9 V: 0.2 pJ to multiply 8 bits, 0.1 pJ to add 32 bits, so
  0.3 pJ a MAC and 0.1 pJ an AC. Memory, control and neurons are not in it.
- ``core``: what a microcontroller takes from its supply: estimated cycles times the energy of a cycle. The figure is that of Nordic's
  nRF52840 (Cortex-M4F, 3.3 mA at 3 V and 64 MHz, CoreMark from flash, DC/DC on): 155 pJ a cycle. Another chip needs its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.errors import InputError

SOURCE_OPERATIONS = "Horowitz, ISSCC 2014: 45 nm, 0.9 V; arithmetic alone, without memory, control and neurons"
SOURCE_CORE = "nRF52840 (Cortex-M4F), 3.3 mA at 3 V and 64 MHz running from flash; cycles are estimated for memory that never waits"


@dataclass(frozen=True)
class Energy:
    """The assumptions, picojoules."""

    pj_per_mac: float = 0.3
    pj_per_ac: float = 0.1
    pj_per_cycle: float = 155.0

    def check(self) -> None:
        """InputError naming an energy that is none."""
        for name in ("pj_per_mac", "pj_per_ac", "pj_per_cycle"):
            value = getattr(self, name)
            if not 0 <= value < 1e9:
                raise InputError(f"--{name.replace('_', '-')} is {value}. Allowed: picojoules, 0 or more.")

    def operations_nj(self, effective_macs: float, effective_acs: float) -> float:
        """Nanojoules of the synaptic operations of one inference."""
        return (effective_macs * self.pj_per_mac + effective_acs * self.pj_per_ac) / 1000

    def core_nj(self, cycles: float) -> float:
        """Nanojoules of one inference on a microcontroller's core."""
        return cycles * self.pj_per_cycle / 1000
