"""An arm64 Python in a folder, and packages for it, on a Debian machine: no root, no change of the machine's own packages.

``root_folder`` holds Debian's arm64 Python and C library (57 MB, seconds), fetched through a private state of apt that knows the machine's own
Debian sources; ``site_folder`` holds wheels of the package index for that Python. Both are made once and kept in the cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devices.common.cache import cached_folder
from devices.errors import NearwireError

FETCH_LIMIT_S = 900
# Debian's own programs of the emulated Python need no more of the system than these.
WANTED = re.compile(r"^(python3\.\d+-minimal|libpython3\.\d+-(minimal|stdlib)|libc6|libgcc-s1|libstdc\+\+6|zlib1g|lib.*|media-types)$")
PLATFORMS = tuple(f"manylinux_2_{n}_aarch64" for n in (36, 35, 34, 31, 28, 27, 24, 17))
CPUINFO = "processor\t: {k}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 3\n\n"
CORES = {  # name of QEMU's core: (part number, features of /proc/cpuinfo)
    "cortex-a53": ("0xd03", "fp asimd evtstrm crc32 cpuid"),
    "cortex-a72": ("0xd08", "fp asimd evtstrm crc32 cpuid"),
    "cortex-a76": ("0xd0b", "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"),
}
PROCESSORS = 4


def root_folder(core: str) -> Path:
    """The folder that is the root of the emulated system with that core: /usr, /lib, and /proc/cpuinfo of an Arm computer."""
    base = cached_folder("arm64/root", _make_root)

    def with_core(root: Path) -> None:
        for name in ("usr", "lib", "etc"):
            if (base / name).exists():
                (root / name).symlink_to(base / name)
        (root / "proc").mkdir()
        part, features = CORES[core]
        text = "".join(CPUINFO.format(k=k, part=part, features=features) for k in range(PROCESSORS))
        (root / "proc" / "cpuinfo").write_text(text)  # without it ONNX Runtime and LiteRT end with a segmentation fault

    return cached_folder(f"arm64/{core}", with_core)


def python_of(root: Path) -> tuple[Path, str]:
    """The emulated Python's program and its version, as 3.11."""
    pythons = sorted((root / "usr" / "bin").glob("python3.[0-9]*"))
    if not pythons:
        raise NearwireError(f"there is no Python in '{root}'. Remove that folder, so that it is made again.")
    return pythons[0], pythons[0].name.removeprefix("python")


def site_folder(requirements: Sequence[str], version: str) -> Path:
    """A folder with the wheels of these requirements, and what they need, for an arm64 Python of that version; NearwireError if one has none."""
    key = hashlib.sha256("\n".join([version, *sorted(requirements)]).encode()).hexdigest()[:16]
    return cached_folder(f"arm64/site-{key}", lambda folder: install_wheels(requirements, version, PLATFORMS, folder))


def install_wheels(requirements: Sequence[str], version: str, platforms: Sequence[str], folder: Path) -> None:
    """pip, for another platform than this one, into a folder."""
    platform = [word for name in platforms for word in ("--platform", name)]
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", str(folder)]
    words += [*platform, "--implementation", "cp", "--python-version", version, "--only-binary=:all:", *requirements]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=FETCH_LIMIT_S, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:] or ["it said nothing"]
        raise NearwireError(f"pip found no wheels of {', '.join(requirements)} for Python {version} on {platforms[-1]}: {lines[-1]}")


def _make_root(root: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NearwireError("an emulated Pi needs Debian's arm64 packages, and this machine has no apt-get. Use Debian or Ubuntu, or a real board.")
    work = root / "work"
    for name in ("state/lists/partial", "cache/archives/partial", "parts", "debs"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    sources = _debian_sources()
    if not sources:
        raise NearwireError("an emulated Pi needs Debian's arm64 packages, and no Debian source is in /etc/apt. Add one, or use a real board.")
    for path in sources:
        shutil.copy(path, work / "parts" / path.name)
    config = work / "apt.conf"
    config.write_text(
        f'APT::Architecture "arm64"; APT::Architectures {{"arm64";}}; Acquire::Languages "none"; APT::Sandbox::User "";\n'
        f'Dir::State "{work}/state"; Dir::State::status "{work}/status"; Dir::Cache "{work}/cache";\n'
        f'Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "{work}/parts";\n'
    )
    _apt(config, work, "apt-get", "update", "-q")
    python = re.search(r"\b(python3\.\d+)-minimal\b", _apt(config, work, "apt-cache", "show", "python3-minimal"))
    if python is None:
        raise NearwireError("Debian's package python3-minimal does not say which Python it is; the emulated Pi cannot be made.")
    seeds = [f"{python[1]}-minimal", f"lib{python[1]}-stdlib", "libstdc++6"]
    options = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    closure = _apt(config, work, "apt-cache", "depends", "--recurse", *options, *seeds)
    packages = sorted({line for line in closure.splitlines() if WANTED.match(line)})
    _apt(config, work / "debs", "apt-get", "download", "-q", *packages)
    for archive in sorted((work / "debs").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(archive), str(root)], {})
    _loader(root)
    shutil.rmtree(work)


def _loader(root: Path) -> None:
    """Where /lib is a part of /usr, programs still name it as /lib."""
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")


def _debian_sources() -> list[Path]:
    """The machine's own lists of Debian packages; other vendors' lists are left out."""
    parts = Path("/etc/apt/sources.list.d")
    paths = [Path("/etc/apt/sources.list"), *sorted([*parts.glob("*.list"), *parts.glob("*.sources")])]
    return [
        path for path in paths if path.is_file() and re.search(r"^(deb|URIs:)\s.*/debian/?(\s|$)", path.read_text(errors="replace"), re.MULTILINE)
    ]


def _apt(config: Path, folder: Path, *words: str) -> str:
    return _run(list(words), {"APT_CONFIG": str(config)}, folder)


def _run(words: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=FETCH_LIMIT_S, check=False, cwd=folder, env={**path, **environment}
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise NearwireError(f"the emulated Pi could not be made: '{words[0]} {words[1]}' failed: {lines[0]}")
    return done.stdout
