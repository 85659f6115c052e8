"""Stored networks at the edges of every format and kind, for tests and benches of what is written from them: C, firmware, libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from bench.support.networks import box_network, integer_network, replicated_network, spatial_network, spiking_integers, spiking_network
from compile.formats import MATRIX_FORMATS
from runtime.network.check import validate
from runtime.network.network import Network


def stored(sizes: tuple[int, ...], stores: tuple[str, ...] = (), cut: int = 0, density: float = 0.6, zero_point: int = 0, seed: int = 0) -> Network:
    """A network with the formats in turn."""
    network = integer_network(sizes, density, seed, zero_point)
    names = stores or tuple(MATRIX_FORMATS)
    layers = tuple(replace(layer, store=names[k % len(names)]) for k, layer in enumerate(network.layers))
    return replace(network, layers=layers, stage="stored", input=replace(network.input, cut=cut))


def placed(network: Network, dense: str = "columns_s4", field: str = "boxes_s8") -> Network:
    """A network of boxes or prototypes, and columns."""
    stores = {"field": field, "replicated": "replicated_s8", "dense": dense}
    layers = tuple(replace(layer, store=stores[layer.kind]) for layer in network.layers)
    return replace(network, layers=layers, stage="stored")


def in_format(network: Network, *names: str) -> Network:
    """A network whose layers have these formats in turn."""
    layers = tuple(replace(layer, store=names[k % len(names)]) for k, layer in enumerate(network.layers))
    return replace(network, layers=layers, stage="stored")


def spiking(kind: str, sizes: tuple[int, ...], *names: str, cut: int = 0, lead: int | None = None, **constants: object) -> Network:
    """A spiking network whose layers have these formats in turn."""
    network = in_format(spiking_integers(spiking_network(kind, sizes, **constants)), *names)
    return validate(replace(network, input=replace(network.input, cut=cut), spiking=replace(network.spiking, exit_lead=lead)))


def boxes(grid: tuple[int, int], **options: int) -> Network:
    return placed(box_network(grid, **options))


class Networks(Mapping[str, Network]):
    """Networks by what is special about them, each made when it is first asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], Network]]) -> None:
        self._makers = {name: cache(make) for name, make in makers.items()}

    def __getitem__(self, name: str) -> Network:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


NETWORKS = Networks(
    {
        "all formats": lambda: stored((37, 21, 14, 9, 13, 11, 5), zero_point=11),
        "all formats, other order": lambda: stored((300, 12, 9, 6, 13, 11, 3), tuple(reversed(MATRIX_FORMATS)), density=0.2),
        "wide and sparse": lambda: stored((1100, 9, 3), ("csr_s8", "block4_s8"), density=0.02),
        "one layer": lambda: stored((1, 1), ("dense_s8",)),
        "narrow and wide": lambda: stored((5, 1, 40, 2), ("dense32_s8",), density=1.0),
        "cut input": lambda: stored((19, 8, 4), ("csr_s8",), cut=4),
        "cut input, one layer": lambda: stored((19, 4), ("dense_s8",), cut=7),
        "boxes and columns": lambda: boxes((9, 12), neurons=13, synapses=5, classes=11, middle=18),
        "boxes and ternary columns": lambda: placed(box_network((7, 5), neurons=140, classes=17, middle=33, largest=1), "columns_s2"),
        "boxes and odd columns": lambda: placed(box_network((7, 5), neurons=140, classes=17, middle=33, largest=3, odd=True), "columns_o2"),
        "spans": lambda: placed(box_network((1, 90), neurons=9, synapses=3, classes=5), field="spans_s8"),
        "boxes, narrow cells, cut input": lambda: boxes((30, 31), neurons=7, synapses=2, classes=3, cut=4),
        "replicated, two of them": lambda: placed(replicated_network((11, 14), 3, ({"stride": (2, 1)}, {"kernel": (5, 4), "padding": (2, 2)}))),
        "replicated, wide boxes, cut input": lambda: placed(replicated_network((15, 16), 1, ({"kernel": (15, 13), "padding": (9, 5)},), cut=2)),
        "replicated, means": lambda: placed(replicated_network((12, 15), 2, ({"pooling": "average", "pool": (4, 2), "kernel": (5, 5)},))),
        "replicated, means and maxima": lambda: placed(replicated_network((13, 13), 1, ({"pooling": "average"}, {"pool": (2, 3)}), cut=1)),
        "positions, on the fly": lambda: in_format(spatial_network((61, 17, 5), seed=4, zero_point=7), "coordinates_s8"),
        "positions, expanded": lambda: in_format(spatial_network((61, 17, 6, 5), cut_share=0.5), "expanded_s8"),
        "positions in space": lambda: in_format(spatial_network((30, 9, 7, 3), axes=3, cut_share=0.3), "coordinates_s8", "expanded_s8"),
        "no weights at all": lambda: stored((9, 5, 3, 3), ("csr_s8", "csr16_s8", "block4_s8"), density=0.0),
        "spiking, events": lambda: spiking("dense", (20, 30, 13, 4), "dense_s8", "events_s8"),
        "spiking boxes, reset to zero": lambda: spiking("field", (20, 300, 25), "boxes_s8", "events_s8", reset="zero", readout="count"),
        "spiking, bytes": lambda: spiking("dense", (20, 9, 11, 4), "csr_s8", "dense_s8", "block4_s8", readout="first", cut=3),
        "spiking positions, rate": lambda: spiking("spatial", (20, 12, 5), "events_s8", "coordinates_s8", coding="rate", steps=11),
        "spiking, latency, early exit": lambda: spiking("dense", (784, 17, 5), "events_s8", coding="latency", lead=300),
        "spiking, early exit by counts": lambda: spiking("dense", (20, 17, 5), "dense_s8", "events_s8", readout="count", lead=1, steps=15),
        "spiking, early exit by the first": lambda: spiking("dense", (20, 17, 5), "dense_s8", "events_s8", readout="first", lead=0, steps=15),
        "spiking, one layer": lambda: spiking("dense", (20, 4), "dense16_s8"),
        "spiking, many events": lambda: spiking("dense", (784, 13, 6), "events_s8", coding="rate", threshold=0.05, beta=1.0, steps=3),
    }
)
