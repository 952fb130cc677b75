"""Lays a folder out like a QMT installation, so that a watcher meets what it meets on the trader's PC.

DIR/bin.x64/XtItClient.exe is a copy of this Python, so the process list shows XtItClient.exe under the install folder;
DIR/bin.x64/Lib/site-packages/dingtou is the package that the sentry's installer puts there.
"""

import os
import shutil
import sys
import sysconfig
from typing import Dict, List, Mapping, Sequence

CLIENT = "XtItClient.exe"
_REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def install(folder: str) -> str:
    """Make or refresh the installation in `folder`; returns the path of its XtItClient.exe."""
    binaries = os.path.join(os.path.abspath(folder), "bin.x64")
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


def command(folder: str, scripts: Sequence[str], *options: str) -> List[str]:
    """argv that runs `scripts` in the simulated QMT under the name XtItClient.exe."""
    client = os.path.join(os.path.abspath(folder), "bin.x64", CLIENT)
    argv = [client, "-m", "rehearsal.qmt", "--dir", os.path.abspath(folder)]
    for script in scripts:
        argv += ["--script", os.path.abspath(script)]
    return argv + list(options)


def environment(base: Mapping[str, str] = os.environ) -> Dict[str, str]:
    """`base` with what the copied interpreter needs to find its library, this repository and the installed packages."""
    paths = sysconfig.get_paths()
    environ = dict(base)
    environ["PYTHONHOME"] = sys.base_prefix
    environ["PYTHONPATH"] = os.pathsep.join([_REPOSITORY, paths["purelib"], paths["platlib"]])
    environ["PYTHONIOENCODING"] = "utf-8"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if os.name != "nt":
        # A Python built to find its libpython beside itself must find it from the copy's place too.
        library = os.path.join(sys.base_prefix, "lib")
        environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [library, base.get("LD_LIBRARY_PATH", "")]))
    return environ


def _copy_python(client: str) -> None:
    base = getattr(sys, "_base_executable", None) or sys.executable
    if os.name != "nt":
        base = os.path.realpath(base)
    if not (os.path.isfile(client) and os.path.getsize(client) == os.path.getsize(base)):
        shutil.copy2(base, client)
    if os.name == "nt":
        beside = os.path.dirname(base)
        for name in os.listdir(beside):
            if name.lower().endswith(".dll"):
                shutil.copy2(os.path.join(beside, name), os.path.dirname(client))
