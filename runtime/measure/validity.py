"""Validity: may a measurement be trusted? From the conditions before and after it and from how its own times moved.

A run is invalid if the computer throttled, its clock fell, or a backend's times drifted. What makes a run only less sharp (a governor that
saves power, other work on the machine) is a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from devices.common.conditions import Conditions

CLOCK_FALL = 0.9  # of the clock before
DRIFT = 1.10  # last third of the rounds against the first third
DRIFT_NEEDS_NS = 100e6  # shorter measurements say nothing about drift
DRIFT_NEEDS_ROUNDS = 6
STOLEN_SHARE = 0.02  # of the CPU time of the measurement
TICKS_A_SECOND = 100
FLAGS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
SINCE_BOOT = 16  # these flags' "since boot" twins are so many bits higher
STEADY_GOVERNORS = ("performance", "userspace")


def drift(round_ns: Sequence[float], total_ns: float) -> float | None:
    """How much slower the last third of the rounds' typical times is than the first third: 1.0 is steady. None: too short to tell."""
    if len(round_ns) < DRIFT_NEEDS_ROUNDS or total_ns < DRIFT_NEEDS_NS:
        return None
    third = len(round_ns) // 3
    return float(np.median(round_ns[-third:]) / np.median(round_ns[:third]))


def invalid_because(before: Conditions, after: Conditions, drifts: Mapping[str, float | None]) -> list[str]:
    """Why the measurement must not be trusted; empty if it may. ``drifts`` by backend."""
    reasons = [f"the board says: {text}" for text in _flag_texts(before, after)]
    if before.throttle_count is not None and after.throttle_count is not None and after.throttle_count > before.throttle_count:
        reasons.append(f"throttled: {after.throttle_count - before.throttle_count} throttle events during the run")
    if before.frequency_mhz and after.frequency_mhz and after.frequency_mhz < CLOCK_FALL * before.frequency_mhz:
        reasons.append(f"the clock fell from {before.frequency_mhz:.0f} to {after.frequency_mhz:.0f} MHz during the run")
    for name, ratio in drifts.items():
        if ratio is not None and not 1 / DRIFT <= ratio <= DRIFT:
            reasons.append(f"{name} drifted: the last third of its rounds took {ratio:.2f} x the first third")
    return reasons


def notes(before: Conditions, after: Conditions, seconds: float) -> list[str]:
    """What a reader of the figures should know."""
    remarks = []
    if before.governor and any(name not in STEADY_GOVERNORS for name in before.governor.split("+")):
        remarks.append(f"governor '{before.governor}' changes the clock; 'performance' gives steadier times")
    if before.load_1min is not None and before.cpus and before.load_1min > 0.5 * before.cpus:
        remarks.append(f"other work was running: load {before.load_1min:.1f} on {before.cpus} CPUs")
    if before.stolen_ticks is not None and after.stolen_ticks is not None and before.cpus:
        share = (after.stolen_ticks - before.stolen_ticks) / TICKS_A_SECOND / max(seconds * before.cpus, 1e-9)
        if share > STOLEN_SHARE:
            remarks.append(f"the hypervisor gave {share:.0%} of the CPU time to others")
    if before.core and " + " in before.core:
        remarks.append(f"the cores differ ({before.core}) and the system chose among them")
    if after.throttled_flags is not None and (past := _bits(after.throttled_flags >> SINCE_BOOT)):
        remarks.append(f"since the board started there was: {', '.join(past)}")
    return remarks


def _flag_texts(before: Conditions, after: Conditions) -> list[str]:
    """Flags that are set now, and "since boot" flags that were set in between."""
    if before.throttled_flags is None or after.throttled_flags is None:
        return []
    risen = (after.throttled_flags & ~before.throttled_flags) >> SINCE_BOOT
    return _bits((before.throttled_flags | after.throttled_flags | risen) & 0xF)


def _bits(flags: int) -> list[str]:
    return [text for bit, text in FLAGS.items() if flags >> bit & 1]
