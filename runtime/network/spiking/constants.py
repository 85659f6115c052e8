"""What a file says about a spiking network's neurons and its time."""

from __future__ import annotations

from dataclasses import dataclass

from devices.errors import InputError, unknown_name

RESETS = ("subtract", "zero")
CODINGS = ("direct", "rate", "latency")
READOUTS = ("count", "membrane", "first")
STEPS_MAX = 1000
LEAD_MAX = 2**15 - 1
FRACTION = 15  # bits of an integer decay
THRESHOLD_MAX = 2**14 - 1  # membrane steps
LIFT_MAX = 12  # bits


@dataclass(frozen=True)
class Spiking:
    """The constants of a spiking network. A layer's options ``beta`` and ``threshold`` go before those here."""

    steps: int = 10
    beta: float = 0.95  # share of the membrane potential that is left after a step
    threshold: float = 1.0  # membrane units, which are those of the currents
    reset: str = "subtract"
    coding: str = "direct"
    readout: str = "membrane"
    exit_lead: int | None = None  # integer networks: stop early at this lead a step that is left, see runtime/network/spiking/readout.py; None: never

    def check(self, where: str) -> None:
        """InputError naming the field, what was found and what is allowed."""
        for name, value, known in (("reset", self.reset, RESETS), ("coding", self.coding, CODINGS), ("readout", self.readout, READOUTS)):
            if value not in known:
                raise unknown_name(f"{name} of spiking {where}", value, known)
        if not 1 <= self.steps <= STEPS_MAX or not 0 <= self.beta <= 1 or not self.threshold > 0:
            raise InputError(
                f"{where}: {self.steps} time steps, beta {self.beta}, threshold {self.threshold}. "
                f"Allowed: 1..{STEPS_MAX} steps, beta 0..1, threshold > 0."
            )
        if self.exit_lead is not None and not 0 <= self.exit_lead <= LEAD_MAX:
            raise InputError(f"{where}: an early exit at a lead of {self.exit_lead} a step. Allowed: 0..{LEAD_MAX}.")
