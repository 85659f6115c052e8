"""Beside files of a user's own that have the names of our packages, the door finds ours, and python -m PACKAGE says what is in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devices.common import child
from nearwire import names

ROOT = Path(__file__).parents[2]
THEIRS = "raise SystemExit('this is the file of the user')\n"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with modules of a user's own that have our packages' names."""
    for name in ("train.py", "compile.py", "devices.py", "bench.py"):
        (tmp_path / name).write_text(THEIRS)
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "__init__.py").write_text(THEIRS)
    return tmp_path


def python(folder: Path, *words: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Python in ``folder``, our packages behind the folder on its path."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(path)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [("train", "zoo"), ("compile", "--help"), ("runtime", "--help"), ("devices", "list"), ("bench",)])
def test_the_door_works_beside_them(beside: Path, words: tuple[str, ...]) -> None:
    done = python(beside, "-m", "nearwire", *words)
    assert done.returncode == 0, done.stderr
    assert "of the user" not in done.stdout + done.stderr


def test_a_network_is_trained_compiled_and_run_beside_them(beside: Path) -> None:
    for words in (
        ("train", "fit", "--data", "digits", "--model", "field", "--hidden", "8", "--epochs", "1", "--quantise-epochs", "0", "--out", "runs/d"),
        ("compile", "runs/d", "--out", "build/d", "--firmware-samples", "1"),
        ("runtime", "bench", "build/d", "--backend", "reference", "--num-runs", "1", "--min-secs", "0", "--json"),
    ):
        done = python(beside, "-m", "nearwire", *words)
        assert done.returncode == 0, done.stderr
    assert "peak_bytes" in done.stdout or "memory" in done.stdout


def test_from_python_in_a_file_called_train(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "from nearwire import TrainConfig, boards, fit\nprint(TrainConfig().data, len(boards()) > 5, fit.__module__)\n"
    )
    (tmp_path / "devices.py").write_text(THEIRS)
    done = python(tmp_path, "train.py")
    assert done.stdout.split() == ["digits", "True", "train.library"], done.stderr


def test_a_module_of_theirs_in_use_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "devices.py").write_text("MINE = 1\n")
    (tmp_path / "work.py").write_text("import devices\nfrom nearwire import boards\n")
    done = python(tmp_path, "work.py")
    assert done.returncode == 1
    assert "ImportError: 'devices' from" in done.stderr
    assert "Rename yours" in done.stderr


@pytest.mark.parametrize(("package", "other"), [("train", "devices"), ("compile", "runtime"), ("runtime", "devices"), ("train", "compile")])
def test_python_m_says_what_is_in_its_way(tmp_path: Path, package: str, other: str) -> None:
    (tmp_path / f"{other}.py").write_text(THEIRS)
    done = python(tmp_path, "-m", package, "--help")
    assert done.returncode == 2
    assert f"'{other}' from '{tmp_path / other}.py'" in done.stderr
    assert f"'nearwire {package} ...'" in done.stderr


def test_python_m_works_beside_what_it_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(THEIRS)
    assert python(tmp_path, "-m", "devices", "list").returncode == 0


def test_another_nearwire_is_named(tmp_path: Path) -> None:
    (tmp_path / "nearwire.py").write_text("")
    done = python(tmp_path, "-m", "devices", "list")
    assert done.returncode == 2
    assert "another module is called nearwire" in done.stderr


def test_a_package_that_was_written_over_is_named(tmp_path: Path) -> None:
    for name in ("nearwire", "devices", "runtime", "compile", "bench"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "__init__.py").write_text("")
    (tmp_path / "trains-1.dist-info").mkdir()
    (tmp_path / "trains-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: trains\nVersion: 1\n")
    (tmp_path / "trains-1.dist-info" / "top_level.txt").write_text("train\n")
    code = f"import nearwire.names as names, pathlib; names.ROOT = pathlib.Path({str(tmp_path)!r}); print(names.damaged(), names.damage(['train']))"
    done = python(tmp_path, "-c", code, path=tmp_path)
    assert done.stdout.startswith("['train']"), done.stderr
    assert "'trains' installs a package of the same name" in done.stdout


def test_every_package_says_that_it_is_ours() -> None:
    assert names.damaged() == []
    assert names.shadowed() == {}


def test_a_process_of_its_own_runs_our_modules(beside: Path) -> None:
    words = child.command("devices.version")
    assert subprocess.run(words, cwd=beside, capture_output=True, check=False).returncode == 0
    listed = subprocess.run(child.command("nearwire", "devices", "list", "--json"), cwd=beside, capture_output=True, text=True, check=True)
    assert "host" in {entry["name"] for entry in json.loads(listed.stdout)}


def test_a_script_with_their_folder_before_ours_on_the_path(beside: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("bin") / "nearwire"
    script.write_text("import sys\nfrom nearwire.command import main\nsys.exit(main())\n")
    done = subprocess.run(
        [sys.executable, script, "devices", "list"],
        cwd=beside,
        env={**os.environ, "PYTHONPATH": f"{beside}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
