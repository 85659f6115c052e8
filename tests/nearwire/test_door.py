"""``from nearwire import ...`` and ``nearwire ...``: light until they are used, typed, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nearwire
from devices.version import VERSION
from nearwire.benches import measurements
from nearwire.command import PACKAGES, main

ROOT = Path(__file__).parents[2]
LOADED_S = 0.1
EXAMPLES = ("devices.boards.board", "runtime.data.dataset", "train.config.settings", "train.library", "compile.library", "runtime.session")


def test_import_is_light() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import nearwire; took = time.perf_counter() - start; "
        "print(took, [name for name in ('torch', 'numpy', 'pydantic', 'typer', 'devices', 'runtime') if name in sys.modules])"
    )
    tries = [subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    assert all(text.rstrip().endswith("[]") for text in tries)
    assert min(float(text.split()[0]) for text in tries) < LOADED_S


@pytest.mark.parametrize("name", nearwire.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(nearwire, name) is not None
    assert name in dir(nearwire)


def test_every_name_is_known_to_type_checkers() -> None:
    source = Path(nearwire.__file__).read_text("utf-8")
    typed = dict(re.findall(r"^    from (\S+) import \w+ as (\w+)", source, re.M))
    assert {name: module for module, name in re.findall(r"^    from (\S+) import \w+ as (\w+)", source, re.M)} == nearwire.MODULES, typed
    assert sorted(nearwire.__all__) == sorted(nearwire.MODULES)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fitt'. It has: fit, TrainConfig"):
        _ = nearwire.fitt


def test_a_type_checker_sees_them(tmp_path: Path) -> None:
    """With the settings and the cache of 'make lint', which comes first in 'make test': cold it takes half a minute."""
    settings = re.sub(r"^packages = .*\n", "", (ROOT / "pyproject.toml").read_text("utf-8"), flags=re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(settings)
    program = "from nearwire import boards, fit\nreveal_type(fit)\nreveal_type(boards())\n"
    words = [sys.executable, "-m", "mypy", "--config-file", str(tmp_path / "pyproject.toml"), "-c", program]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.search(r'note: Revealed type is "def \(config: train.config.settings.TrainConfig, ', done.stdout), done.stdout
    assert "tuple[devices.boards.board.Board, ...]" in done.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the examples run, with what the door's own example leaves there."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert doctest.testmod(nearwire).failed == 0
    return folder


@pytest.mark.parametrize("module", EXAMPLES)
def test_the_examples_run(work: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.chdir(work)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert result.failed == 0


def test_the_example_of_the_readme_runs(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(work)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    exec(code.replace("epochs=20", "epochs=1, quantise=None"), {})
    assert "[[" in capsys.readouterr().out


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_its_command(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([package, "--help"])
    assert stop.value.code == 0
    assert f"nearwire {package}" in capsys.readouterr().out


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code in ((["--version"], 0), ([], 2), (["--help"], 0), (["trian"], 2), (["bench", "peer"], 2)):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == code
    shown = capsys.readouterr()
    assert f"nearwire {VERSION}" in shown.out
    assert "Did you mean 'train'?" in shown.err
    assert "Did you mean 'peers'?" in shown.err


def test_measurements_are_listed_with_what_they_measure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["bench"])
    assert not stop.value.code
    shown = capsys.readouterr().out
    assert set(measurements()) == {path.stem for path in (ROOT / "bench").glob("*.py")} - {"__init__", "emlearn_peer"} | {"hostile"}
    assert all(name in shown and text and "python -m" not in text for name, text in measurements().items())


def test_a_measurement_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(SystemExit) as stop:
        main(["bench", "paper_table"])
    assert not stop.value.code
    assert "| model | paper | ours |" in capsys.readouterr().out
