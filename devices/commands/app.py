"""nearwire devices: list the boards, show one, check what works on this computer, flash a program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from devices.boards.board import Board, load_board, load_boards
from devices.commands.add import add_board
from devices.commands.doctor import Finding, examine
from devices.common.console import JsonOption, print_json, print_table, run_app, spinner
from devices.common.text import say
from devices.computers import boards_of
from devices.cost.model import CODE_BYTES, ERROR_PERCENT
from devices.cost.model import tables as cost_tables
from devices.errors import InputError
from devices.tools import flash as flashing

app = typer.Typer(
    help="The boards a build can be made for and run on. A board's file names programs to start (compiler, emulator, ssh): take none from people you "
    "do not trust.",
    no_args_is_help=True,
    add_completion=False,
)

BROKEN = "broken"  # in place of a status


@app.command(name="list")
def list_boards(json: JsonOption = False) -> None:
    """List the boards."""
    boards, broken = load_boards()
    if json:
        none = {"core": None, "link": None, "status": BROKEN, "memory": None}
        print_json([*map(_summary, boards), *({"name": name, **none, "description": reason} for name, reason in broken.items())])
        return
    rows = [[board.name, board.core, *_memory(board), board.link, board.status or "-", board.description] for board in boards]
    rows += [[name, "-", "-", "-", "-", BROKEN, reason] for name, reason in broken.items()]
    print_table("boards", ["name", "core", "flash", "RAM", "link", "status", "description"], rows)


@app.command()
def show(name: Annotated[str, typer.Argument(help="A name of 'list'.", show_default=False)], json: JsonOption = False) -> None:
    """Show a board: memory, compiler and flags, cost of the kernels."""
    board = load_board(name)
    if json:
        print_json(board.model_dump(mode="json"))
        return
    flash, ram = _memory(board)
    compiler = " ".join([board.toolchain.compiler, board.toolchain.target or "", board.toolchain.cpu or "", *board.toolchain.flags])
    rows = [
        ["description", board.description],
        ["core", board.core],
        ["status", board.status or "-"],
        ["link", board.link],
        ["flash", flash],
        ["RAM", ram],
        ["compiler", " ".join(compiler.split())],
        *([["or, where installed", " ".join([f"{gcc.prefix}gcc", *gcc.flags])]] if (gcc := board.toolchain.gcc) else []),
        *([["flashing", f"{board.flashing.tool}, {board.flashing.how_to}"]] if board.flashing else []),
        *([["emulator", " ".join([board.qemu.program, *board.qemu.arguments])]] if board.qemu else []),
    ]
    print_table(board.name, ["field", "value"], [*rows, ["cost tables", board.cost_note or "none"]])
    tables = cost_tables(board)
    for format_name, table in tables.items():
        known = f"; largest error seen {table[ERROR_PERCENT]:g} %" if ERROR_PERCENT in table else ""
        title = f"cost of {format_name}: {table.get(CODE_BYTES, 0):g} bytes of code; instructions{known}"
        print_table(title, ["feature", "each"], [[name, f"{value:g}"] for name, value in table.items() if name not in (CODE_BYTES, ERROR_PERCENT)])


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it: small letters, digits, '-', and '/' for a group, as in lab/pi4.", show_default=False)],
    address: Annotated[str, typer.Argument(help="USER@HOST or USER@HOST:PORT.", show_default=False)],
    like: Annotated[str | None, typer.Option("--like", help="The kind of board it is, as raspberry-pi-4: compile for its core.")] = None,
    identity_file: Annotated[str | None, typer.Option("--identity-file", "-i", help="Private key. Default: ssh's own.")] = None,
    known_hosts: Annotated[str | None, typer.Option("--known-hosts", help="File of known host keys. Default: ~/.ssh/known_hosts.")] = None,
    python: Annotated[str, typer.Option("--python", help="Its Python.")] = "python3",
    force: Annotated[bool, typer.Option("--force", help="Replace a board of that name.")] = False,
    json: JsonOption = False,
) -> None:
    """Add a Linux board that is reached by ssh, as a TOML file of your own."""
    path = add_board(name, address, like, identity_file, known_hosts, python, force)
    if json:
        print_json({"name": name, "file": str(path)})
    else:
        say(f"added '{name}' as {path}. Try it: nearwire devices doctor {name}")


@app.command()
def doctor(
    names: Annotated[list[str] | None, typer.Argument(help="Boards to check. Default: all.", show_default=False)] = None, json: JsonOption = False
) -> None:
    """Compile and run a small program for each board; exit with 3 if one of them does not work."""
    boards, broken = (boards_of(",".join(names)), {}) if names else load_boards()
    with spinner("doctor", quiet=json) as progress:
        findings = [Finding(name, False, reason, "correct or remove that file") for name, reason in broken.items()]
        for board in boards:
            progress(board.name)
            findings += examine([board])
    if json:
        print_json([finding.to_dict() for finding in findings])
    else:
        builds = {board.name for board in boards if board.status}
        rows = [[f.board, ("builds" if f.board in builds else "yes") if f.works else "NO", f.detail, f.fix] for f in findings]
        print_table("what works here", ["board", "works", "what was found", "what helps"], rows)
    if not all(finding.works for finding in findings if not finding.optional):
        raise typer.Exit(3)


@app.command()
def flash(
    program: Annotated[
        Path, typer.Argument(help="A linked program (ELF) for the board. 'nearwire runtime flash' makes it from a build.", show_default=False)
    ],
    board: Annotated[str, typer.Option("--board", help="A name of 'list'.", show_default=False)],
    port: Annotated[str | None, typer.Option("--port", help="Serial port, where the tool needs one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the image and print the command, but do not run it.")] = False,
) -> None:
    """Flash a program with the board's tool: pyocd, esptool or a copy to its UF2 drive."""
    chosen = load_board(board)
    if not program.is_file():
        raise InputError(f"no program at '{program}'. Make one with 'nearwire runtime flash BUILD --device {chosen.name} --dry-run --out DIR'.")
    done = (flashing.plan if dry_run else flashing.flash)(program, chosen, port)
    say(done if dry_run else f"flashed {chosen.name}: {done}")


def _summary(board: Board) -> dict[str, object]:
    memory = board.memory.model_dump() if board.memory else None
    return {"name": board.name, "core": board.core, "link": board.link, "status": board.status, "memory": memory, "description": board.description}


def _memory(board: Board) -> list[str]:
    """Flash and RAM for people."""
    if board.memory is None:
        return ["-", "-"]
    return [f"{board.memory.flash_bytes // 1024} KiB", f"{board.memory.ram_bytes // 1024} KiB"]


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, argv, "nearwire devices")
