"""Arrays and images of others: what is damaged, hostile or only claims to be large is one InputError, soon and without the memory it claims."""

from __future__ import annotations

import contextlib
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.networks import integer_network
from devices.errors import InputError
from runtime.data.arrays import read_npy, read_npz
from runtime.data.images import read_image
from runtime.data.inputs import read_samples
from runtime.data.sources.idx import read_idx

DTYPES = ("u1", "<i2", ">i4", "<u8", "<f2", ">f4", "<f8", "?", "<U3", "S5")


def npy(dtype: str, shape: str, values: bytes = b"", fortran: bool = False) -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values


def archive(path: Path, members: dict[str, bytes], packed: bool = True) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=4), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_arrays_are_read_as_numpy_reads_them(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, shape: list[int], fortran: bool, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "one.npz"
    values = np.asarray(np.random.default_rng(0).integers(0, 2, shape).astype(dtype), order="F" if fortran else "C")
    (np.savez_compressed if packed else np.savez)(path, x=values)
    read = read_npz(path, "it")["x"]
    assert read.dtype == values.dtype
    assert np.array_equal(read, values)
    np.save(path.with_suffix(".npy"), values)
    assert np.array_equal(read_npy(path.with_suffix(".npy"), "it"), values)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy("<f8", "(1000000000000,)"), "8,000,000,000,000 bytes; there are 0"),
        (npy("<f8", "(-8, -8)", bytes(512)), "whole numbers"),
        (npy("<f8", "(True,)", bytes(8)), "whole numbers"),
        (npy("|O", "(1,)", bytes(8)), "no objects"),
        (npy("<U0", "(1000000000000,)"), "at least one character"),
        (npy("<f8", "(" * 500), "not one that numpy writes"),
        (npy("<f8", "(1" + "0" * 30 + ",)"), "not one that numpy writes"),
        (npy("<f8", "(" + "9, " * 1500 + ")"), "at most 4,096"),
        (npy("<f8", "(2,)", bytes(17)), "16 bytes; there are 17"),
        (b"\x80\x04N.", "does not start"),
        (b"", "does not start"),
    ],
)
def test_arrays_that_claim_what_is_not_there(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    for path, read in ((tmp_path / "a.npy", read_npy), (archive(tmp_path / "a.npz", {"x.npy": content}), read_npz)):
        with pytest.raises(InputError, match=f"it.*cannot be read.*{words}"):
            read(path, "it")


def test_an_archive_that_inflates_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "bomb.npz", {"x.npy": npy("u1", "(200000000,)", bytes(200_000_000))})
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    with pytest.raises(InputError, match="says that it holds 200,0"):
        read_npz(path, "it")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_an_archive_that_lies_about_a_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"x.npy": npy("u1", "(100000,)", bytes(100_000))})
    content = path.read_bytes()
    real = len(npy("u1", "(100000,)", bytes(100_000))).to_bytes(4, "little")
    assert content.count(real) == 2  # in the member's header and in the directory
    path.write_bytes(content.replace(real, (2**31).to_bytes(4, "little")))
    with pytest.raises(InputError, match="says that it holds 2,147,483,648 bytes"):
        read_npz(path, "it")


def test_many_members_and_two_of_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="100 members"):
        read_npz(archive(tmp_path / "a.npz", {f"{k}.npy": npy("u1", "(0,)") for k in range(100)}), "it")
    with pytest.raises(InputError, match="two arrays called 'x'"):
        read_npz(archive(tmp_path / "a.npz", {"x.npy": npy("u1", "(0,)"), "x": npy("u1", "(0,)")}), "it")


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_archive_is_one_error_or_the_same_arrays(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    memory = io.BytesIO()
    np.savez_compressed(memory, x=np.arange(60).reshape(15, 4), y=np.arange(15) % 3)
    content = bytearray(memory.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_npz(path, f"'{path}'")


def test_idx_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(bytes((0, 0, 8, 3)) + b"\xff" * 12))
    with pytest.raises(InputError, match="says that it holds 79,228,"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(bytes((0, 0, 8, 1)) + (5).to_bytes(4, "big") + bytes(2**20)))
    with pytest.raises(InputError, match="holds more than 5 bytes"):
        read_idx(path, 1)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n/f (%stderr) (w) file def f (ran) writestring\nshowpage\n%%EOF\n"


def test_no_program_is_started_for_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refused)
    (tmp_path / "a.png").write_bytes(EPS)
    with pytest.raises(InputError, match="is none of PNG"):
        read_image(tmp_path / "a.png", "image 'a'")


def test_images_that_are_pipes_bombs_or_cut_off(tmp_path: Path) -> None:
    from PIL import Image

    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="image 'a' is a pipe"):
        read_image(tmp_path / "pipe.png", "image 'a'")
    with pytest.raises(InputError, match="pipe.png' is a pipe"):
        read_samples(tmp_path / "pipe.png", integer_network())
    for size, words in (((5000, 5000), "25,000,000|5000 x 5000 pixels"), ((30_000, 30_000), "exceeds limit")):
        content = bytearray()
        small = io.BytesIO()
        Image.new("1", (8, 8)).save(small, "PNG")
        content += small.getvalue()
        content[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
        import zlib

        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
        (tmp_path / "bomb.png").write_bytes(content)
        with pytest.raises(InputError, match=f"image 'a'.*({words})"):
            read_image(tmp_path / "bomb.png", "image 'a'")
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40)).astype(np.uint8)).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:900])
    with pytest.raises(InputError, match="image 'a' cannot be read: .*truncated"):
        read_image(tmp_path / "cut.png", "image 'a'")
    (tmp_path / "whole.png").write_bytes(whole.getvalue())
    assert read_image(tmp_path / "whole.png", "image 'a'").size == (40, 40)
