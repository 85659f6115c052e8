"""``--package``: names valid everywhere, manifests valid by their ecosystems' own rules, the same bytes every time, clear errors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from idf_component_tools.manager import ManifestManager
from idf_component_tools.manifest import SLUG_REGEX
from platformio.package.manifest.schema import ManifestSchema
from platformio.package.pack import PackagePacker
from platformio.project.config import ProjectConfig

from compile.emit import packages
from compile.emit.packages import ECOSYSTEMS, chosen, library_name, name_of
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.errors import InputError
from runtime.builds.checked import open_build
from runtime.builds.manifest import Manifest
from runtime.zoo import resolve
from tests.support.commands import run

ZOO = "digits-field"
LIBRARY = "nearwire_digits_field"
COMPOTE = "from idf_component_manager.cli import safe_cli; safe_cli()"
ROOT = Path(__file__).parents[2]
CATEGORIES = [
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
]  # Arduino's list
ODD_NAMES = {
    "mnist-2k": "nearwire_mnist_2k",
    "1d--signal..v2": "nearwire_1d_signal_v2",
    "-Größe 3-": "nearwire_groe_3",
    "int": "nearwire_int",
    "a" * 40: "nearwire_" + "a" * 40,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    out = tmp_path_factory.mktemp("packages") / "digits"
    return out, compile_network(resolve(f"zoo:{ZOO}"), out, CompileOptions(packages=("all",)))


def place(built: tuple[Path, Manifest], ecosystem: str) -> Path:
    return built[0] / built[1].packages[ecosystem]


def test_every_library_is_listed_complete_and_checked_like_every_file(built: tuple[Path, Manifest]) -> None:
    out, manifest = built
    assert list(manifest.packages) == list(ECOSYSTEMS)
    for name, folder in manifest.packages.items():
        item = ECOSYSTEMS[name]
        assert folder == f"packages/{name}/{LIBRARY}"
        code = item.code.format(library=LIBRARY)
        needed = [f"{code}/{file}" for file in (*packages.CODE, "names.h")] + [f"{item.header}/{LIBRARY}.h", f"{item.example}/test_vector.h"]
        assert {f"{folder}/{file}" for file in [*needed, "README.md", "LICENSE"]} <= set(manifest.files)
        assert (out / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    open_build(out)


def test_the_libraries_say_what_they_are(built: tuple[Path, Manifest]) -> None:
    out, manifest = built
    assert manifest.size is not None
    for name, folder in manifest.packages.items():
        readme, header = (out / folder / "README.md").read_text(), (out / folder / ECOSYSTEMS[name].header / f"{LIBRARY}.h").read_text()
        for text in (readme, header):
            assert manifest.network_sha256 in text
            assert manifest.tool_version in text
        assert f"{manifest.accuracy.quantised:.4f}" in readme
        assert f"{manifest.size.constants_bytes} + {manifest.size.code_bytes} bytes" in readme
        assert "{{" not in readme + header


def test_two_compiles_write_the_same_bytes(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    again = compile_network(resolve(f"zoo:{ZOO}"), tmp_path / "again", CompileOptions(packages=tuple(reversed(ECOSYSTEMS))))
    assert again.files == built[1].files


def test_without_the_option_there_are_none(tmp_path: Path) -> None:
    assert compile_network(resolve(f"zoo:{ZOO}"), tmp_path / "plain", CompileOptions()).packages == {}
    assert not (tmp_path / "plain" / "packages").exists()


@pytest.mark.parametrize(("text", "expected"), ODD_NAMES.items())
def test_every_name_becomes_one_that_all_ecosystems_allow(text: str, expected: str) -> None:
    name = library_name(text)
    assert name == expected
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,48}", name)  # a C identifier; Arduino's folder and name, a Kconfig symbol in capitals
    assert re.fullmatch(SLUG_REGEX, name)  # the ESP registry's


@pytest.mark.parametrize(("text", "words"), [("数字", "no ASCII letter or digit"), ("...", "no ASCII"), ("b" * 41, "41 characters")])
def test_names_of_which_nothing_is_left_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"{words}.*--package-name"):
        library_name(text)


def test_a_library_is_called_after_the_file_or_the_run_folder(tmp_path: Path) -> None:
    assert name_of(Path("a/mnist-2k.safetensors")) == "mnist-2k"
    assert name_of(tmp_path / "runs" / "My Run" / "network.safetensors") == "My Run"


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("zephyr,arduino", "arduino"), ("arduino", "zephyr")), (("all",), tuple(ECOSYSTEMS)), (("zephyr", "all"), tuple(ECOSYSTEMS)), ((), ())],
)
def test_packages_are_chosen_by_name_list_or_all(words: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert chosen(words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--package", "ardiuno"), "unknown package 'ardiuno'. Did you mean 'arduino'?"),
        (("--package", "arduino,"), "unknown package ''"),
        (("--package", "all", "--package-name", "_"), "no library can be named after '_'"),
        (("--package", "zephyr", "--out", "{tmp}"), "not a build of ours"),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_nothing(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "mine.txt").write_text("kept")
    done = run("compile", f"zoo:{ZOO}", "--out", str(tmp_path / "b"), *(word.format(tmp=tmp_path) for word in words))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["packages", "mine.txt"]


def test_arduino_metadata_keep_the_librarys_rules(built: tuple[Path, Manifest]) -> None:
    folder = place(built, "arduino")
    lines = (folder / "library.properties").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= set(fields)
    assert all(value == value.strip() and value for value in fields.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", fields["name"])
    assert not fields["name"].lower().startswith("arduino")
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", fields["version"])
    assert fields["category"] in CATEGORIES
    assert fields["url"].startswith("https://")
    assert folder.name == fields["name"]
    assert (folder / "src" / fields["includes"]).is_file()
    assert [path.name for path in (folder / "src").glob("*.h")] == [fields["includes"]]  # the sketch sees no other header
    for sketch in (folder / "examples").iterdir():
        assert (sketch / f"{sketch.name}.ino").is_file()
    for line in (folder / "keywords.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"\w+\t(KEYWORD[123]|LITERAL[12])", line)


def test_platformio_packs_the_library_and_reads_the_examples_project(
    built: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place(built, "platformio")
    # The packer asks the network whether a licence exists; everything else of its checks stays.
    monkeypatch.setattr(ManifestSchema, "load_spdx_licenses", staticmethod(lambda: {"licenses": [{"licenseId": "Apache-2.0"}]}))
    archive = PackagePacker(str(folder)).pack(str(tmp_path))
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    manifest = json.loads((folder / "library.json").read_text())
    assert manifest["name"] == "nearwire-digits-field"
    assert re.fullmatch(r"[a-z0-9](?:-?[a-z0-9])*", manifest["name"])
    assert len(manifest["name"]) <= 50
    assert {f"src/{LIBRARY}/model.c", f"include/{manifest['headers']}", "README.md", "LICENSE"} <= set(names)
    for example in manifest["examples"]:
        assert {f"{example['base']}/{file}" for file in example["files"]} <= set(names)
    project = ProjectConfig(str(folder / "examples" / "classify" / "platformio.ini"))
    project.validate(silent=True)
    assert project.default_envs() == ["pico"]
    for environment in project.envs():
        (library,) = project.get(f"env:{environment}", "lib_deps")
        assert (folder / "examples" / "classify" / library.removeprefix("symlink://")).resolve() == folder.resolve()


def test_esp_idf_component_manager_accepts_and_packs_the_component(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    folder = place(built, "esp-idf")
    manager = ManifestManager(str(folder), LIBRARY)
    assert manager.validate().validation_errors == []
    manifest = manager.load()
    assert (str(manifest.version), manifest.license) == (built[1].tool_version, "Apache-2.0")
    assert [(folder / str(example["path"])).is_dir() for example in manifest.examples] == [True]
    shutil.copytree(folder, tmp_path / LIBRARY)
    done = subprocess.run(
        [sys.executable, "-c", COMPOTE, "component", "pack", "--name", LIBRARY, "--project-dir", str(tmp_path / LIBRARY)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / LIBRARY / "dist").glob(f"{LIBRARY}_*"))


def test_zephyr_module_names_what_is_there(built: tuple[Path, Manifest]) -> None:
    folder = place(built, "zephyr")
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    assert set(module) == {"name", "build", "samples"}
    assert module["name"] == LIBRARY
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    sample = yaml.safe_load((folder / module["samples"][0] / "classify" / "sample.yaml").read_text())
    (test,) = sample["tests"].values()
    assert set(test) == {"tags", "integration_platforms", "harness", "harness_config"}
    assert re.match(test["harness_config"]["regex"][0], "class 4, scores as expected, 5 us")
