"""Lays a folder out like a QMT installation, so that a watcher meets what it meets on the trader's PC.

DIR/bin.x64/XtItClient.exe is a copy of this Python, so the process list shows XtItClient.exe under the install folder;
DIR/bin.x64/Lib/site-packages/dingtou is the package that the sentry's installer puts there.
"""

import filecmp
import os
import shutil
import sys
import sysconfig
from typing import Any, Dict, Iterable, List, Mapping, Union

CLIENT = "XtItClient.exe"
Folder = Union[str, "os.PathLike[str]"]
_REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lay_out(folder: Folder) -> str:
    """Make or refresh the installation in `folder`; returns the path of its XtItClient.exe."""
    folder = os.path.abspath(str(folder))
    binaries = os.path.join(folder, "bin.x64")
    packages = os.path.join(binaries, "Lib", "site-packages")
    os.makedirs(packages, exist_ok=True)
    for name in (os.path.join("userdata", "log"), "control"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    client = os.path.join(binaries, CLIENT)
    _copy_python(client)
    target = os.path.join(packages, "dingtou")
    if os.path.isdir(target):
        shutil.rmtree(target)
    source = os.path.join(_REPOSITORY, "qmt_strategy", "dingtou")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return client


def command(folder: Folder, options: Iterable[Any]) -> List[str]:
    """argv of `python -m rehearsal.qmt --dir FOLDER OPTIONS...` under the name XtItClient.exe."""
    folder = os.path.abspath(str(folder))
    client = os.path.join(folder, "bin.x64", CLIENT)
    return [client, "-m", "rehearsal.qmt", "--dir", folder] + [str(option) for option in options]


def environment(folder: Folder, base: Mapping[str, str] = os.environ) -> Dict[str, str]:
    """`base` with what the copied interpreter in `folder` needs: its library, this repository, installed packages."""
    paths = sysconfig.get_paths()
    environ = dict(base)
    environ["PYTHONHOME"] = sys.base_prefix
    environ["PYTHONPATH"] = os.pathsep.join([_REPOSITORY, paths["purelib"], paths["platlib"]])
    environ["PYTHONIOENCODING"] = "utf-8"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ["TZ"] = (
        "CST-8"  # the trader's PC is in China: what scripts read as local time is that (POSIX: east is minus)
    )
    if os.name != "nt":
        # A Python built to find its libpython beside itself must find it from the copy's place too.
        library = os.path.join(sys.base_prefix, "lib")
        environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [library, base.get("LD_LIBRARY_PATH", "")]))
    return environ


def _copy_python(client: str) -> None:
    base = getattr(sys, "_base_executable", None) or sys.executable
    if os.name != "nt":
        base = os.path.realpath(base)
    if not (os.path.isfile(client) and filecmp.cmp(base, client, shallow=False)):
        shutil.copy2(base, client)  # a running one is the same file and is left alone
    if os.name == "nt":
        beside = os.path.dirname(base)
        for name in os.listdir(beside):
            if name.lower().endswith(".dll"):
                shutil.copy2(os.path.join(beside, name), os.path.dirname(client))
