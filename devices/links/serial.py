"""A serial port, through pyserial: a real board's, or the pseudo-terminal of an emulator."""

from __future__ import annotations

import importlib.util
from typing import Any

from devices.errors import InputError, NearwireError
from devices.links.base import Connection

BAUD = 115200
INSTALL = "pip install pyserial"


def missing() -> str | None:
    """None if pyserial is installed; otherwise the command that installs it."""
    return None if importlib.util.find_spec("serial") else f"serial ports need pyserial. Run: {INSTALL}"


def ports() -> list[str]:
    """The serial ports of this computer."""
    from serial.tools import list_ports

    return sorted(port.device for port in list_ports.comports())


class SerialConnection(Connection):
    """An open serial port, 115200 baud, 8N1."""

    def __init__(self, path: str, baud: int = BAUD, what: str = "serial port") -> None:
        if lack := missing():
            raise NearwireError(lack)
        import serial

        self.where, self._path = f"{what} {path}", path
        self._broken = (serial.SerialException, OSError)
        try:
            self._port: Any = serial.Serial(path, baud, timeout=0, write_timeout=10)
        except self._broken as error:
            names = ", ".join(ports()) or "none"
            raise InputError(
                f"{self.where} cannot be opened: {error}. Serial ports of this computer: {names}. Is another program using it?"
            ) from error

    @property
    def path(self) -> str:
        return self._path

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except self._broken as error:
            raise NearwireError(f"{self.where}: writing failed: {error}. Was the board disconnected?") from error

    def read(self, timeout_s: float) -> bytes:
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            return bytes(first + self._port.read(self._port.in_waiting)) if first else b""
        except self._broken as error:
            raise NearwireError(f"{self.where}: reading failed: {error}. Was the board disconnected?") from error

    def close(self) -> None:
        self._port.close()
