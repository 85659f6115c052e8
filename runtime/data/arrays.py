"""numpy's files, .npy and .npz, read without trusting them: no pickled objects, and every size is compared with the file before it is allocated.

1. An array's header is at most ``HEADER_MAX`` bytes of a plain dictionary, its type one of ``KINDS``: numbers, booleans and texts.
2. The values are exactly as many bytes as the shape and the type say, in a .npz by the size that the archive notes for the member.
3. What an archive unpacks to is limited: devices/common/guard.py, rule 3.
"""

from __future__ import annotations

import ast
import math
import os
import re
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from devices.common.guard import check_unpacked, open_regular, plain, reading
from devices.errors import InputError
from runtime.network.network import Array

MAGIC = b"\x93NUMPY"
HEADER_MAX = 4096  # bytes
MEMBERS_MAX = 64  # arrays of an archive
KINDS = "biufSU"  # of numpy's types
AXES_MAX = 16
CHUNK = 2**20  # bytes read at a time
STORED = "Write it with numpy.savez, which does not pack."


def read_npy(path: Path, where: str, then: str = "") -> Array:
    """The array in a .npy file; InputError if it is damaged or not what rules 1 and 2 allow."""
    with open_regular(path, where) as file, reading(where, then):
        return _array(file, os.fstat(file.fileno()).st_size)


def read_npz(path: Path, where: str, then: str = "") -> dict[str, Array]:
    """The arrays in a .npz file by name; InputError if it is damaged or not what the rules allow."""
    with open_regular(path, where) as file, reading(where, then), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MEMBERS_MAX:
            raise InputError(f"{where} has {len(members):,} members; at most {MEMBERS_MAX} are read.")
        check_unpacked(sum(member.file_size for member in members), os.fstat(file.fileno()).st_size, where, STORED)
        arrays: dict[str, Array] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in arrays:
                raise InputError(f"{where} has two arrays called '{plain(name)}'.")
            with reading(f"{where}: array '{plain(name)}'", then), archive.open(member) as content:
                arrays[name] = _array(content, member.file_size)
        return arrays


def _array(file: IO[bytes], size: int) -> Array:
    """The array of ``size`` bytes, header included; ValueError if it is not one."""
    start = file.read(8)
    if len(start) < 8 or start[:6] != MAGIC or start[6] not in (1, 2, 3):
        raise ValueError("it does not start as an array of numpy does")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > HEADER_MAX:
        raise ValueError(f"its header has {length:,} bytes; at most {HEADER_MAX:,} are read")
    dtype, fortran, shape = _header(file.read(length).decode("latin-1" if start[6] < 3 else "utf-8"))
    needed, there = math.prod(shape) * dtype.itemsize, size - 8 - width - length
    if needed != there:
        raise ValueError(f"it says that it is {dtype} of shape {shape}, {needed:,} bytes; there are {there:,}")
    values = np.empty(math.prod(shape), dtype)
    target, at = values.view(np.uint8), 0
    while at < needed:
        part = file.read(min(CHUNK, needed - at))
        if not part:
            raise ValueError(f"it ends after {at:,} of {needed:,} bytes")
        target[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    if file.read(1):  # of an archive's member: what compares its checksum
        raise ValueError("there are bytes behind its values")
    if dtype.kind == "U":
        letters = values.view(np.dtype("u4") if dtype.isnative else np.dtype("u4").newbyteorder())
        if (letters > 0x10FFFF).any() or ((letters >= 0xD800) & (letters <= 0xDFFF)).any():
            raise ValueError("it holds texts of what is no character")
    return values.reshape(shape, order="F" if fortran else "C")


def _header(text: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """(type, whether the first axis is the fastest, shape); ValueError for what rule 1 does not allow."""
    if re.search(r"[\[{(].*[\[{(].*[\[{(]", text, re.DOTALL) or re.search(r"\d{20}", text):  # {shape: (): nothing is nested deeper
        raise ValueError("its header is not one that numpy writes for numbers or texts")
    fields = ast.literal_eval(text.strip())
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header is not one that numpy writes")
    kind, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(kind, str) or not re.fullmatch(r"[<>|=]?([biuf]\d{1,2}|[SU]\d{1,6}|\?)", kind) or not isinstance(fortran, bool):
        raise ValueError(f"it holds {plain(repr(kind))}; allowed: numbers, booleans and texts, no objects")
    sizes = shape if isinstance(shape, tuple) and len(shape) <= AXES_MAX else (None,)
    if not all(type(n) is int and n >= 0 for n in sizes):
        raise ValueError(f"its shape is {plain(repr(shape))}; allowed: at most {AXES_MAX} whole numbers")
    dtype = np.dtype(kind)
    if dtype.kind not in KINDS or not dtype.itemsize:  # of size 0 a file of no bytes could claim any number
        raise ValueError(f"it holds {dtype}; allowed: numbers, booleans and texts of at least one character")
    return dtype, fortran, tuple(int(n) for n in sizes)
