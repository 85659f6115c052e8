"""What a spiking network does and may cost, as rows of text: the same for compile's summary, profile and both reports."""

from __future__ import annotations

from devices.common.console import print_table
from runtime.builds.manifest import Cost, NeuroBench


def metric_rows(metrics: NeuroBench, cost: Cost | None) -> list[tuple[str, str, str]]:
    """(metric, figure, what it means)."""
    operations, worst = metrics.synaptic_operations, metrics.worst_case
    over = f"{metrics.samples:,} test samples, mean of one inference"
    rows = [
        ("Footprint", f"{metrics.footprint_bytes:,} B", "constants and static RAM, code not included"),
        ("ConnectionSparsity", f"{metrics.connection_sparsity:.4f}", "share of the weights that are 0"),
        ("ActivationSparsity", f"{metrics.activation_sparsity:.4f}", "share of neurons and steps without a spike"),
        ("SynapticOperations, Dense", f"{operations.dense:,.0f}", over),
        ("SynapticOperations, Effective_MACs", f"{operations.effective_macs:,.0f}", "inputs are values: multiplied, once an inference"),
        ("SynapticOperations, Effective_ACs", f"{operations.effective_acs:,.0f}", "inputs are spikes: added up"),
        ("spikes", f"{metrics.spikes:,.1f}", f"of one inference, mean; at most {metrics.spikes_max:,}"),
        ("executed steps", f"{metrics.executed_steps:,.2f}", "mean"),
    ]
    if cost is not None:
        rows.append(
            (
                "instructions",
                f"{cost.instructions:,}",
                f"mean of {cost.samples:,} test samples; seen {cost.instructions_min:,} to {cost.instructions_max:,}",
            )
        )
        if worst is None:
            rows.append(("instructions, worst case", "not proven", "only for cores that are emulated in process"))
        else:
            note = f"proven: no input takes more; {worst.instructions / cost.instructions_max:.2f} of the largest seen"
            rows.append(("instructions, worst case", f"{worst.instructions:,}", note))
    return [*rows, *energy_rows(metrics)]


def energy_rows(metrics: NeuroBench) -> list[tuple[str, str, str]]:
    """Both estimates with their assumptions."""
    e = metrics.energy
    core = "not estimated" if e.core_nj is None else f"{e.core_nj:,.0f} nJ"
    missing = "; the cycles of this core are not known" if e.core_nj is None else ""
    return [
        (
            "energy of the arithmetic, ESTIMATE",
            f"{e.operations_nj:,.3g} nJ",
            f"{e.pj_per_mac:g} pJ a MAC, {e.pj_per_ac:g} pJ an AC: {e.operations_source}",
        ),
        ("energy of the core, ESTIMATE", core, f"{e.pj_per_cycle:g} pJ a cycle: {e.core_source}{missing}"),
    ]


def layer_rows(metrics: NeuroBench) -> list[tuple[str, str, str, str, str, str, str]]:
    """(layer, neurons, of them silent, spikes, a neuron and step, operations: effective, dense)."""
    return [
        (
            layer.name,
            f"{layer.neurons:,}",
            f"{layer.silent:,}",
            f"{layer.spikes:,.1f}",
            f"{layer.firing:.4f}",
            f"{layer.effective:,.0f} {layer.operation}s",
            f"{layer.dense:,.0f}",
        )
        for layer in metrics.layers
    ]


LAYER_HEADER = ("layer", "neurons", "of them never spike", "spikes", "spikes a neuron and step", "effective operations", "dense")


def print_neurobench(metrics: NeuroBench, cost: Cost | None) -> None:
    """Both tables on the terminal."""
    print_table(
        "spikes and operations (NeuroBench's metrics)", ["metric", "figure", "what it means"], [list(row) for row in metric_rows(metrics, cost)]
    )
    print_table(
        f"layers over {metrics.samples:,} test samples, means of one inference", list(LAYER_HEADER), [list(row) for row in layer_rows(metrics)]
    )
