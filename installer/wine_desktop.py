"""A Wine prefix with a desktop, a notification area and Chinese fonts, on an X server of its own.

`make_prefix` makes it once (about 15 s). `WineDesktop` is one use of it: it puts the registry and the user folders back
to how they were made, starts Xvfb and wineserver as its own children, and ends all of it again, by pid and by prefix,
never by name.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Dict, List, Optional, Tuple, Type

from installer.py38_folder import SetupError

Area = Tuple[int, int, int, int]  # x, y, width, height in pixels

SIZE = (1024, 768)
CHINESE_FONT = "WenQuanYi Micro Hei"
REPLACED_FONTS = ("Tahoma", "MS Shell Dlg", "Segoe UI", "Microsoft YaHei", "SimSun")
REGISTRY_FILES = ("system.reg", "user.reg", "userdef.reg")

# user.reg is written by hand: each `wine reg add` costs a second, and there are seven of them.
REGISTRY = """Windows Registry Editor Version 5.00

[HKEY_CURRENT_USER\\Software\\Wine\\Explorer]
"Desktop"="Default"

[HKEY_CURRENT_USER\\Software\\Wine\\Explorer\\Desktops]
"Default"="{width}x{height}"

[HKEY_CURRENT_USER\\Software\\Wine\\Fonts\\Replacements]
{fonts}
"""


def wine_env(folder: Path, display: str) -> Dict[str, str]:
    """What a Windows program sees of this machine: nothing but these, so that no PYTHONPATH or proxy leaks in."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "CI") if name in os.environ}
    return {
        **env,
        "WINEPREFIX": str(folder / "prefix"),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",  # else a fresh prefix asks, in a window, to download Mono and Gecko
        "DISPLAY": display,
        "LC_ALL": "C.UTF-8",  # Chinese file names
        "PYTHONIOENCODING": "utf-8",  # the console's code page is 1252: a Chinese print would raise
    }


def make_prefix(folder: Path) -> None:
    """Make folder/prefix anew, with its clean state beside it in folder/prefix-clean. Raises SetupError."""
    prefix, clean = folder / "prefix", folder / "prefix-clean"
    for old in (prefix, clean):
        shutil.rmtree(str(old), ignore_errors=True)
    settings = folder / "desktop.reg"
    fonts = "\n".join(f'"{name}"="{CHINESE_FONT}"' for name in REPLACED_FONTS)
    settings.write_text(REGISTRY.format(width=SIZE[0], height=SIZE[1], fonts=fonts), encoding="ascii")
    with Xvfb() as x:
        env = wine_env(folder, x.display)
        try:
            _wine(["wineboot", "-i"], env, 180)
            _wine(["wine", "regedit", "/S", windows_path(settings)], env, 60)
        finally:
            _end_everything(env)
    if CHINESE_FONT not in (prefix / "user.reg").read_text(encoding="utf-8", errors="replace"):
        raise SetupError(f"Wine 没有写下桌面和字体设置：请删除 {folder} 后重试")
    clean.mkdir()
    for name in REGISTRY_FILES:
        shutil.copy2(str(prefix / name), str(clean / name))
    shutil.copytree(str(prefix / "drive_c" / "users"), str(clean / "users"), symlinks=True)


def windows_path(path: Path) -> str:
    """The path as Windows programs see it: Wine's drive Z: is this machine's root."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


class WineDesktop:
    """A context: inside it, programs may be started with `env`; at its end everything in the prefix is gone.

    Only one at a time uses a folder; a second one waits up to `wait` seconds and then raises SetupError.
    """

    def __init__(self, folder: Path, wait: float) -> None:
        self.folder = folder
        self.env: Dict[str, str] = {}
        self._wait = wait
        self._xvfb: Optional[Xvfb] = None
        self._server: Optional[subprocess.Popen[bytes]] = None
        self._lock: Optional[IO[str]] = None

    def __enter__(self) -> "WineDesktop":
        self._lock = locked(self.folder / "in-use.lock", self._wait)
        try:
            _end_everything(wine_env(self.folder, ""))  # left by a run that was killed; the lock says it is not in use
            self._restore_clean_state()
            self._xvfb = Xvfb()
            self.env = wine_env(self.folder, self._xvfb.__enter__().display)
            # Kept in the foreground as our own child, so that it outlives no one. -p: it stays between two programs.
            self._server = subprocess.Popen(
                ["wineserver", "-f", "-p"], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            # The first program starts Wine's services as its own children: let that be one without pipes of ours.
            _wine(["wine", "cmd", "/c", "exit 0"], self.env, 120)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._server:
            _end_everything(self.env)
            _end(self._server)
        if self._xvfb:
            self._xvfb.__exit__(None, None, None)
        if self._lock:
            self._lock.close()
        self._server = self._xvfb = self._lock = None

    def photograph(self, png: Path, area: Optional[Area] = None) -> Path:
        """Write a picture of the desktop, or of a rectangle of it."""
        png.parent.mkdir(parents=True, exist_ok=True)
        self._import(area or (0, 0, *SIZE), str(png))
        return png

    def pixels(self, x: int, y: int, width: int, height: int) -> bytes:
        """A rectangle of the desktop as RGB bytes, to see whether something is there."""
        return self._import((x, y, width, height), "rgb:-")

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Click at a point of the desktop (3 = right button)."""
        self._x_tool(["xdotool", "mousemove", str(x), str(y), "click", str(button)])

    def move_mouse(self, x: int, y: int) -> None:
        self._x_tool(["xdotool", "mousemove", str(x), str(y)])

    def press(self, key: str) -> None:
        """Press a key, in xdotool's words, for example Return."""
        self._x_tool(["xdotool", "key", key])

    def type(self, text: str) -> None:
        """Type ASCII text into the window that has the keyboard."""
        self._x_tool(["xdotool", "type", "--delay", "20", text])

    def _import(self, area: Area, target: str) -> bytes:
        x, y, width, height = area
        crop = f"{width}x{height}+{x}+{y}"
        return self._x_tool(["import", "-silent", "-window", "root", "-crop", crop, "+repage", "-depth", "8", target])

    def _x_tool(self, command: List[str]) -> bytes:
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30)
        if done.returncode != 0:
            raise SetupError(f"{command[0]} 失败（退出码 {done.returncode}）")
        return done.stdout

    def _restore_clean_state(self) -> None:
        """What an earlier program wrote to the registry or to the user's folders must not decide this one's result."""
        prefix, clean = self.folder / "prefix", self.folder / "prefix-clean"
        for name in REGISTRY_FILES:
            shutil.copy2(str(clean / name), str(prefix / name))
        users = prefix / "drive_c" / "users"
        shutil.rmtree(str(users))
        shutil.copytree(str(clean / "users"), str(users), symlinks=True)


class Xvfb:
    """A context: an X server on a display number that it chose itself, ended by pid."""

    display = ""

    def __init__(self) -> None:
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> "Xvfb":
        read_end, write_end = os.pipe()
        command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "{}x{}x24".format(*SIZE), "-nolisten", "tcp"]
        self._process = subprocess.Popen(
            command,
            pass_fds=[write_end],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            number = pipe.readline().strip()  # ends with the number, or empty as soon as Xvfb dies
        if not number:
            self.__exit__()
            raise SetupError("Xvfb 没有启动：请检查 xvfb 是否完整安装")
        self.display = ":" + number
        return self

    def __exit__(self, *unused: object) -> None:
        if self._process:
            self._process.terminate()
            _end(self._process)
            self._process = None


def _end_everything(env: Dict[str, str]) -> None:
    """End every Windows program of this prefix, and wait until its registry is on disk."""
    for option in ("-k", "-w"):
        subprocess.run(["wineserver", option], env=env, stdin=subprocess.DEVNULL, timeout=60)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=15)


def _wine(command: List[str], env: Dict[str, str], timeout: float) -> None:
    """Run one of Wine's own programs, with no pipe that the services it leaves running could hold open."""
    null = subprocess.DEVNULL
    try:
        done = subprocess.run(command, env=env, stdin=null, stdout=null, stderr=null, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError("Wine 没有跑完 {}（{}）".format(" ".join(command), error)) from error
    if done.returncode != 0:
        raise SetupError("Wine 的 {} 失败（退出码 {}）".format(" ".join(command), done.returncode))


def locked(path: Path, wait: float) -> IO[str]:
    """An open file that holds the lock until it is closed. Raises SetupError after `wait` seconds."""
    import fcntl  # not on Windows, where the tests import this module only to learn that there is no Wine

    handle = open(str(path), "w")  # noqa: SIM115 - the caller closes it
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError:
            if time.monotonic() > deadline:
                handle.close()
                raise SetupError(f"{path.parent} 正被另一个程序使用：请等它结束，或换一个文件夹") from None
            time.sleep(0.2)
