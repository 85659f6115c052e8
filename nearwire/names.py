"""The names of our packages are common ones. Here they are kept apart from others': a user's own train.py, another distribution called compile.

Rule: our packages are those in the folder that holds ``nearwire``, and each says in its ``__init__.py`` that it is part of nearwire.
``shadowed`` tells which of them Python would take from elsewhere, ``damaged`` which are not ours in their own folder. The door, ``nearwire ...``
and ``from nearwire import ...``, loads ours by their place (``claim``); ``python -m compile`` refuses. Only the standard library is imported
here, since any of our names may be the wrong one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path

NAMES = ("devices", "runtime", "compile", "train", "bench")  # by floor: each imports from those before it
ROOT = Path(__file__).resolve().parents[1]
MARK = b"nearwire"


def needed(package: str) -> tuple[str, ...]:
    """``package`` and what it imports from."""
    return NAMES[: NAMES.index(package) + 1]


def shadowed(names: Iterable[str] = NAMES) -> dict[str, str]:
    """Names that Python takes from elsewhere, and the file or folder it takes."""
    files = {name: _origin(name) for name in names}
    return {name: file for name, file in files.items() if file and _folder(file) != ROOT / name}


def damaged(names: Iterable[str] = NAMES) -> list[str]:
    """Names whose folder beside this one is not ours: removed, or written over by another distribution."""
    files = {name: ROOT / name / "__init__.py" for name in names}
    return [name for name, file in files.items() if not file.is_file() or MARK not in file.read_bytes()]


def claim(names: Iterable[str] = NAMES) -> None:
    """Make the names mean our packages in this process. ImportError where they are damaged, or where another module of that name is in use already."""
    names = tuple(names)
    if gone := damaged(names):
        raise ImportError(damage(gone))
    others = shadowed(names)
    used = {name: file for name, file in others.items() if name in sys.modules}
    if used:
        raise ImportError(
            f"{_listed(used)} is imported already, and nearwire has a package of that name. Rename yours, import nearwire before it, "
            "or run 'nearwire ...' as a program of its own."
        )
    for name in others:
        _load(name)


def damage(names: Iterable[str]) -> str:
    """What is wrong with damaged packages and what to do."""
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    parts = []
    for name in names:
        by = sorted(set(owners.get(name, ())) - {"nearwire"})
        parts.append(f"'{ROOT / name}' is not nearwire's" + (f": '{by[0]}' installs a package of the same name" if by else ""))
    return f"{'; '.join(parts)}. Give nearwire an environment of its own, or remove the other one and run: pip install --force-reinstall --no-deps nearwire"


def refusal(package: str) -> str | None:
    """Why ``python -m PACKAGE`` cannot run where other modules have names it needs, and what to run; None: it can."""
    names = needed(package)
    if others := shadowed(names):
        return f"Python takes {_listed(others)}, not nearwire's. Run 'nearwire {package} ...', which finds its own, or rename what is in the way."
    if gone := damaged(names):
        return damage(gone)
    return None


def _listed(files: dict[str, str]) -> str:
    return " and ".join(f"'{name}' from '{file}'" for name, file in files.items())


def _origin(name: str) -> str | None:
    """The file of a package's or module's name, the folder of one without ``__init__.py``; None: there is none."""
    module = sys.modules.get(name)
    spec: ModuleSpec | None = getattr(module, "__spec__", None) if module else importlib.util.find_spec(name)
    if spec is None:
        return str(module.__file__) if module and getattr(module, "__file__", None) else None
    folders = list(spec.submodule_search_locations or ())
    return spec.origin if spec.origin else str(folders[0]) if folders else None


def _folder(file: str) -> Path:
    path = Path(file).resolve()
    return path.parent if path.name == "__init__.py" else path


def _load(name: str) -> None:
    """Import our package ``name`` from its place."""
    folder = ROOT / name
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"'{folder}' cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
