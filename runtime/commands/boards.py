"""``nearwire runtime flash`` and ``serve``: a build's firmware onto a real board, or running on an emulated one behind a serial port."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from devices.boards.board import Board, load_board
from devices.common.console import JsonOption, print_json
from devices.common.files import write_whole
from devices.common.temporary import temporary_folder
from devices.common.text import say
from devices.errors import InputError
from devices.links import Connection, open_link
from devices.links.terminal import Terminal
from devices.tools import flash as flashing
from devices.tools.program import Program
from runtime.backends.firmware.program import firmware
from runtime.backends.trust import require_trust
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.commands.choices import BuildArgument, TrustOption

Device = Annotated[str, typer.Option("--device", help="Board, or BOARD@PORT for one on a serial port.", show_default=False)]
CHECK_S = 0.2  # a served emulator that has ended is noticed so soon
OutOption = Annotated[Path | None, typer.Option("--out", help="Keep the linked firmware and the image in this folder.")]


def flash(
    build: BuildArgument,
    device: Device,
    out: OutOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the firmware and print the command, but do not run it.")] = False,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Make a build's firmware for a board and flash it."""
    board, port = _board(device)
    opened = open_build(build)
    require_trust(opened, ["firmware"], trust)
    with temporary_folder() as name:
        program = _made(opened, board, Path(name))
        if out is not None:
            write_whole(out / program.path.name, program.path.read_bytes())
            program = replace(program, path=out / program.path.name)
        plan = (flashing.plan if dry_run else flashing.flash)(program.path, board, port)
        size = {"flash_bytes": program.sizes.flash, "ram_bytes": program.sizes.ram, "status": board.status}
        if json:
            print_json({"board": board.name, "command": list(plan.command), "image": str(plan.image), "flashed": not dry_run, **size})
            return
        say(plan if dry_run else f"flashed {board.name}: {plan}")
        say(f"firmware: {program.sizes.flash:,} bytes of flash, {program.sizes.ram:,} of RAM, {program.compiler}")
        if board.status:
            say(f"{board.name}: {board.status}")
        if dry_run and out is None:
            say("the image was not kept: give --out DIR for that")


def serve(build: BuildArgument, device: Device = "emulated-cortex-m4", trust: TrustOption = False) -> None:
    """Run a build's firmware on an emulated board and give it a serial port, for any host of the MLPerf Tiny protocol. Ctrl-C ends it."""
    board, _ = _board(device)
    if board.link == "serial":
        raise InputError(f"board '{board.name}' has a serial port of its own. Flash it with 'nearwire runtime flash', then open its port.")
    opened = open_build(build)
    require_trust(opened, ["firmware"], trust)
    with temporary_folder() as name:
        program = _made(opened, board, Path(name))
        with open_link(board, program.path) as connection:
            if connection.path:
                _say(connection.path, connection)
                while True:
                    connection.check()
                    time.sleep(CHECK_S)
            with Terminal(connection) as terminal:
                _say(terminal.path, connection)
                terminal.serve(lambda: True)


def _say(path: str, connection: Connection) -> None:
    say(f"{connection.where} answers on {path}, 115200 baud; Ctrl-C ends it")


def _made(build: Build, board: Board, folder: Path) -> Program:
    return firmware(build.folder, build.network, board, folder)


def _board(device: str) -> tuple[Board, str | None]:
    name, _, port = device.partition("@")
    return load_board(name), port or None
