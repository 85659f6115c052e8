"""Store: the cheapest format by objective over the whole network, the ledger, and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import float_network, integer_network, spiking_integers, spiking_network
from compile.formats import MATRIX_FORMATS as FORMATS
from compile.formats import DenseS8, Encoded
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from compile.passes.store import store
from devices.boards.board import Board, load_board
from devices.cost.model import coefficients, kernel_bytes
from devices.errors import CheckError, InputError
from runtime.network import reference
from runtime.network.file import load, save
from runtime.network.network import Array

BOARD = load_board("emulated-cortex-m4")


def test_objectives_pick_what_they_say() -> None:
    network = integer_network((400, 60, 10), density=0.3)
    by_name = {name: store(network, BOARD, choice=name)[1] for name in FORMATS}
    flash = store(network, BOARD, "flash")[1]
    latency = store(network, BOARD, "latency")[1]
    total_bytes = {name: sum(e.formats[name].bytes for e in ledger) + kernel_bytes(name, BOARD) for name, ledger in by_name.items()}
    total_instructions = {name: sum(e.formats[name].instructions for e in ledger) for name, ledger in by_name.items()}
    chosen_bytes = sum(e.formats[e.chosen].bytes for e in flash) + sum(kernel_bytes(n, BOARD) for n in {e.chosen for e in flash})
    assert chosen_bytes <= min(total_bytes.values())
    assert sum(e.formats[e.chosen].instructions for e in latency) <= min(total_instructions.values())


def test_dense_for_full_layers_and_csr_for_sparse_ones() -> None:
    assert store(integer_network((200, 100, 10), 1.0), BOARD)[1][0].chosen.startswith("dense")
    assert store(integer_network((200, 100, 10), 0.1), BOARD)[1][0].chosen == "csr_s8"
    assert store(integer_network((784, 100, 10), 0.1), BOARD, "latency")[1][0].chosen == "csr16_s8"


def test_blocks_for_layers_pruned_in_blocks() -> None:
    network = prune(freeze(float_network((200, 100, 8))), 0.8, structure="block4")
    quantised = quantise(network, np.random.default_rng(0).integers(0, 256, (50, 200)).astype(np.uint8))
    for objective in ("flash", "latency"):
        assert store(quantised, BOARD, objective)[1][0].chosen == "block4_s8"


def test_every_core_gets_the_dense_format_that_suits_its_multiplier() -> None:
    network = integer_network((200, 100, 10))
    assert {e.chosen for e in store(network, load_board("emulated-cortex-m0plus"), "latency")[1]} == {"dense32_s8"}
    assert {e.chosen for e in store(network, load_board("emulated-cortex-m3"), "latency")[1]} == {"dense_s8"}
    for core in ("m4", "m7", "m33"):
        assert {e.chosen for e in store(network, load_board(f"emulated-cortex-{core}"), "latency")[1]} == {"dense16_s8"}


def test_kernels_are_counted_once_so_a_small_layer_shares_one() -> None:
    network = integer_network((300, 64, 3), density=0.05)
    first, last = store(network, BOARD, "flash")[1]
    assert first.chosen == last.chosen == "csr_s8"


def test_the_ledger_tells_all_formats_and_why() -> None:
    stored, ledger = store(integer_network((30, 12, 4), density=0.2), BOARD)
    for layer, entry in zip(stored.layers, ledger, strict=True):
        assert entry.name == layer.name
        assert entry.chosen == layer.store
        assert set(entry.formats) == set(FORMATS)
        assert all(cost.bytes > 0 and cost.instructions > 0 for cost in entry.formats.values())
        assert str(entry.formats[entry.chosen].bytes) in entry.reason
        encoded = FORMATS[entry.chosen].encode(layer.arrays["weight"])
        shift = layer.arrays.get("shift")
        shifts = 0 if shift is None else 1 if len(set(shift.tolist())) == 1 else len(shift)
        assert entry.formats[entry.chosen].bytes == encoded.constants_bytes + 4 * layer.outputs + shifts


def test_storing_changes_no_result_and_survives_the_file(tmp_path: Path) -> None:
    network = integer_network((30, 12, 4), density=0.5, zero_point=3)
    samples = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    stored, _ = store(network, BOARD, "ram")
    assert stored.stage == "stored"
    save(stored, tmp_path / "network.safetensors")
    read = load(tmp_path / "network.safetensors")
    assert [layer.store for layer in read.layers] == [layer.store for layer in stored.layers]
    assert np.array_equal(reference.scores(read, samples), reference.scores(network, samples))


def test_a_named_format_is_taken_everywhere() -> None:
    stored, ledger = store(integer_network(), BOARD, choice="csr16_s8")
    assert {layer.store for layer in stored.layers} == {"csr16_s8"}
    assert all("asked for" in entry.reason for entry in ledger)


def test_wrong_names_and_stages_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'csr_s8'"):
        store(integer_network(), BOARD, choice="csr_8")
    with pytest.raises(InputError, match="Did you mean 'latency'"):
        store(integer_network(), BOARD, objective="latencey")
    with pytest.raises(InputError, match="Quantise it first"):
        store(float_network(), BOARD)


def test_a_format_that_loses_a_weight_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: DenseS8, encoded: Encoded) -> Array:
        return np.zeros(encoded.shape, np.int8)

    monkeypatch.setattr(DenseS8, "decode", wrong)
    with pytest.raises(CheckError, match="dense_s8.*does not give back"):
        store(integer_network(), BOARD)


def test_a_board_without_cost_tables_is_an_error() -> None:
    bare = Board.model_validate({**BOARD.model_dump(), "cost": {}})
    with pytest.raises(InputError, match=r"no table \[cost.dense_s8\]"):
        store(integer_network(), bare)
    none = replace(integer_network((70000, 3)).layers[0], name="wide")
    with pytest.raises(
        CheckError, match=r"layer 'wide' .* fits no storage format: dense_s8: it holds at most 65535 inputs.*boxes_s8: the layer has no"
    ):
        store(integer_network((70000, 3)).with_layers((none,)), BOARD)
    incomplete = {**BOARD.cost, "dense_s8": {"call": 1.0}}
    with pytest.raises(InputError, match="lacks"):
        store(integer_network(), Board.model_validate({**BOARD.model_dump(), "cost": incomplete}))


@pytest.mark.parametrize("name", ["host", "emulated-pi3", "emulated-pi4", "emulated-pi5", "raspberry-pi-5"])
def test_computers_have_cost_tables_of_their_own(name: str) -> None:
    """There every matrix format is expanded to the same bytes, so the smallest one is as fast as any."""
    ledger = store(integer_network((300, 40, 10), 0.3), load_board(name))[1][0]
    assert len({cost.instructions for cost in ledger.formats.values()}) == 1
    assert ledger.chosen in sorted(ledger.formats, key=lambda entry: ledger.formats[entry].bytes)[:2]
    sparse = store(integer_network((300, 40, 10), 0.01), load_board(name), "latency")[1][0]
    assert sparse.chosen in ("csr_s8", "csr16_s8")
    assert 0 < sparse.formats["csr_s8"].instructions < sparse.formats["dense_s8"].instructions


def test_a_computer_borrows_the_tables_it_lacks() -> None:
    assert coefficients("replicated_s8", load_board("host")) == coefficients("replicated_s8", BOARD)
    assert coefficients("boxes_s8", load_board("raspberry-pi-4")) == coefficients("boxes_s8", load_board("emulated-pi3"))


def test_neurons_that_spike_requantise_nothing_on_a_computer_either() -> None:
    layer = spiking_integers(spiking_network()).layers[0]
    assert FORMATS["dense_s8"].features_on(layer, load_board("host"))["requantised"] == 0
    assert FORMATS["dense_s8"].features_on(integer_network().layers[0], load_board("host"))["requantised"] > 0
