"""The guard around parsers: any exception is one InputError that names the file; nothing but regular files; documents stricter than their parsers."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.common.documents import TOML_MAX, parse_json, parse_toml
from devices.common.guard import UNPACKED_FREE, check_unpacked, read_regular, reading, shown
from devices.errors import CheckError, InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), OverflowError("big"), NotImplementedError(), UnicodeDecodeError("utf-8", b"a", 0, 1, "x")]
)
def test_any_exception_becomes_one_that_names_the_file(error: Exception) -> None:
    with pytest.raises(InputError, match="file 'a' cannot be read: .*\\. Do that\\."), reading("file 'a'", "Do that."):
        raise error


@pytest.mark.parametrize("error", [CheckError("ours"), ModuleNotFoundError("absent"), KeyboardInterrupt()])
def test_our_own_errors_and_interrupts_pass(error: BaseException) -> None:
    with pytest.raises(type(error)), reading("file 'a'"):
        raise error


def test_only_regular_files_of_a_limited_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "pipe", tmp_path / "socket", Path("/dev/zero"), tmp_path, tmp_path / "absent"):
            with pytest.raises(InputError, match="it"):
                read_regular(path, "it")
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", "it", 5) == b"12345"
    with pytest.raises(InputError, match="has 5 bytes; at most 4"):
        read_regular(tmp_path / "file", "it", 4)


def test_what_a_packed_file_may_claim() -> None:
    check_unpacked(UNPACKED_FREE, 1, "it")
    check_unpacked(64 * 10**9, 10**9, "it")
    with pytest.raises(InputError, match="it says that it holds"):
        check_unpacked(UNPACKED_FREE + 1, 2**20, "it")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 200_000, "nested too deeply"),
        ("[" * 65 + "]" * 65, "deeper than 64"),
        ("1" * 4301, "digits"),
        ('{"a": 1, "a": 2}', "'a' stands in one object twice"),
        ("NaN", "holds NaN"),
        (r'"\ud800"', "surrogates"),
        (b'"\xff"', "utf-8"),
        ("", "Expecting value"),
    ],
)
def test_json_that_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"file 'a' is not valid JSON: .*{words}"):
        parse_json(text, "file 'a'")


@given(VALUES)
def test_json_that_is_read_is_the_same(value: object) -> None:
    text = json.dumps(value)
    try:
        read = parse_json(text, "a")
    except InputError:
        assert "NaN" in text or "Infinity" in text
    else:
        assert read == json.loads(text)


@pytest.mark.parametrize("text", [b"a = " + b"[" * 20_000, b"a." * TOML_MAX, b"\xff", b'a = "\\ud800"', b"a = " + b"1" * 5000, b"a=1\na=1"])
def test_toml_that_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match="file 'a' is not TOML: "):
        parse_toml(text, "file 'a'")


@given(VALUES | st.just(2**100_000) | st.just("\x1b[31m\ud800" * 99))
def test_values_are_shown_short_and_printable(value: object) -> None:
    assert len(shown(value)) <= 80
    assert shown(value).isprintable()
