"""A Linux board behind SSH (fabric). Its host key must be known; nothing is accepted silently and no password is ever asked for.

Programs are given as words; the far side's login shell gets them quoted. The working folder is made by mktemp and removed when the computer is
closed, also after errors: a process there waits for the end of the connection, whatever ends it, and then removes the folder. A lost connection
is one error that names the board.

What the next visit can use again (``keep_tree``: the wheels, our code) stays on the board in ``~/.cache/nearwire`` (or below XDG_CACHE_HOME), each
tree whole or not at all, until no visit has used it for KEPT_DAYS; the folder may be removed at any time. What is kept is not trusted: beside a tree
lies the digest of its files, which each visit computes again; a tree that has another is removed and sent again.

The board is not trusted either: what it says about itself (its folder, its architecture, its Python) is checked before it is used, every answer has
a limit of bytes and of time, and a program that says more is cut off with its channel.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import socket
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from devices.boards.board import Board
from devices.common.conditions import Conditions
from devices.common.places import user_path
from devices.common.text import plain
from devices.computers.base import ANSWER_BYTES, LIMIT_S, OLDEST_PYTHON, SHORT_S, Computer, Done, digest_of, python_version, too_much
from devices.computers.remote_conditions import SCRIPT, conditions_of
from devices.errors import InputError, NearwireError

CONNECT_LIMIT_S = 15
CHUNK = 1 << 17
KEPT_DAYS = 30
CACHE = 'cache="${XDG_CACHE_HOME:-$HOME/.cache}/nearwire"'
# The digest of a tree: of the list of its files with their digests, as sha256sum prints them, in the order of bytes. Links and devices have no place.
DIGEST = """digest() { (cd "$1" && test -z "$(find . ! -type f ! -type d | head -n 1)" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64); }"""
KEPT = f"""{CACHE}; {DIGEST}
if test -d "$cache/$1"; then
    if test "$(digest "$cache/$1")" = "${{2:-$(cat "$cache/$1.sum")}}"; then touch -c "$cache/$1" "$cache/$1.sum"; printf %s "$cache/$1"
    else rm -rf "$cache/$1" "$cache/$1.sum"; fi
fi 2>/dev/null"""
NO_PLACE = 9  # the status of KEEP where nothing can be kept
KEEP = f"""{CACHE}; {DIGEST}; part="$cache/$2"; umask 077
mkdir -p "$cache" 2>/dev/null && mkdir "$part" 2>/dev/null || {{ cat >/dev/null; exit {NO_PLACE}; }}
find "$cache" -mindepth 1 -maxdepth 1 -mtime +{KEPT_DAYS} -exec rm -rf {{}} +
if tar -xf - -C "$part"; then
    test "$3" = keep || rm -rf "$cache/$1"
    test -d "$cache/$1" || {{ printf %s "$4" > "$part.sum" && mv "$part.sum" "$cache/$1.sum" && mv -T "$part" "$cache/$1" 2>/dev/null; }}
    rm -rf "$part" "$part.sum"; test -d "$cache/$1" && printf %s "$cache/$1"
else
    rm -rf "$part"; cat >/dev/null; exit 1
fi"""
# Folders of visits that nobody ended, as on a board that lost its power.
SWEEP = """find /tmp -mindepth 1 -maxdepth 1 -type d -name 'nearwire-visit-????????' -user "$(id -un)" -mtime +1 -exec rm -rf {} + 2>/dev/null"""
SHORT_BYTES = 1 << 16  # of an answer of one line
FOLDER = re.compile(r"/[^\x00-\x1f\x7f:]{1,4000}")  # PYTHONPATH divides at colons
ARCHITECTURE = re.compile(r"[A-Za-z0-9_.+-]{1,40}")


class SshComputer(Computer):
    """The board, connected, with an empty working folder."""

    def __init__(self, board: Board) -> None:
        linux = board.linux
        if linux is None or not linux.host:
            raise InputError(
                f"board '{board.name}' has no address. Give yours one: nearwire devices add NAME USER@HOST --like {board.name}, then use NAME."
            )
        self.name, self._linux = board.name, linux
        self._connection: Any = None
        self._janitor: Any = None
        self.folder = ""
        try:
            self._connection = self._connected()
            self.architecture = self._line("uname -m", ARCHITECTURE, "asking its architecture")
            self.folder = self._line("mktemp -d /tmp/nearwire-visit-XXXXXXXX || mktemp -d", FOLDER, "making a temporary folder")
            with self._lost():
                self._janitor = self._connection.transport.open_session(timeout=CONNECT_LIMIT_S)
                part = f'{CACHE}; rm -rf -- {shlex.quote(self.folder)} "$cache/{self._part}" "$cache/{self._part}.sum"'
                self._janitor.exec_command(f"trap '' HUP; {SWEEP}; cat > /dev/null; {part}")
        except BaseException:
            self.close()
            raise
        self.detail = f"{board.core}, ssh {linux.host}"

    def run(self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES) -> Done:
        line = f"cd {shlex.quote(self.folder)} && {{ {shlex.join(words)}; exit $?; }}"  # the shell turns a signal into a status
        return self._shell(line, stdin, limit_s, most_bytes)

    def put(self, name: str, content: bytes, executable: bool = False) -> str:
        path = f"{self.folder}/{name}"
        quoted = shlex.quote(path)
        mode = f" && chmod 755 {quoted}" if executable else ""
        self._shell(f"cat > {quoted}{mode}", content).check(f"copying '{name}' to it", self.name)
        return path

    def put_tree(self, name: str, archive: bytes) -> str:
        path = f"{self.folder}/{name}"
        quoted = shlex.quote(path)
        self._shell(f"mkdir -p {quoted} && tar -xf - -C {quoted}", archive).check(f"copying '{name}' to it", self.name)
        return path

    @property
    def _part(self) -> str:
        """The name of what is not yet whole; of this visit only, so that its end removes it."""
        return f".part-{PurePosixPath(self.folder).name}"

    def kept(self, key: str, digest: str = "") -> str | None:
        done = self._shell(shlex.join(["sh", "-c", KEPT, "sh", key, digest]), most_bytes=SHORT_BYTES)
        return self._checked(done.out, FOLDER, f"looking for '{key}'", f"/{key}") if done.out.strip() else None

    def keep_tree(self, key: str, archive: bytes, replace: bool = False) -> str:
        words = ["sh", "-c", KEEP, "sh", key, self._part, "replace" if replace else "keep", digest_of(archive)]
        done = self._shell(shlex.join(words), archive)
        if done.code == NO_PLACE:  # a home that cannot be written: for this visit only
            return self.put_tree(key, archive)
        what = f"copying '{key}' to it"
        return self._checked(done.check(what, self.name).out, FOLDER, what, f"/{key}")

    def python(self) -> tuple[str, ...] | None:
        words = (self._linux.python,)
        version = python_version(self, words)
        return words if version is not None and version >= OLDEST_PYTHON else None

    def conditions(self) -> Conditions:
        done = self._shell("sh -s", SCRIPT.encode(), SHORT_S)
        return conditions_of(done.out.decode(errors="replace"))

    def _line(self, line: str, form: re.Pattern[str], what: str) -> str:
        """The one line that a short program says; NearwireError if it is not of the form."""
        return self._checked(self._shell(line, limit_s=SHORT_S, most_bytes=SHORT_BYTES).check(what, self.name).out, form, what)

    def _checked(self, out: bytes, form: re.Pattern[str], what: str, ending: str = "") -> str:
        text = out.decode(errors="replace").strip()
        if form.fullmatch(text) and text.endswith(ending) and ".." not in text.split("/"):
            return text
        raise NearwireError(f"'{self.name}': {what} failed: it said '{plain(text, 80)}'.")

    def close(self) -> None:
        if self._connection is None:
            return
        with contextlib.suppress(Exception):
            if self._janitor is not None:
                self._janitor.shutdown_write()
                self._janitor.settimeout(CONNECT_LIMIT_S)
                self._janitor.recv(1)  # until it has removed the folder and ended
        with contextlib.suppress(Exception):
            self._connection.close()
        self._connection = None

    def _connected(self) -> Any:
        import fabric
        import paramiko

        linux, where = self._linux, f"board '{self.name}' ({self._linux.host})"
        known = user_path(linux.known_hosts or "~/.ssh/known_hosts")
        connect: dict[str, Any] = {"timeout": CONNECT_LIMIT_S, "banner_timeout": CONNECT_LIMIT_S, "auth_timeout": CONNECT_LIMIT_S}
        if linux.identity_file:
            identity = user_path(linux.identity_file)
            if not identity.is_file():
                raise InputError(f"{where}: there is no private key '{identity}' (field 'linux.identity_file').")
            connect |= {"key_filename": str(identity), "look_for_keys": False, "allow_agent": False}
        connection = fabric.Connection(linux.host, port=linux.ssh_port, connect_kwargs=connect)
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        with contextlib.suppress(OSError):
            connection.client.load_host_keys(str(known))
        port = connection.port or 22
        address = f"-p {port} {connection.host}" if port != 22 else connection.host
        try:
            connection.open()
        except paramiko.BadHostKeyException as error:
            raise NearwireError(
                f"{where}: its host key is not the one in '{known}': it has changed, or this is another computer. If you know why, run: "
                f"ssh-keygen -R {_host_entry(connection.host, port)} -f {shlex.quote(str(known))}, then connect once with ssh."
            ) from error
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            raise NearwireError(
                f"{where}: it refuses user '{connection.user}' with the keys at hand. Run: ssh-copy-id {address}, or give the board 'linux.identity_file'."
            ) from error
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise NearwireError(f"{where}: its host key is not in '{known}'. Connect once with: ssh {address}, and check the key.") from error
            raise NearwireError(f"{where}: no SSH connection: {plain(error, 200)}.") from error
        except (OSError, EOFError, paramiko.ssh_exception.NoValidConnectionsError) as error:
            text = "it does not answer" if isinstance(error, TimeoutError | socket.timeout) else str(error)
            raise NearwireError(f"{where}: cannot be reached: {text}. Is it on, and is the address right?") from error
        return connection

    def _shell(self, line: str, stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES) -> Done:
        """Run one line of the far shell, whose words were quoted by the caller."""
        if self._connection is None:
            raise NearwireError(f"'{self.name}' is not connected.")
        with self._lost():
            channel = self._connection.transport.open_session(timeout=CONNECT_LIMIT_S)
            with contextlib.closing(channel):
                channel.settimeout(limit_s)
                channel.exec_command(line)
                done = _exchange(channel, stdin, limit_s, most_bytes)
                if done is None:
                    raise too_much(self.name, most_bytes)
                return done

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        import paramiko

        try:
            yield
        except TimeoutError as error:
            raise NearwireError(f"'{self.name}' did not finish in time, or does not answer any more.") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise NearwireError(f"the connection to '{self.name}' was lost: {error or type(error).__name__}.") from error


def _exchange(channel: Any, stdin: bytes, limit_s: float, most_bytes: int) -> Done | None:
    """Feed the program and read both its outputs at the same time: a full pipe on either side must not block the other. None once it says too much."""
    import threading
    import time

    def feed() -> None:
        with contextlib.suppress(Exception):  # a program that does not read its input ends by itself
            for at in range(0, len(stdin), CHUNK):  # sendall copies what is left for every packet
                channel.sendall(stdin[at : at + CHUNK])
            channel.shutdown_write()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    out, err, ends = io.BytesIO(), io.BytesIO(), time.monotonic() + limit_s
    while True:
        idle = True
        if channel.recv_ready():
            out.write(channel.recv(1 << 16))
            idle = False
        if channel.recv_stderr_ready():
            err.write(channel.recv_stderr(1 << 16))
            idle = False
        if max(out.tell(), err.tell()) > most_bytes:
            return None
        if idle and channel.exit_status_ready() and not channel.recv_ready() and not channel.recv_stderr_ready():
            break
        if idle and (channel.closed or not channel.get_transport().is_active()):
            raise EOFError("it went away while a program was running")
        if time.monotonic() > ends:
            raise TimeoutError
        if idle:
            time.sleep(0.005)
    code = channel.recv_exit_status()
    if code < 0:
        raise EOFError("it went away while a program was running")
    return Done(code, out.getvalue(), err.getvalue())


def _host_entry(host: str, port: int) -> str:
    return shlex.quote(host if port == 22 else f"[{host}]:{port}")
