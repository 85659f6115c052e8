"""The files that flashing tools take, made from a linked program: a raw binary of its flash, UF2, and the checksum the RP2040's boot ROM wants."""

from __future__ import annotations

import struct
from pathlib import Path

from devices.errors import InputError

UF2_START, UF2_SECOND, UF2_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
UF2_FAMILY_PRESENT = 0x2000
UF2_PAYLOAD = 256
RP2040_FAMILY = 0xE48BFF56
BOOT_BYTES = 252  # of the RP2040's second stage; their checksum follows


def flash_content(elf: Path) -> tuple[int, bytes]:
    """(address, content) of a program's flash: its loaded segments at their load addresses, gaps as 0xFF. InputError if the file is no ELF."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as stream:
            segments = [(s["p_paddr"], s.data()) for s in ELFFile(stream).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
    except (ELFError, OSError) as error:
        raise InputError(f"'{elf}' is not a readable ELF file: {error}.") from error
    if not segments:
        raise InputError(f"'{elf}' holds nothing to flash.")
    start = min(address for address, _ in segments)
    content = bytearray(b"\xff" * (max(address + len(data) for address, data in segments) - start))
    for address, data in segments:
        content[address - start : address - start + len(data)] = data
    return start, bytes(content)


def with_boot_checksum(content: bytes) -> bytes:
    """The RP2040's flash with the checksum of its second stage: CRC-32, most significant bit first, neither reflected nor inverted at the end."""
    crc = 0xFFFFFFFF
    for byte in content[:BOOT_BYTES]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return content[:BOOT_BYTES] + struct.pack("<I", crc) + content[BOOT_BYTES + 4 :]


def uf2(address: int, content: bytes, family: int = RP2040_FAMILY) -> bytes:
    """The UF2 file that writes ``content`` at ``address``: blocks of 512 bytes with 256 of content each."""
    count = -(-len(content) // UF2_PAYLOAD)
    blocks = []
    for k in range(count):
        part = content[k * UF2_PAYLOAD : (k + 1) * UF2_PAYLOAD].ljust(UF2_PAYLOAD, b"\0")
        head = struct.pack("<8I", UF2_START, UF2_SECOND, UF2_FAMILY_PRESENT, address + k * UF2_PAYLOAD, UF2_PAYLOAD, k, count, family)
        blocks.append(head + part.ljust(476, b"\0") + struct.pack("<I", UF2_END))
    return b"".join(blocks)
