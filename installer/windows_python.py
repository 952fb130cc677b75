"""A real Windows CPython 3.8 under Wine on Debian, so that the tray's tests run on the Python that users have.

    python3 installer/windows_python.py DIR                              make (or reuse) it
    python3 installer/windows_python.py DIR --pytest tests/tray_app -x   run tests in it; the exit code is pytest's
    python3 installer/windows_python.py DIR --tray-shot OUT.png          photograph the tray program's icon and menu

As a module: `with prepare(dir) as python: python.run(["-m", "tray_app"], home=...)`.

Wine stands in for Windows: it proves imports, the Win32 tray, files, SQLite and sockets of the Windows Python. It does
not prove Task Scheduler, toasts, DPI or antivirus; those need a real Windows machine.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Type

REPO = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(REPO))  # started as a script: sys.path begins with installer/, its modules are installer.*

from installer import py38_folder, tray_shot, wine_desktop  # noqa: E402 - see above
from installer.py38_folder import SetupError  # noqa: E402
from installer.windows_program import WindowsProgram  # noqa: E402

PACKAGES = ("wine", "wine64", "xvfb", "xdotool", "imagemagick", "gcc-mingw-w64-x86-64", "fonts-wqy-microhei")
APT_SECONDS = 900.0
PYTEST_SECONDS = 900.0
BUSY_SECONDS = 1500.0  # how long to wait for another process that uses the same folder


def default_folder() -> Path:
    """Where the tests look for it: %QMT_SENTRY_WINDOWS_PYTHON%, else .run/windows-python in the repository."""
    given = os.environ.get("QMT_SENTRY_WINDOWS_PYTHON")
    return Path(given) if given else REPO / ".run" / "windows-python"


def prepare(folder: Path, use_apt: bool = True) -> "WindowsPython":
    """Make the Windows Python in `folder`, or reuse what is there if it was made by this recipe. Raises SetupError."""
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    install_packages(PACKAGES, use_apt)
    requirements = (REPO / "requirements.txt").read_text(encoding="utf-8")
    python38 = py38_folder.find_python38()
    wheels = py38_folder.pinned_wheels(requirements)
    stamp = _stamp(python38, wheels)
    if not _is_made(folder, stamp):
        with wine_desktop.locked(folder / "in-use.lock", BUSY_SECONDS):
            if not _is_made(folder, stamp):  # another process may have made it while we waited
                _build(folder, python38, wheels)
                (folder / "stamp").write_text(stamp, encoding="ascii")
    return WindowsPython(folder)


def install_packages(names: Sequence[str], use_apt: bool) -> None:
    """Debian's packages that are not there yet. Raises SetupError."""
    missing = missing_packages(names)
    if missing:
        if not use_apt:
            raise SetupError("缺少软件包：{0}。请先运行 apt-get install {0}".format(" ".join(missing)))
        with _timed("安装 " + " ".join(missing)):
            _apt_install(missing)


def _is_made(folder: Path, stamp: str) -> bool:
    file = folder / "stamp"
    return file.exists() and file.read_text(encoding="ascii") == stamp


class WindowsPython:
    """The Windows Python of a prepared folder. As a context it has a desktop, and programs can be started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.py38 = folder / "py38"
        self.exe = self.py38 / "python.exe"
        self.desktop = wine_desktop.WineDesktop(folder, BUSY_SECONDS)

    def __enter__(self) -> "WindowsPython":
        self.desktop.__enter__()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.desktop.__exit__(kind, error, trace)

    def start(
        self,
        args: Sequence[str],
        env: Optional[Dict[str, str]] = None,
        cwd: Optional[Path] = None,
        home: Optional[Path] = None,
        exe: Optional[Path] = None,
        echo: bool = False,
    ) -> WindowsProgram:
        """Start python.exe (or another `exe`, from `stand_in`) with `args`; the caller ends it, best with `with`.

        `home` becomes QMT_SENTRY_HOME, `cwd` defaults to the repository, `echo` copies the output to ours as it comes.
        """
        # Bytecode of the Windows Python has no business in the repository's folders.
        full = {**self.desktop.env, "PYTHONHOME": wine_desktop.windows_path(self.py38), "PYTHONDONTWRITEBYTECODE": "1"}
        if home is not None:
            full["QMT_SENTRY_HOME"] = wine_desktop.windows_path(home)
        full.update(env or {})
        return WindowsProgram(["wine", str(exe or self.exe), *args], full, cwd or REPO, echo)

    def run(
        self,
        args: Sequence[str],
        env: Optional[Dict[str, str]] = None,
        cwd: Optional[Path] = None,
        timeout: float = 120.0,
        home: Optional[Path] = None,
        echo: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run to the end; `stdout` has both streams. Killed after `timeout` seconds: subprocess.TimeoutExpired."""
        with self.start(args, env, cwd, home, echo=echo) as program:
            code = program.wait(timeout)
            return subprocess.CompletedProcess(list(args), code, program.output())

    def stand_in(self, folder: Path, name: str) -> Path:
        """A copy of python.exe called `name` in `folder`: a process that looks like another program (QMT)."""
        folder.mkdir(parents=True, exist_ok=True)
        for dll in ("python38.dll", "VCRUNTIME140.dll"):
            shutil.copy2(str(self.py38 / dll), str(folder / dll))
        shutil.copy2(str(self.exe), str(folder / name))
        return folder / name


def missing_packages(names: Sequence[str] = PACKAGES) -> List[str]:
    """Which of PACKAGES are not installed (Debian). Raises SetupError on a machine without dpkg."""
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names]
    try:
        done = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        raise SetupError("这里不是 Debian（没有 dpkg）：Windows 版测试只能在 Debian 上用 Wine 运行") from None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    installed = {line.split()[0] for line in lines if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def _apt_install(packages: List[str]) -> None:
    if os.geteuid() != 0:
        raise SetupError("缺少软件包，安装需要 root：请运行 sudo apt-get install {}".format(" ".join(packages)))
    # A failed update is often one dead source of several; whether that matters, the install shows. But while another
    # apt-get updates, its lock makes ours fail at once (DPkg::Lock::Timeout is for installing only): then again.
    for _ in range(24):
        code, text = _call_apt(["update"])
        if code == 0 or "lists/lock" not in text:
            break
        time.sleep(5)
    code, text = _call_apt(["install", "--no-install-recommends", *packages])
    if code != 0:
        tail = "\n".join(text.splitlines()[-15:])
        raise SetupError(f"apt-get install 失败（退出码 {code}），请按下面的提示处理后重试：\n{tail}")


def _call_apt(args: List[str]) -> Tuple[int, str]:
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y", *args]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=APT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"apt-get {args[0]} 没有跑完（{error}）：请检查网络和软件源") from None
    return done.returncode, done.stdout.decode("utf-8", "replace")


def _build(folder: Path, python38: py38_folder.LocalPython38, wheels: List[str]) -> None:
    py38 = folder / "py38"
    if (folder / "stamp").exists():
        (folder / "stamp").unlink()  # first: a build that is cut short must not look finished
    shutil.rmtree(str(py38), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="windows-python-") as name:
        work = Path(name)
        with _timed("下载 Windows 版 CPython 3.8.10"):
            py38_folder.fetch_dlls(python38, work, py38)
        with _timed(f"复制标准库（CPython {python38.version}）"):
            py38_folder.copy_stdlib(python38, py38)
        with _timed("编译 python.exe 和 python3.dll"):
            py38_folder.make_python_exe(work, py38)
            py38_folder.make_python3_dll(work, py38)
    with _timed("安装 Windows 版依赖"):
        py38_folder.install_wheels(python38, wheels, py38)
    with _timed("新建 Wine 环境"):
        wine_desktop.make_prefix(folder)


def _stamp(python38: py38_folder.LocalPython38, wheels: List[str]) -> str:
    """A hash of everything that decides what is made: the recipe's sources and the versions that go into it."""
    digest = hashlib.sha256()
    for source in (Path(py38_folder.__file__), Path(wine_desktop.__file__)):
        digest.update(source.read_bytes())
    wine = subprocess.run(["wine", "--version"], env={**os.environ, "WINEDEBUG": "-all"}, stdout=subprocess.PIPE).stdout
    digest.update(repr((python38.version, wheels, wine)).encode("utf-8"))
    return digest.hexdigest()


@contextmanager
def _timed(what: str) -> Iterator[None]:
    print(f"{what} …", flush=True)
    started = time.monotonic()
    try:
        yield
    finally:
        print(f"    {time.monotonic() - started:.1f} 秒", flush=True)


def run_pytest(python: WindowsPython, args: Sequence[str], timeout: float) -> int:
    """pytest inside the Windows Python, its output passed on as it comes; gives back its exit code."""
    command = ["-m", "pytest", "-p", "no:cacheprovider", *args]
    try:
        with _timed("在 Windows 版 Python 上运行 pytest " + " ".join(args)), python:
            return python.run(command, timeout=timeout, echo=True).returncode
    except subprocess.TimeoutExpired:
        print(f"pytest 在 {timeout:.0f} 秒内没有结束，已中止", flush=True)
        return 124


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="在 Debian 上用 Wine 运行真正的 Windows 版 CPython 3.8")
    where = "放 Windows 版 Python 的文件夹（约 1 GB，可重复使用，默认 %(default)s）"
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?", default=default_folder(), help=where)
    parser.add_argument("--no-apt", action="store_true", help="缺软件包时不自动安装")
    parser.add_argument(
        "--timeout", type=float, default=PYTEST_SECONDS, help="pytest 最多运行多少秒（默认 %(default)s）"
    )
    parser.add_argument("--tray-shot", type=Path, metavar="OUT.png", help="给托盘图标和菜单拍照")
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, metavar="ARG", help="其后全部参数交给 pytest")
    options = parser.parse_args(argv)
    started = time.monotonic()
    # CI ends a stage that takes too long with SIGTERM: Xvfb and Wine must not outlive it.
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    try:
        python = prepare(options.folder, use_apt=not options.no_apt)
        code = 0
        if options.tray_shot:
            with _timed("给托盘拍照"), python:
                for png in tray_shot.photograph_tray(python, options.tray_shot.resolve()):
                    print(f"    {png}")
        if options.pytest is not None:
            code = run_pytest(python, options.pytest, options.timeout)
    except SetupError as error:
        print(f"错误：{error}", file=sys.stderr)
        return 1
    print(f"共 {time.monotonic() - started:.1f} 秒", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
