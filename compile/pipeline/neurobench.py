"""The manifest's record of a spiking build: NeuroBench's metrics, the worst case of its instructions, and what both may mean in energy.

The metrics are the integer reference's over the whole test set (runtime/network/spiking/metrics.py), the worst case is counted on the emulated core
(compile/proof/worst_case.py), energy is an estimate with its assumptions beside it (runtime/network/spiking/energy.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from compile.emit.c import step as c_spiking
from compile.passes.store import LayerLedger
from compile.proof import worst_case
from devices.errors import CheckError
from runtime.backends.firmware.core import FirmwareSession
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.builds.manifest import EnergyRecord, LayerActivityRecord, NeuroBench, SynapticOperations, WorstCase
from runtime.network.network import Array, Network
from runtime.network.spiking.energy import SOURCE_CORE, SOURCE_OPERATIONS, Energy
from runtime.network.spiking.metrics import Metrics, measure

OBSERVED = 200  # test samples whose instructions are counted,
OBSERVED_INSTRUCTIONS = 20_000_000  # as long as they take no more than these, predicted


def observed_samples(network: Network, ledger: Sequence[LayerLedger], least: int) -> int:
    """How many test samples to count: ``least`` for a network that takes the same instructions for all of them."""
    if network.spiking is None:
        return least
    predicted = sum(entry.formats[entry.chosen].instructions for entry in ledger)
    return max(least, min(OBSERVED, OBSERVED_INSTRUCTIONS // max(predicted, 1)))


def record(
    network: Network,
    samples: Array,
    ledger: Sequence[LayerLedger],
    program: FirmwareSession | None,
    figures: FirmwareFigures | None,
    energy: Energy,
) -> NeuroBench | None:
    """None for a network that does not spike. ``samples``: the whole test set; ``program``: the build in an emulated core."""
    if network.spiking is None:
        return None
    metrics = measure(network, samples)
    chosen = [entry.formats[entry.chosen] for entry in ledger]
    return NeuroBench(
        samples=metrics.samples,
        Footprint=sum(cost.bytes + cost.ram for cost in chosen) + sum(c_spiking.memory(network).values()),
        ConnectionSparsity=round(metrics.connection_sparsity, 6),
        ActivationSparsity=round(metrics.activation_sparsity, 6),
        SynapticOperations=SynapticOperations(
            Dense=round(metrics.dense, 2), Effective_MACs=round(metrics.effective_macs, 2), Effective_ACs=round(metrics.effective_acs, 2)
        ),
        spikes=round(metrics.spikes, 3),
        spikes_max=metrics.spikes_max,
        executed_steps=round(metrics.executed_steps, 4),
        layers=tuple(
            LayerActivityRecord(
                name=layer.name,
                neurons=layer.neurons,
                silent=layer.silent,
                spikes=round(layer.spikes, 3),
                firing=round(layer.firing, 6),
                dense=round(layer.dense, 2),
                effective=round(layer.effective, 2),
                operation="MAC" if layer.multiplies else "AC",
            )
            for layer in metrics.layers
        ),
        worst_case=_worst_case(network, program, figures),
        energy=_energy(metrics, figures, energy),
    )


def _worst_case(network: Network, program: FirmwareSession | None, figures: FirmwareFigures | None) -> WorstCase | None:
    if figures is None or program is None:
        return None
    session = program.anew()
    try:
        limit = worst_case.bound(session, network)
    finally:
        session.close()
    if limit is None:
        return None
    if figures.instructions_max > limit:
        raise CheckError(f"a test sample took {figures.instructions_max} instructions, more than the {limit} that were proven to be the most.")
    return WorstCase(instructions=limit, argument=worst_case.ARGUMENT)


def _energy(metrics: Metrics, figures: FirmwareFigures | None, energy: Energy) -> EnergyRecord:
    cycles = figures.cycles_mean if figures else None
    return EnergyRecord(
        operations_nj=round(energy.operations_nj(metrics.effective_macs, metrics.effective_acs), 4),
        pj_per_mac=energy.pj_per_mac,
        pj_per_ac=energy.pj_per_ac,
        operations_source=SOURCE_OPERATIONS,
        core_nj=None if cycles is None else round(energy.core_nj(cycles), 1),
        pj_per_cycle=energy.pj_per_cycle,
        core_source=SOURCE_CORE,
    )
