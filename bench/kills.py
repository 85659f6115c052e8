"""Kill training and compiling with signal 9 at random moments: nearwire bench kills [--count 200] [--seed 1]

Half of the kills meet ``train fit``: a run is killed and resumed until it ends, and must then have written the same network as one that was never
killed. Half meet ``compile`` over an older build: whatever the moment, the folder must hold the old build or the new one, whole. After every start
that ended by itself nothing may be left beside the outputs or in the temporary folder. Exit code 1 if anything is lost or left.

Commands run in forked processes, so that a start takes no seconds; checkpoints are written more often than usual, so that kills meet them.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import compile.commands.app as compiling
import train.commands.app as training
import train.loop.fit as loop
from bench.support.own_state import own_state
from devices.errors import NearwireError
from runtime.builds.checked import open_build

EPOCHS = (
    "fit",
    "--data",
    "digits",
    "--model",
    "field",
    "--head",
    "dense",
    "--hidden",
    "24",
    "--epochs",
    "40",
    "--quantise-epochs",
    "10",
    "--frames",
    "5",
)
COMPILE = ("zoo:digits-field", "--firmware-samples", "1")
CHECKPOINT_S = 0.05
LIBRARIES = {f"torchinductor_{getpass.getuser()}", ".ses"}  # what torch and LiteRT keep in the temporary folder, killed or not
WRITTEN = {"config.toml", "metrics.jsonl", "checkpoint.safetensors", "network.safetensors", "result.json", "curves.html", "curves.svg", "frames"}


@dataclass
class Tally:
    """What happened."""

    kills: int = 0
    ended: int = 0  # starts that ended by themselves, after which all was checked
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.kills} killed, {self.ended} starts ended by themselves, {len(self.faults)} faults"


@dataclass(frozen=True)
class Stage:
    """A folder to work in."""

    root: Path
    chance: random.Random

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def log(self) -> Path:
        return self.root / "log"

    def start(self, main: Callable[[list[str]], None], words: list[str], kill_after_s: float | None) -> int | None:
        """The exit code of a command; None if it was killed before it ended."""
        child = os.fork()
        if child == 0:
            self._become(main, words)
        end = None if kill_after_s is None else time.monotonic() + kill_after_s
        while True:
            ended, status = os.waitpid(child, 0 if end is None else os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if end is not None and time.monotonic() >= end:
                os.kill(child, signal.SIGKILL)
                return None if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL else 0
            time.sleep(0.001)

    def _become(self, main: Callable[[list[str]], None], words: list[str]) -> None:
        """In the forked process: run the command and end."""
        code = 1
        try:
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
            loop.CHECKPOINT_SECONDS = CHECKPOINT_S
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stdout.flush()
            os._exit(code)

    def left(self, folder: Path, allowed: set[str]) -> list[str]:
        """What is in the folder and the temporary folder that must not be."""
        return sorted(names(folder) - allowed) + sorted(names(self.temporary) - LIBRARIES)


def train_kills(stage: Stage, count: int) -> Tally:
    """Kill and resume runs."""
    words, tally = list(EPOCHS), Tally()
    begun = time.monotonic()
    if stage.start(training.main, [*words, "--out", str(stage.root / "whole")], None) != 0:
        raise NearwireError(stage.log.read_text())
    seconds = time.monotonic() - begun
    whole = (stage.root / "whole" / "network.safetensors").read_bytes()
    run = 0
    out = stage.root / "run-0"
    while tally.kills < count:
        resume = (out / "checkpoint.safetensors").is_file()
        line = ["fit", "--resume", "--out", str(out)] if resume else [*words, "--out", str(out)]
        code = stage.start(training.main, line, stage.chance.uniform(0, seconds))
        if code is None:
            tally.kills += 1
            continue
        if code != 0:
            tally.faults.append(f"train, run {run}: exit code {code}: {stage.log.read_text().strip()[-300:]}")
        elif (out / "network.safetensors").read_bytes() != whole:
            tally.faults.append(f"train, run {run}: another network than the run that was never killed")
        elif left := stage.left(out, WRITTEN):
            tally.faults.append(f"train, run {run}: left {left}")
        tally.ended += 1
        run += 1
        out = stage.root / f"run-{run}"
    return tally


def compile_kills(stage: Stage, count: int) -> Tally:
    """Kill compiles over an older build."""
    tally, place = Tally(), stage.root / "builds"
    out, versions, seconds = place / "digits", {}, 0.0
    kinds = ([], ["--no-report-samples"])
    for more in kinds:
        begun = time.monotonic()
        if stage.start(compiling.main, [*COMPILE, *more, "--out", str(out)], None) != 0:
            raise NearwireError(stage.log.read_text())
        seconds = max(seconds, time.monotonic() - begun)
        versions[tree(out)] = more
    while tally.kills < count:
        line = [*COMPILE, *stage.chance.choice(kinds), "--out", str(out)]
        code = stage.start(compiling.main, line, stage.chance.uniform(0, 1.1 * seconds))
        tally.kills += code is None
        tally.ended += code is not None
        if code:
            tally.faults.append(f"compile: exit code {code}: {stage.log.read_text().strip()[-300:]}")
        try:
            open_build(out)
            if tree(out) not in versions:
                tally.faults.append(f"compile, kill {tally.kills}: the build is neither the old nor the new one")
        except (NearwireError, OSError) as error:
            tally.faults.append(f"compile, kill {tally.kills}: {error}")
        if code == 0 and (left := stage.left(place, {"digits"})):
            tally.faults.append(f"compile, start {tally.ended}: left {left}")
    return tally


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def tree(folder: Path) -> str:
    """A digest of every file of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="kills, half of train, half of compile")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as name, own_state(Path(name) / "state"):
        for title, kills in (("train fit", train_kills), ("compile", compile_kills)):
            stage = Stage(Path(name) / title.replace(" ", "-"), random.Random(arguments.seed))
            stage.temporary.mkdir(parents=True)
            start = time.perf_counter()
            tally = kills(stage, arguments.count // 2)
            print(f"{title}: {tally}; {time.perf_counter() - start:.0f} s, seed {arguments.seed}", flush=True)
            faults += tally.faults
    for fault in faults[:20]:
        print(f"  {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
