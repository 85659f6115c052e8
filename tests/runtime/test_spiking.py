"""The integer law of spiking networks: against plain loops, against the float form, and its codings, read-outs and early exit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.support.networks import spiking_integers, spiking_network
from devices.errors import InputError
from runtime.network import reference
from runtime.network.check import validate
from runtime.network.file import from_bytes, to_bytes
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.spiking.coding import SEED, encode, limits
from runtime.network.spiking.constants import CODINGS, READOUTS, RESETS, Spiking
from runtime.network.spiking.integers import Trace, run, silent_limit


def samples(n: int, inputs: int = 20, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, inputs)).astype(np.uint8)


def by_hand(network: Network, sample: np.ndarray) -> tuple[list[list[list[int]]], list[int]]:
    """Spikes [layer][step][neuron] and scores after all steps, one Python integer at a time, as runtime/network/spiking/integers.py states it."""
    spiking = network.spiking
    assert spiking is not None
    weights = [kind_of(layer).integer_weights(layer).astype(int).tolist() for layer in network.layers]
    membranes = [[0] * layer.outputs for layer in network.layers]
    spikes: list[list[list[int]]] = [[] for _ in network.layers]
    scores = [0] * len(network.classes)
    state = SEED
    for t in range(spiking.steps):
        arriving = [int(u) for u in sample]
        if spiking.coding == "latency":
            arriving = [int(u >= 3 and t == ((255 - u) * (spiking.steps - 1) + 127) // 255) for u in arriving]
        elif spiking.coding == "rate":
            drawn: list[int] = []
            while len(drawn) < len(arriving):
                for left, right in ((13, 0), (0, 17), (5, 0)):
                    state ^= (state << left) & 0xFFFFFFFF if left else state >> right
                drawn += [state >> 8 * k & 255 for k in range(4)]
            arriving = [int(u > r) for u, r in zip(arriving, drawn, strict=False)]
        for k, layer in enumerate(network.layers):
            o = layer.options
            steady = k == 0 and spiking.coding == "direct"
            zero_point = network.input.zero_point if steady else 0
            fired = []
            for j in range(layer.outputs):
                acc = int(layer.arrays["bias"][j]) + sum(w * (x - zero_point) for w, x in zip(weights[k][j], arriving, strict=True))
                if steady:
                    s = int(layer.arrays["shift"][j])
                    current = min(max((acc + (1 << (s - 1))) >> s, -(2**15)), 2**15 - 1)
                else:
                    current = acc << o["lift"]
                m = membranes[k][j]
                before = m > o["threshold"]
                if before and spiking.reset == "zero":
                    m = 0
                m = (m * o["decay"] + 2**14 >> 15) + current
                if before and spiking.reset == "subtract":
                    m -= o["threshold"]
                membranes[k][j] = min(max(m, -(2**15)), 2**15 - 1)
                fired.append(int(membranes[k][j] > o["threshold"]))
            spikes[k].append(fired)
            arriving = fired
        for j, spike in enumerate(arriving):
            if spiking.readout == "membrane":
                scores[j] += membranes[-1][j]
            elif spiking.readout == "count":
                scores[j] += spike
            elif spike and not scores[j]:
                scores[j] = spiking.steps - t
    return spikes, scores


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("kind", ["dense", "spatial", "field"])
def test_the_reference_is_the_law_one_integer_at_a_time(kind: str, reset: str, readout: str, coding: str) -> None:
    network = spiking_integers(spiking_network(kind, reset=reset, readout=readout, coding=coding))
    found = run(network, samples(5))
    for n, sample in enumerate(samples(5)):
        spikes, scores = by_hand(network, sample)
        for layer, wanted in zip(found.spikes, spikes, strict=True):
            assert layer[:, n].tolist() == wanted
        assert found.scores[n].tolist() == scores
    assert 0 < np.mean([layer.mean() for layer in found.spikes]) < 1
    assert (reference.scores(network, samples(5)) == found.scores).all()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("reset", RESETS)
def test_integers_spike_nearly_as_floats_do(reset: str, coding: str) -> None:
    network = spiking_network("dense", (20, 30, 4), reset=reset, coding=coding, readout="count")
    floats, integers = reference.trace(network, samples(300)), reference.trace(spiking_integers(network), samples(300))
    assert np.abs(floats[0] - integers[0]).mean() < 0.02
    assert np.abs(floats[-1] - integers[-1]).mean() < 0.2  # spikes of 6 steps


def test_every_layer_may_have_its_own_beta_and_threshold(tmp_path: object) -> None:
    plain = spiking_network(beta=0.5, threshold=0.4)
    special = plain.with_layers(tuple(layer.with_options(beta=0.5, threshold=0.4) for layer in plain.layers))
    special = validate(replace(special, spiking=Spiking(steps=6, beta=0.9, threshold=5.0)))
    assert (reference.scores(plain, samples(9)) == reference.scores(special, samples(9))).all()
    first, second = spiking_integers(plain), spiking_integers(special)
    assert (reference.scores(first, samples(9)) == reference.scores(second, samples(9))).all()
    assert to_bytes(from_bytes(to_bytes(second))) == to_bytes(second)


@pytest.mark.parametrize("readout", READOUTS)
def test_an_early_exit_stops_where_the_rule_says(readout: str) -> None:
    network = spiking_integers(spiking_network("dense", (20, 30, 4), readout=readout, steps=9))
    lead = 1 if readout == "count" else 300
    hasty = validate(replace(network, spiking=replace(network.spiking, exit_lead=lead)))
    whole, early = run(network, samples(200)), run(hasty, samples(200))
    assert early.executed.min() < 9 == whole.executed.min()
    if readout != "membrane":  # nothing that was left could have changed the label
        assert (early.scores.argmax(1) == whole.scores.argmax(1)).all()
    _check_exit(network, early, readout, lead)


def _check_exit(network: Network, early: Trace, readout: str, lead: int) -> None:
    last_spikes, last_membranes = early.spikes[-1].astype(int), early.membranes[-1].astype(int)
    for n, steps in enumerate(early.executed):
        for t in range(int(steps)):
            so_far = last_membranes[: t + 1, n].sum(0) if readout == "membrane" else last_spikes[: t + 1, n].sum(0)
            best, second = sorted(so_far.tolist())[::-1][:2]
            over = so_far.max() > 0 if readout == "first" else best - second > lead * (8 - t)
            assert (over or t == 8) == (t == steps - 1)


def test_codings_spike_as_often_as_they_say() -> None:
    u = np.array([[0, 2, 3, 128, 255]], np.uint8)
    latency = encode(u, Spiking(steps=11, coding="latency"))[:, 0]
    assert latency.sum(0).tolist() == [0, 0, 1, 1, 1]
    assert latency.argmax(0).tolist()[2:] == [10, 5, 0]
    rate = encode(np.full((1, 784), 64, np.uint8), Spiking(steps=100, coding="rate"))
    assert abs(rate.mean() - 0.25) < 0.005
    assert limits(3, 5).shape == (3, 5)
    with pytest.raises(InputError, match="direct"):
        encode(u, Spiking())


def test_a_current_below_the_silent_limit_never_spikes_and_one_at_it_does() -> None:
    for decay, threshold, steps in ((31130, 3000, 10), (0, 100, 4), (32768, 16383, 7), (20000, 1, 1)):
        limit = silent_limit(decay, threshold, steps)
        for current, wanted in ((limit - 1, False), (limit, True)):
            m, spiked = 0, False
            for _ in range(steps):
                m = min((m * decay + 2**14 >> 15) + current, 2**15 - 1)
                spiked = spiked or m > threshold
            assert spiked == wanted


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda n: n.with_layers((n.layers[0].with_options(threshold=0), *n.layers[1:])), "threshold"),
        (lambda n: n.with_layers((n.layers[0].with_options(decay=40000), *n.layers[1:])), "decay"),
        (lambda n: n.with_layers((*n.layers[:-1], n.layers[-1].with_options(lift=13))), "lift"),
        (lambda n: n.with_layers((n.layers[0].with_arrays(("shift",)), *n.layers[1:])), "shift"),
        (lambda n: n.with_layers((*n.layers[:-1], n.layers[-1].with_arrays(bias=np.full(4, 2**28, np.int32)))), "membrane"),
        (lambda n: replace(n, spiking=replace(n.spiking, steps=0)), "0 time steps"),
        (lambda n: replace(n, spiking=replace(n.spiking, beta=1.5)), "beta 1.5"),
        (lambda n: replace(n, spiking=replace(n.spiking, exit_lead=-1)), "early exit"),
        (lambda n: replace(n, spiking=replace(n.spiking, coding="rate"), input=replace(n.input, zero_point=9)), "coding 'rate'"),
    ],
)
def test_damaged_spiking_files_are_refused(change: object, word: str) -> None:
    with pytest.raises(InputError, match=word):
        validate(change(spiking_integers(spiking_network())))  # type: ignore[operator]


def test_replicated_layers_cannot_spike() -> None:
    with pytest.raises(InputError, match="replicated"):
        spiking_network("replicated", (20, 12, 4))
