"""A real OpenSSH server on loopback, with keys made for the test, that lets in the user who runs it and nobody else."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devices.boards.board import Board, Linux, Toolchain
from devices.computers import Computer

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
START_S = 20.0


def missing() -> str | None:
    return None if SSHD and shutil.which("ssh-keygen") else "no OpenSSH server is installed. Run: apt install openssh-server"


@dataclass
class Server:
    """A running server and what its client needs."""

    port: int
    identity: Path
    cache: Path  # what visits keep there
    known_hosts: Path
    process: subprocess.Popen[bytes]

    def board(self, name: str = "loopback", **linux: object) -> Board:
        """A board that is this server."""
        told = {"host": f"{getpass.getuser()}@127.0.0.1", "ssh_port": self.port, "identity_file": str(self.identity)}
        told |= {"known_hosts": str(self.known_hosts), "python": sys.executable, **linux}
        return Board(name=name, description="", core="x", link="ssh", toolchain=Toolchain(compiler="zig"), linux=Linux(**told))  # type: ignore[arg-type]

    def hang_up(self) -> None:
        """End every connection, as a board does that loses its power."""
        for pid in _children(self.process.pid):
            with suppress(ProcessLookupError):  # it may end by itself at this moment
                os.kill(pid, signal.SIGKILL)

    @staticmethod
    def hang_up_one(computer: Computer) -> None:
        """Cut the line to one computer, and let it stay cut."""
        computer._connection.transport.sock.close()  # type: ignore[attr-defined]
        computer._linux = computer._linux.model_copy(update={"ssh_port": 1})  # type: ignore[attr-defined]


def keygen(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start it in the folder; its connections die with it."""
    host, user = keygen(folder / "host"), keygen(folder / "user")
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "authorized").chmod(0o600)
    port = _free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\nAuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nMaxSessions 100\n"
        f"SetEnv XDG_CACHE_HOME={folder / 'cache'}\n"
    )
    public = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # its own start-up script makes it on a real machine
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"sshd did not start: {(folder / 'log').read_text()}") from None
                time.sleep(0.05)
        found = Server(port, user, folder / "cache" / "nearwire", folder / "known_hosts", process)
        yield found
    finally:
        for pid in _children(process.pid):
            with suppress(ProcessLookupError):  # it may end by itself at this moment
                os.kill(pid, signal.SIGKILL)
        process.terminate()
        process.wait(10)


def _children(pid: int) -> list[int]:
    """Processes of the server's connections."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
