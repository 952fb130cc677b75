"""THIRD_PARTY_NOTICES.txt: the licence of everything that is bundled, read from the packages at build time."""

from __future__ import annotations

import os
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Iterable

LICENCES = Path(__file__).resolve().parent / "licences"  # of what is no Python package
ALWAYS = ("pyinstaller",)  # its start-up code is in the exe, none of its modules is
RULE = "=" * 100
HEAD = """QMT Sentry is distributed together with the software listed here. Each part stays under its own licence.
pystray (LGPL 3) lies as plain files in the folder _internal\\pystray and may be replaced by another version of it.
"""


class NoLicence(Exception):
    """A bundled package comes without a licence text."""


def text(modules: Iterable[str], always: Iterable[str] = ALWAYS) -> str:
    """The whole file, for the bundled modules (dotted names). Raises NoLicence."""
    owners = distribution_of_module()
    found = {owners[top] for top in (name.partition(".")[0] for name in modules) if top in owners}
    parts = [HEAD, _part("CPython 3.8", _python_licence())]
    for file in sorted(LICENCES.glob("*.txt")):
        parts.append(_part(file.stem, file.read_text(encoding="utf-8")))
    for name in sorted(found | set(always)):
        distribution = metadata.distribution(name)
        parts.append(_part(f"{name} {distribution.version}", licence(distribution)))
    return "\n".join(parts)


def licence(distribution: metadata.Distribution) -> str:
    """All licence files of a package, one after another. Raises NoLicence."""
    texts = []
    for path in distribution.files or []:
        base = os.path.basename(str(path)).upper()
        if ".dist-info" in str(path) and base.startswith(("LICEN", "COPYING", "NOTICE")):
            texts.append(Path(str(distribution.locate_file(path))).read_text(encoding="utf-8", errors="replace"))
    if not texts:
        raise NoLicence(distribution.metadata["Name"])
    return "\n".join(texts)


def distribution_of_module() -> dict[str, str]:
    """Top-level module -> name of the installed package that it belongs to."""
    owners = {}
    for distribution in metadata.distributions():
        for path in distribution.files or []:
            top = path.parts[0]
            if not top.endswith((".dist-info", ".data")) and top != "..":
                owners[top[: -len(".py")] if top.endswith(".py") else top] = distribution.metadata["Name"].lower()
    return owners


def _python_licence() -> str:
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    for place in (stdlib / "LICENSE.txt", stdlib.parent / "LICENSE.txt"):  # Unix, Windows
        if place.exists():
            return place.read_text(encoding="utf-8", errors="replace")
    raise NoLicence("CPython")


def _part(title: str, body: str) -> str:
    return f"{RULE}\n{title}\n{RULE}\n\n{body}\n"
