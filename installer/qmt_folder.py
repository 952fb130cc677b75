"""Finds the folder in which QMT is installed (qmt-facts.md section 2: brokers name folder and entry as they like)."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, NamedTuple, Sequence

PROGRAMS = ("XtItClient.exe", "XtMiniQmt.exe")
BINARIES = "bin.x64"
SITE_PACKAGES = (BINARIES, "Lib", "site-packages")
DRIVES = ("C", "D", "E", "F")
# Folders one level below a drive in which brokers' installers or their users put programs.
PARENTS = ("", "Program Files", "Program Files (x86)", "Softwares", "Software", "Programs", "gjzq", "QMT")
UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"


class Found(NamedTuple):
    """`folder`: the install folder, '' where none or several were found; `all`: every candidate."""

    folder: str
    all: tuple[str, ...]


def install_folder(path: str, exists: Callable[[str], bool] = os.path.exists) -> str:
    """The install folder that a path belongs to: itself, its bin.x64 or a program in there. '' if it is no QMT."""
    path = path.strip().strip('"').rstrip("\\/")
    for folder in (path, os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
        if folder and any(exists(os.path.join(folder, BINARIES, program)) for program in PROGRAMS):
            return folder
    return ""


def choose(running: Iterable[str], others: Iterable[str], exists: Callable[[str], bool] = os.path.exists) -> Found:
    """One folder that is in use wins; else the only one there is; of several nobody guesses."""
    used = _folders(running, exists)
    every = _folders([*used, *others], exists)
    chosen = used[0] if len(used) == 1 else every[0] if len(every) == 1 else ""
    return Found(chosen, tuple(every))


def _folders(paths: Iterable[str], exists: Callable[[str], bool]) -> list[str]:
    found: dict[str, str] = {}
    for path in paths:
        folder = install_folder(path, exists)
        if folder:
            found.setdefault(os.path.normcase(folder), folder)
    return list(found.values())


def site_packages(folder: str) -> str:
    return os.path.join(folder, *SITE_PACKAGES)


# Where to look, on Windows ------------------------------------------------------------------------------------------


def running_programs() -> list[str]:
    """Paths of QMT programs that run now; a name alone where the system does not tell the path."""
    from tray_app import winapi

    names = [name.lower() for name in PROGRAMS]
    found = [(pid, name) for pid, name in winapi.process_names() if name.lower() in names]
    return [winapi.process_path(pid) or name for pid, name in found]


def usual_places(listdir: Callable[[str], Sequence[str]] = os.listdir) -> list[str]:
    """Every folder one level below the places where QMT is usually put."""
    found = []
    for drive in DRIVES:
        for parent in PARENTS:
            place = f"{drive}:\\{parent}".rstrip("\\") + "\\"
            try:
                found += [place + name for name in listdir(place)]
            except OSError:
                continue  # no such drive or folder, or an empty card reader
    return found


def registered() -> list[str]:
    """Folders named by the registry's uninstall entries, for this user and for all, 32 and 64 bit."""
    import winreg as w

    found = []
    for root in (w.HKEY_CURRENT_USER, w.HKEY_LOCAL_MACHINE):  # type: ignore[attr-defined,unused-ignore]
        for view in (w.KEY_WOW64_64KEY, w.KEY_WOW64_32KEY):  # type: ignore[attr-defined,unused-ignore]
            found += _uninstall_entries(w, root, view)
    return found


def _uninstall_entries(w: Any, root: Any, view: int) -> list[str]:
    found = []
    try:
        with w.OpenKey(root, UNINSTALL, 0, w.KEY_READ | view) as key:
            for index in range(w.QueryInfoKey(key)[0]):
                name = w.EnumKey(key, index)
                with w.OpenKey(key, name, 0, w.KEY_READ | view) as entry:
                    for value in ("InstallLocation", "DisplayIcon", "UninstallString"):
                        try:
                            text = str(w.QueryValueEx(entry, value)[0])
                        except OSError:
                            continue
                        found.append(text.partition(",")[0])
    except OSError:
        pass  # no such key in this view, or an entry that went while we looked
    return found
