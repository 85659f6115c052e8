"""Backends that compile and run the C of a build do so with the user's own builds, and with others when they are told to."""

from __future__ import annotations

from collections.abc import Sequence

from devices.errors import InputError
from runtime.backends.registry import harmless, runs_code
from runtime.builds.checked import CheckedBuild
from runtime.builds.trust import is_own


def require_trust(build: CheckedBuild, backends: Sequence[str], trust: bool) -> None:
    """InputError if one of the backends would run the C of a build that this user did not make here, unless ``trust``."""
    code = [name for name in backends if runs_code(name)]
    if trust or not code or is_own(build.digest):
        return
    raise InputError(
        f"'{build.folder}' was not made by you on this computer, and backend '{code[0]}' compiles and runs its C code, which could do whatever you can. "
        f"Its digest is {build.digest}. If you trust whoever made it, add --trust (from Python: trust=True); "
        f"the backends {', '.join(harmless())} run no code of a build."
    )
