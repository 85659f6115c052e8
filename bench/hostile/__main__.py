"""Read hostile mutants of what comes from outside: nearwire bench hostile --surface NAME --count N --seed S

Prints, a surface, how many mutants were accepted and refused, the tracebacks, hangs of more than 10 s, crashes and memory beyond 4 times the file
and 300 MB, and every fault by its signature with the number of its first mutant. Exit code 3 if there is any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from bench.hostile import arrays, boards, builds, checkpoints, documents, images, network
from bench.hostile.report import Report

SURFACES: dict[str, Callable[[int, int], Report]] = {
    "network": network.run,
    "npz": arrays.run_npz,
    "npy": arrays.run_npy,
    "idx": arrays.run_idx,
    "images": images.run,
    "config": documents.run_config,
    "board": documents.run_board,
    "bench": documents.run_bench,
    "checkpoint": checkpoints.run_checkpoint,
    "metrics": checkpoints.run_metrics,
    "manifest": builds.run_manifest,
    "onnx": builds.run_onnx,
    "tflite": builds.run_tflite,
    **boards.RUNS,
}
KINDS = ("traceback", "hang", "crash", "memory", "unnamed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", action="append", choices=[*SURFACES, "all"], help="which; may be given several times (default: all)")
    parser.add_argument("--count", type=int, default=10_000, help="mutants of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chosen = arguments.surface or ["all"]
    bad = False
    for name in SURFACES if "all" in chosen else chosen:
        report = SURFACES[name](arguments.count, arguments.seed)
        show(report)
        bad |= bool(report.faults)
    sys.exit(3 if bad else 0)


def show(report: Report) -> None:
    """One line for the surface, and one for every fault."""
    counts = ", ".join(f"{report.count(kind)} {kind}" for kind in KINDS)
    print(
        f"{report.surface}, seed {report.seed}: {report.mutants:,} mutants, {report.accepted:,} accepted, {report.refused:,} refused, {counts}; "
        f"peak {report.peak_bytes / 1e6:.0f} MB over the start, {report.seconds:.0f} s",
        flush=True,
    )
    for fault, times in report.faults.most_common():
        print(f"    {times:6} x {fault}   first: mutant {report.first[fault]}", flush=True)


if __name__ == "__main__":
    main()
