"""The passes: what each promises, on small random networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bench.support.networks import float_network
from compile.passes.freeze import freeze, undecided
from compile.passes.positions import integer_positions
from compile.passes.prune import density, prune
from compile.passes.quantise import quantise
from devices.errors import CheckError, InputError
from runtime.network.kinds import kind_of
from runtime.network.kinds.spatial import Spatial
from runtime.network.network import InputSpec, Layer, Network
from runtime.network.reference import labels, trace

SAMPLES = np.random.default_rng(5).integers(0, 256, (1500, 20)).astype(np.uint8)


def test_freeze_snaps_masks_to_their_sign_and_leaves_the_rest() -> None:
    trained = float_network(kind="spatial")
    frozen = freeze(trained)
    for before, after in zip(trained.layers, frozen.layers, strict=True):
        assert np.array_equal(after.arrays["sign"], np.where(before.arrays["inhibition"] < 0, -1, 1))
        assert np.array_equal(after.arrays["sender"], before.arrays["sender"])
    assert freeze(frozen) is frozen
    assert 0 < undecided(trained) < 1
    assert undecided(frozen) == 0


@pytest.mark.parametrize("kind", ["dense", "spatial"])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_prune_cuts_the_asked_share_of_the_smallest(kind: str, share: float, scope: str) -> None:
    network = freeze(float_network((20, 32, 16, 4), kind))
    cut = prune(network, share, scope)
    assert density(cut) == pytest.approx(1 - share, abs=0.01)
    for before, after in zip(network.layers, cut.layers, strict=True):
        full, kept = kind_of(before).weights(before), kind_of(after).weights(after)
        assert np.array_equal(kept[kept != 0], full[kept != 0])
        if scope == "layer":
            assert np.abs(full[kept == 0]).max() <= np.abs(kept[kept != 0]).min()


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_prune_in_blocks_cuts_whole_blocks_the_weakest_first(scope: str) -> None:
    network = freeze(float_network((20, 30, 16, 5), "dense"))
    cut = prune(network, 0.8, scope, "block4")
    assert density(cut) == pytest.approx(0.2, abs=0.02)
    for before, after in zip(network.layers, cut.layers, strict=True):
        for first in range(0, before.outputs, 4):
            full, kept = before.arrays["weight"][first : first + 4], after.arrays["weight"][first : first + 4]
            whole = (kept != 0).any(axis=0)
            assert np.array_equal(kept, np.where(whole, full, 0))
        means = np.abs(before.arrays["weight"][: before.outputs // 4 * 4]).reshape(-1, 4, before.inputs).mean(axis=1)
        stays = (after.arrays["weight"][: before.outputs // 4 * 4].reshape(-1, 4, before.inputs) != 0).any(axis=1)
        if scope == "layer" and stays.any() and not stays.all():
            assert means[~stays].max() <= means[stays].min()


def test_spatial_layers_refuse_blocks_and_unknown_structures_suggest() -> None:
    with pytest.raises(InputError, match="layer 'layer0' of kind 'spatial' cannot be pruned in structure 'block4'"):
        prune(freeze(float_network(kind="spatial")), 0.5, structure="block4")
    with pytest.raises(InputError, match="Did you mean 'block4'"):
        prune(freeze(float_network()), 0.5, structure="blocks4")


def test_prune_cuts_the_longest_connections_of_spatial_layers() -> None:
    layer = prune(freeze(float_network(kind="spatial")), 0.6).layers[0]
    d2 = Spatial().squared_distances(layer)
    kept = Spatial().weights(layer) != 0
    assert d2[kept].max() <= layer.options["cutoff2"] < d2[~kept].min()


def test_global_scope_moves_the_cut_between_layers() -> None:
    network = freeze(float_network((20, 64, 4), "dense"))
    per_layer = [np.count_nonzero(kind_of(x).weights(x)) / kind_of(x).weights(x).size for x in prune(network, 0.7, "global").layers]
    assert max(per_layer) - min(per_layer) > 0.05


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5])
def test_prune_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="prune share is"):
        prune(freeze(float_network()), share)


def test_box_layers_refuse_to_be_pruned() -> None:
    with pytest.raises(InputError, match="layer 'layer0' of kind 'field' cannot be pruned"):
        prune(freeze(float_network(kind="field")), 0.5)


def test_unknown_scope_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'global'"):
        prune(freeze(float_network()), 0.5, "globl")


@pytest.mark.parametrize(("kind", "share"), [("dense", 0), ("dense", 0.6), ("spatial", 0), ("spatial", 0.6), ("field", 0), ("replicated", 0)])
def test_quantised_network_follows_the_float_network(kind: str, share: float) -> None:
    pruned = prune(freeze(float_network((20, 32, 16, 4), kind)), share)
    integer = quantise(pruned, SAMPLES[:1000])
    # Rounded positions move connections at the cut across it, which a network of 20 inputs feels.
    assert (labels(pruned, SAMPLES) == labels(integer, SAMPLES)).mean() > (0.96 if share == 0 or kind == "dense" else 0.8)
    for layer, wanted, found in zip(integer.layers[:-1], trace(pruned, SAMPLES), trace(integer, SAMPLES), strict=False):
        error = found * layer.options["output_scale"] - wanted
        assert np.sqrt((error**2).mean()) < (0.03 if share == 0 else 0.1) * wanted.max()
    assert density(integer) == pytest.approx(density(pruned), abs=0.03)


def test_tied_layers_keep_one_grid_of_positions() -> None:
    layers = integer_positions(freeze(float_network((20, 12, 8, 4), "spatial")), 8)
    assert len({layer.options["step"] for layer in layers}) == 1
    for before, after in itertools.pairwise(layers):
        assert np.array_equal(before.arrays["receiver"], after.arrays["sender"])
    assert max(np.abs(layer.arrays["receiver"]).max() for layer in layers) <= 127


def test_more_bits_bring_the_weights_closer() -> None:
    frozen = freeze(float_network(kind="spatial"))
    real = Spatial().squared_distances(frozen.layers[0])

    def error(bits: int) -> float:
        layer = integer_positions(frozen, bits)[0]
        return float(np.abs(Spatial().squared_distances(layer) * layer.options["step"] ** 2 - real).max())

    assert error(12) < error(8) < error(4)


def test_a_neuron_far_out_does_not_coarsen_the_grid_of_the_others() -> None:
    frozen = freeze(float_network(kind="spatial"))
    usual = integer_positions(frozen, 8)[0].options["step"]
    sender = frozen.layers[0].arrays["sender"].copy()
    sender[3] = 1000.0
    far = frozen.with_layers((frozen.layers[0].with_arrays(sender=sender), *frozen.layers[1:]), "frozen")
    layer = integer_positions(far, 8)[0]
    assert layer.options["step"] < 2 * usual
    assert np.abs(layer.arrays["sender"]).max() == 127
    weights = Spatial().weights(frozen.layers[0])
    found = quantise(far, SAMPLES).layers[0]
    close = Spatial().integer_weights(found) * found.arrays["weight_scale"][:, None]
    others = np.arange(weights.shape[1]) != 3
    assert np.abs(close - weights)[:, others].mean() < 0.07 * np.abs(weights).mean()


@pytest.mark.parametrize("bits", [3, 13])
def test_bits_outside_their_range_are_refused(bits: int) -> None:
    with pytest.raises(InputError, match="bits a coordinate"):
        quantise(freeze(float_network(kind="spatial")), SAMPLES, bits)


def test_empty_calibration_is_refused() -> None:
    with pytest.raises(InputError, match="calibration set is empty"):
        quantise(freeze(float_network()), SAMPLES[:0])


def test_sums_that_overflow_are_refused_by_layer() -> None:
    inputs = 70_000
    weight = np.ones((2, inputs), np.float32)
    layer = Layer("wide", "dense", inputs, 2, "none", {"weight": weight, "bias": np.zeros(2, np.float32)})
    network = Network((layer,), InputSpec((inputs,)), ("a", "b"), stage="pruned")
    with pytest.raises(CheckError, match="layer 'wide': sums up to .* do not fit int32"):
        quantise(network, np.full((2, inputs), 200, np.uint8))


@pytest.mark.parametrize("kind", ["field", "replicated"])
@pytest.mark.parametrize("seed", range(20))
def test_box_charges_never_sum_beyond_the_law(kind: str, seed: int) -> None:
    network = freeze(float_network((20, 12, 4), kind, seed))
    integer = quantise(network, SAMPLES[:50]).layers[0]
    found = np.abs(kind_of(integer).integer_weights(integer).astype(int)).max(axis=1)
    assert found.max() <= 63
    assert found.min() > 12, "the scale leaves most of the range unused"


def test_a_mean_is_calibrated_by_what_it_averages() -> None:
    network = freeze(float_network((20, 12, 4), "replicated"))
    first = network.layers[0].with_options(pooling="average")
    network = network.with_layers((first, *network.layers[1:]))
    wanted = trace(network, SAMPLES)[0]
    done = quantise(network, SAMPLES)
    found = trace(done, SAMPLES)[0] * done.layers[0].options["output_scale"]
    assert np.abs(found - wanted).mean() < 0.02 * wanted.max()
    sums = np.maximum(kind_of(first).float_sums(first)(network.input.to_real(SAMPLES)), 0)
    assert 255 * done.layers[0].options["output_scale"] > 0.99 * np.percentile(sums[sums > 0], 99.99)


def trained_steps(kind: str, factor: float = 1.0) -> Network:
    """A network whose first layer says which steps it was trained with: powers of two of one base."""
    network = float_network((20, 12, 4), kind)
    first = network.layers[0]
    rows = len(first.arrays["bias"])
    step = (0.02 * 2.0 ** -np.arange(rows).clip(0, 2)).astype(np.float32)
    name = "weight" if kind == "dense" else "charge"
    values = np.clip(np.rint(first.arrays[name] / step[:, None]), -15, 15) * step[:, None]
    arrays = {name: values.astype(np.float32), "step": step, "bias": np.zeros(rows, np.float32)}
    layer = first.with_arrays(**arrays).with_options(output_scale=float(0.02 / 255 * 2**5 * factor))
    return network.with_layers((layer, *network.layers[1:]))


@pytest.mark.parametrize("kind", ["dense", "field", "replicated"])
def test_trained_steps_are_kept_exactly(kind: str) -> None:
    trained = trained_steps(kind)
    before, after = trained.layers[0], quantise(freeze(trained), SAMPLES[:50]).layers[0]
    name = "weight" if kind == "dense" else "charge"
    assert np.array_equal(after.arrays[name], np.rint(before.arrays[name] / before.arrays["step"][:, None]))
    assert np.array_equal(after.arrays["shift"], 5 + np.arange(len(before.arrays["bias"])).clip(0, 2))


def test_trained_scale_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(InputError, match="its trained activation scale"):
        quantise(freeze(trained_steps("dense", 1.3)), SAMPLES[:50])
