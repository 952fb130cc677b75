"""Makes dist/QMTSentry-VERSION-setup.exe and dist/SHA256SUMS: PyInstaller (build.spec), then NSIS (setup.nsi).

On Windows with this Python 3.8 and an installed NSIS; on Debian under Wine, with the Python of windows_python.py.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from installer import py38_folder, windows_python
from installer.py38_folder import SetupError
from installer.wine_desktop import windows_path
from tray_app import VERSION

REPO = Path(__file__).resolve().parent.parent
PACKAGES = ("nsis",)
REQUIREMENTS = REPO / "installer" / "requirements-build.txt"
PYINSTALLER_SECONDS, NSIS_SECONDS = 600.0, 300.0
LARGEST_SETUP, LARGEST_FOLDER = 15_000_000, 30_000_000  # bytes
STAMP = "built-from.txt"


def build(out: Path, python_folder: Path, use_apt: bool = True) -> Path:
    """All of it; gives back the setup program. Raises SetupError."""
    work = out / "work"
    shutil.rmtree(str(work), ignore_errors=True)
    work.mkdir(parents=True)
    (out / STAMP).unlink(missing_ok=True)  # first: a build that is cut short must not look finished
    with timed("PyInstaller"):
        if os.name == "nt":
            _freeze_here(work)
        else:
            _freeze_under_wine(work, python_folder, use_apt)
    app = add_data(work)
    setup = setup_file(out)
    with timed("NSIS"):
        make_setup(app, setup)
    _check_size("程序文件夹", sum(file.stat().st_size for file in app.rglob("*")), LARGEST_FOLDER)
    _check_size("安装程序", setup.stat().st_size, LARGEST_SETUP)
    digest = hashlib.sha256(setup.read_bytes()).hexdigest()
    (out / "SHA256SUMS").write_text(f"{digest}  {setup.name}\n", encoding="ascii")
    (out / STAMP).write_text(sources_digest(), encoding="ascii")
    return setup


def setup_file(out: Path, version: str = VERSION) -> Path:
    return out / f"QMTSentry-{version}-setup.exe"


def app_folder(out: Path) -> Path:
    """The program folder of the last build, as the setup program carries it."""
    return out / "work" / "QMTSentry"


def is_fresh(out: Path) -> bool:
    """Whether `out` holds a setup program that was made from the sources as they are now."""
    stamp = out / STAMP
    return setup_file(out).exists() and stamp.exists() and stamp.read_text(encoding="ascii") == sources_digest()


def sources_digest() -> str:
    """Of everything that goes into the setup program."""
    files = [REPO / "build.spec"]
    for folder in ("tray_app", "installer", "qmt_strategy"):
        files += [file for file in (REPO / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(REPO).as_posix().encode("utf-8") + b"\0" + file.read_bytes())
    return digest.hexdigest()


def add_data(work: Path) -> Path:
    """What lies beside the programs: the scripts for QMT with their guide, the settings' example, the licences."""
    app = work / "QMTSentry"
    qmt = app / "qmt"
    qmt.mkdir()
    for script in sorted((REPO / "qmt_strategy").glob("*.py")):
        shutil.copy2(str(script), str(qmt / script.name))
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(str(REPO / "qmt_strategy" / "dingtou"), str(qmt / "dingtou"), ignore=ignore)
    shutil.copy2(str(REPO / "installer" / "import-into-qmt.html"), str(qmt))
    shutil.copy2(str(REPO / "tray_app" / "sentry.example.ini"), str(app))
    shutil.copy2(str(work / "build" / "THIRD_PARTY_NOTICES.txt"), str(app))
    return app


def make_setup(app: Path, setup: Path, version: str = VERSION, fast: bool = False) -> None:
    """makensis. `fast`: larger and quickly made, for the tests' older and broken versions. Raises SetupError."""
    icon = app.parent / "build" / "QMTSentry.ico"
    setup.parent.mkdir(parents=True, exist_ok=True)
    defines = [f"-DVERSION={version}", f"-DAPP={app}{os.sep}*", f"-DOUT={setup}", f"-DICON={icon}"] + (
        ["-DFAST"] if fast else []
    )
    script = str(REPO / "installer" / "setup.nsi")
    _run([_makensis(), "-V2", "-WX", "-INPUTCHARSET", "UTF8", *defines, script], NSIS_SECONDS, "NSIS 没有做成安装程序")


def _freeze_here(work: Path) -> None:
    if sys.version_info[:2] != (3, 8):
        raise SetupError("Windows 安装包要用 Python 3.8 来做：请安装 Python 3.8.10，再运行 run.py windows")
    spec = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    spec += ["--distpath", str(work), "--workpath", str(work), str(REPO / "build.spec")]
    _run(spec, PYINSTALLER_SECONDS, "PyInstaller 没有做成程序")


def _freeze_under_wine(work: Path, python_folder: Path, use_apt: bool) -> None:
    windows_python.install_packages(PACKAGES, use_apt)
    python = windows_python.prepare(python_folder, use_apt)
    # A folder of its own: what the tests use (pytest, newer libraries) must not get into the program.
    packages = python.folder / "build-packages"
    stamp, wanted = packages / "made-from.txt", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
        shutil.rmtree(str(packages), ignore_errors=True)
        py38_folder.install_pinned(py38_folder.find_python38(), REQUIREMENTS, packages)
        stamp.write_text(wanted, encoding="ascii")
    command = ["-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR", "--distpath", windows_path(work)]
    command += ["--workpath", windows_path(work), "build.spec"]
    try:
        with python:
            done = python.run(command, {"PYTHONPATH": windows_path(packages)}, REPO, PYINSTALLER_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"PyInstaller 没有跑完（{error}）") from None
    if done.returncode != 0:
        raise SetupError("PyInstaller 没有做成程序：\n" + "\n".join(done.stdout.splitlines()[-25:]))


def _makensis() -> str:
    places = [
        os.path.join(os.environ.get(name, ""), "NSIS", "makensis.exe") for name in ("ProgramFiles(x86)", "ProgramFiles")
    ]
    for place in [shutil.which("makensis"), *places]:
        if place and os.path.exists(place):
            return place
    raise SetupError("没有找到 NSIS：请从 nsis.sourceforge.io 安装 NSIS 3，然后重试")


def _run(command: Sequence[str], seconds: float, trouble: str) -> None:
    try:
        done = subprocess.run(list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{trouble}（{error}）") from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").splitlines()[-25:]
        raise SetupError(f"{trouble}（退出码 {done.returncode}）：\n" + "\n".join(said))


def _check_size(what: str, size: int, limit: int) -> None:
    print(f"    {what} {size / 1e6:.1f} MB（最多 {limit / 1e6:.0f} MB）", flush=True)
    if size > limit:
        raise SetupError(f"{what}太大：{size / 1e6:.1f} MB，最多 {limit / 1e6:.0f} MB")


@contextmanager
def timed(what: str) -> Iterator[None]:
    print(f"{what} …", flush=True)
    started = time.monotonic()
    yield
    print(f"    {time.monotonic() - started:.1f} 秒", flush=True)
