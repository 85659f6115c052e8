"""Verify: every backend's scores on real samples against the integer reference. The promise is equality, not closeness.

Of a spiking network every spike of every neuron at every step is compared too, over the first SPIKE_SAMPLES of them, where a backend tells spikes.
``verify`` runs and counts; ``require`` turns any difference, and under CI any backend that could not run, into a CheckError.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from devices.errors import CheckError, InputError
from runtime.backends import Backend, Session, backend
from runtime.network import reference
from runtime.network.network import Array, Network
from runtime.network.spiking import integers

SPIKE_SAMPLES = 100


@dataclass(frozen=True)
class Difference:
    """The first sample on which a backend and the reference disagree."""

    sample: int  # index
    expected: tuple[int, ...]  # scores of the reference
    found: tuple[int, ...]  # scores of the backend


@dataclass(frozen=True)
class Parity:
    """One backend against the reference over ``samples`` samples; ``missing`` says why it did not run, and then nothing was compared."""

    samples: int
    label_mismatches: int
    max_abs_difference: int  # of any score
    detail: str = ""  # library and version, compiler, core
    wrong_samples: int = 0  # with any score different
    first: Difference | None = None
    missing: str | None = None
    spike_samples: int = 0  # samples whose spikes were compared, one by one
    spike_mismatches: int = 0  # of them: neurons and steps at which one side spikes and the other does not

    @property
    def exact(self) -> bool:
        return self.missing is None and self.max_abs_difference == 0 and self.spike_mismatches == 0


@dataclass(frozen=True)
class Known:
    """What the caller of ``verify`` has already: the reference's scores of all samples, and open sessions of the build by backend, which stay open."""

    scores: Array | None = None
    sessions: Mapping[str, Session] = field(default_factory=dict)


def verify(
    folder: Path,
    network: Network,
    samples: Array,
    backends: Sequence[str],
    limits: Mapping[str, int] | None = None,
    progress: Callable[[str], None] | None = None,
    board: str | None = None,
    known: Known | None = None,
) -> dict[str, Parity]:
    """Scores of every named backend on the build in ``folder`` against ``runtime.network.reference`` on ``network``.

    ``samples``: uint8 (n, inputs), n >= 1. ``limits``: the most samples for a slow backend, by name; the first ones are taken.
    ``board``: where backends that need one run; None: their own choice. ``known``: what need not be made again.
    """
    if not network.is_integer:
        raise InputError(f"a network of stage '{network.stage}' has no integer scores to compare with. Quantise it first.")
    flat = np.ascontiguousarray(reference.check_samples(network, samples))
    if len(flat) == 0:
        raise InputError("there is no sample to verify with. Give at least one.")
    known = known or Known()
    expected = reference.scores(network, flat) if known.scores is None else known.scores
    results: dict[str, Parity] = {}
    for name in backends:
        count = min(len(flat), (limits or {}).get(name, len(flat)))
        if progress:
            progress(f"{name}: {count} samples")
        chosen = backend(name).on(board)
        if name in known.sessions:
            results[name] = _compare(chosen, known.sessions[name], network, flat[:count], expected[:count])
        elif reason := chosen.missing():
            results[name] = Parity(0, 0, 0, missing=reason)
        else:
            with chosen.open(folder, network) as session:
                results[name] = _compare(chosen, session, network, flat[:count], expected[:count])
    return results


def _compare(chosen: Backend, session: Session, network: Network, samples: Array, expected: Array) -> Parity:
    scores, detail = session.scores(samples), session.detail
    spiked, moved = _spikes(session, network, samples[:SPIKE_SAMPLES])
    if scores.shape != expected.shape or scores.dtype != np.int32:
        raise CheckError(
            f"backend '{chosen.name}' returned {scores.dtype} scores of shape {scores.shape}; int32 of shape {expected.shape} was expected."
        )
    difference = np.abs(scores.astype(np.int64) - expected)
    wrong = np.flatnonzero(difference.any(axis=1))
    first = None
    if len(wrong):
        at = int(wrong[0])
        first = Difference(at, tuple(map(int, expected[at])), tuple(map(int, scores[at])))
    return Parity(
        samples=len(samples),
        label_mismatches=int((scores.argmax(axis=1) != expected.argmax(axis=1)).sum()),
        max_abs_difference=int(difference.max(initial=0)),
        detail=detail,
        wrong_samples=len(wrong),
        first=first,
        spike_samples=spiked,
        spike_mismatches=moved,
    )


def _spikes(session: Session, network: Network, samples: Array) -> tuple[int, int]:
    """Samples whose spikes were compared with the law's, and how many spikes differ."""
    if network.spiking is None or not session.tells_spikes:
        return 0, 0
    law = integers.run(network, samples)
    live = (np.arange(network.spiking.steps)[:, None] < law.executed)[..., None]
    spikes = session.spikes(samples)
    return len(samples), sum(int((spike_train != expected * live).sum()) for spike_train, expected in zip(spikes, law.spikes, strict=True))


def require(parities: Mapping[str, Parity]) -> None:
    """CheckError naming backend, first sample and scores if any differs; under CI (environment CI=true) a missing backend is one too."""
    faults = [_describe(name, parity) for name, parity in parities.items() if parity.missing is None and not parity.exact]
    if os.environ.get("CI", "").lower() in ("1", "true"):
        faults += [f"backend '{name}' was not verified: {parity.missing}" for name, parity in parities.items() if parity.missing]
    if faults:
        raise CheckError("; ".join(faults))


def _describe(name: str, parity: Parity) -> str:
    text = (
        f"backend '{name}' ({parity.detail}) differs from the integer reference on {parity.wrong_samples} of {parity.samples} samples "
        f"({parity.label_mismatches} labels, scores by up to {parity.max_abs_difference})"
    )
    if parity.spike_mismatches:
        text += f", {parity.spike_mismatches} spikes of {parity.spike_samples} samples differ"
    if parity.first is None:
        return text
    first = parity.first
    wrong = [k for k, (a, b) in enumerate(zip(first.expected, first.found, strict=True)) if a != b]
    shown = ", ".join(f"output {k}: expected {first.expected[k]}, got {first.found[k]}" for k in wrong[:4])
    more = f" and {len(wrong) - 4} more outputs" if len(wrong) > 4 else ""
    return f"{text}; first at sample {first.sample}: {shown}{more}. The file in the build does not compute the network: compile it again"
