"""The emulated core: right results, exact counts, faults and hangs that are errors with names."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.errors import InputError, NearwireError
from devices.links.unicorn import WINDOW, Core, read_image
from tests.support.tools import core_with, needs_emulator

PROGRAM = r"""
USED __attribute__((naked)) void loop(unsigned n)
{
    __asm__("1: subs r0, r0, #1\n bne 1b\n bx lr");
}
USED __attribute__((naked)) unsigned skipped(unsigned n)
{
    __asm__("cmp r0, #0\n ite eq\n moveq r0, #7\n movne r0, #9\n bx lr");
}
USED __attribute__((naked)) void wide(void)
{
    __asm__("movw r0, #1\n movt r0, #2\n mov.w r1, r0\n nop\n bx lr");
}
USED unsigned first(unsigned n) { volatile unsigned x = n; return x + 1; }
USED unsigned second(unsigned n) { volatile unsigned x = n; while (x < 10) { x++; } return x; }
USED unsigned entry(unsigned n) { return second(first(n)) + first(n); }
USED void store_outside(unsigned address) { *(volatile unsigned *)address = 1; }
USED void hang(void) { for (;;) { } }
USED unsigned deep(unsigned n) { volatile unsigned char block[1000]; block[n] = 1; block[0] = 2; return block[n]; }
"""


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Core:
    return core_with(PROGRAM, needs_emulator(), tmp_path_factory.mktemp("core"))


def test_a_function_gets_its_arguments_and_returns(core: Core) -> None:
    assert core.call("first", 41) == 42
    assert core.call("entry", 3) == 10 + 4


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_a_loop_counts_as_by_hand(core: Core, n: int) -> None:
    assert core.count("loop", n).total == 2 * n + 1


def test_skipped_instructions_count_and_widths_do_not_matter(core: Core) -> None:
    assert core.count("skipped", 0).total == 5
    assert core.count("skipped", 1).total == 5
    assert core.count("wide").total == 5


def test_counts_are_the_same_every_time_and_results_too(core: Core) -> None:
    counts = {core.count("entry", 3).total for _ in range(5)}
    assert len(counts) == 1
    assert core.call("entry", 3) == 14


def test_parts_go_to_the_function_that_was_entered_last(core: Core) -> None:
    count = core.count("second", 0, marks=("second",))
    assert count.parts == {"second": count.total}
    both = core.count("entry", 3, marks=("first", "second"))
    assert both.parts["second"] > both.parts["first"] > 0
    assert sum(both.parts.values()) <= both.total


def test_a_memory_fault_names_function_and_address(core: Core) -> None:
    with pytest.raises(NearwireError, match="store_outside.*0x90000000"):
        core.call("store_outside", 0x90000000)
    assert core.call("first", 1) == 2  # and the core is usable afterwards


def test_a_hang_is_an_error(core: Core) -> None:
    with pytest.raises(NearwireError, match=r"'hang' did not return.*0\.2 s"):
        core.call("hang", time_limit_s=0.2)
    with pytest.raises(NearwireError, match="'hang' did not return"):
        core.count("hang", time_limit_s=0.2)
    assert core.call("first", 1) == 2


def test_stack_high_water_mark(core: Core) -> None:
    assert 1000 <= core.stack_bytes("deep", 3) <= 1040
    assert core.stack_bytes("loop", 3) == 0


def test_window_memory_is_shared(core: Core) -> None:
    core.write(WINDOW, b"abcd")
    assert core.read(WINDOW, 4) == b"abcd"


def test_unknown_function_suggests(core: Core) -> None:
    with pytest.raises(InputError, match="Did you mean 'second'"):
        core.call("secnd")


def test_a_file_that_is_no_elf_is_refused(tmp_path: Path) -> None:
    needs_emulator()
    (tmp_path / "x.elf").write_bytes(b"not an ELF file")
    with pytest.raises(InputError, match="not a readable ELF"):
        read_image(tmp_path / "x.elf")
