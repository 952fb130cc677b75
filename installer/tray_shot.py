"""Photograph the real tray program: its icon in Wine's notification area, and its menu opened by a right click."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, Tuple

from installer import wine_desktop
from installer.py38_folder import SetupError
from installer.windows_program import WindowsProgram

if TYPE_CHECKING:
    from installer.windows_python import WindowsPython

Colour = Tuple[int, int, int]

# Wine's notification area at 1024x768 with one icon: 16 x 16 pixels at the right end of the taskbar (20 pixels high).
ICON = (1006, 750, 16, 16)
# Where its menu opens: above the icon, right-aligned, over the empty desktop. Without the taskbar's rows.
MENU = (624, 300, 400, 446)
# The menu's lower right corner is where it was clicked: this point is in its last line.
LAST_LINE = (980, 746)
CORNER = (564, 448, 460, 320)
ICON_SECONDS = 60.0
MENU_SECONDS = 60.0

SENTRY_INI = """[sentry]
machine = mini-pc
receiver = {receiver}
token = only-for-this-photograph
every_day = yes
sessions = 00:00-23:59
[qmt]
folder = {qmt_folder}
look_every = 0.5
hung_after = 1
[host]
every = 1
[inbox]
port = off
"""


def write_sentry_ini(home: Path, receiver: str = "http://127.0.0.1:9", qmt_folder: str = "") -> None:
    """The least that the tray starts with, and short times. Nobody listens on the default receiver's port."""
    home.mkdir(parents=True, exist_ok=True)
    text = SENTRY_INI.format(receiver=receiver, qmt_folder=qmt_folder)
    (home / "sentry.ini").write_text(text, encoding="utf-8")


def photograph_tray(python: "WindowsPython", out: Path) -> List[Path]:
    """Start `python -m tray_app`, write OUT.png (desktop with the icon), OUT-menu.png (menu open) and OUT-corner.png.

    Gives back the files written. Raises SetupError, with the program's last lines, if icon or menu do not come.
    """
    with tempfile.TemporaryDirectory(prefix="tray-shot-") as name:
        home = Path(name)
        write_sentry_ini(home)
        with python.start(["-m", "tray_app"], home=home) as tray:
            wait_for_icon(python.desktop, tray)
            icon = python.desktop.photograph(out)
            open_menu(python.desktop, tray)
            menu = python.desktop.photograph(out.with_name(out.stem + "-menu.png"))
            corner = python.desktop.photograph(out.with_name(out.stem + "-corner.png"), CORNER)
            close_by_menu(python.desktop, tray)
    return [icon, menu, corner]


def wait_for_icon(desktop: wine_desktop.WineDesktop, tray: WindowsProgram, timeout: float = ICON_SECONDS) -> None:
    """Wait until something is drawn where the icon belongs. An empty taskbar or desktop is one plain colour there."""
    until(lambda: _colours(desktop.pixels(*ICON)) > 1, timeout, tray, "托盘图标没有出现")


def open_menu(desktop: wine_desktop.WineDesktop, tray: WindowsProgram, timeout: float = MENU_SECONDS) -> None:
    """Right-click the icon and wait until a menu stands above it, without the tooltip."""
    x, y, width, height = ICON
    desktop.click(x + width // 2, y + height // 2, button=3)
    until(lambda: _colours(desktop.pixels(*MENU)) > 1, timeout, tray, "右键点击图标后菜单没有出现")
    # Away from the icon, so that its tooltip (which covers the menu) closes; then wait for two equal pictures.
    desktop.move_mouse(wine_desktop.SIZE[0] // 4, wine_desktop.SIZE[1] // 4)
    before = [b""]

    def settled() -> bool:
        now = desktop.pixels(*MENU)
        same, before[0] = now == before[0], now
        return same and _colours(now) > 1

    until(settled, timeout, tray, "菜单一直在变")


def wait_until_drawn(
    desktop: wine_desktop.WineDesktop, tray: WindowsProgram, is_it: Callable[[List[Colour]], bool], timeout: float
) -> None:
    """Wait until the icon's pixels, as (red, green, blue), fit."""
    until(lambda: is_it(_pixels(desktop.pixels(*ICON))), timeout, tray, "图标没有变成应有的样子")


def close_by_menu(desktop: wine_desktop.WineDesktop, tray: WindowsProgram, timeout: float = 30.0) -> int:
    """Click the open menu's last line (退出). Gives back the program's exit code. SetupError if it does not end."""
    desktop.click(*LAST_LINE)
    try:
        return tray.wait(timeout)
    except subprocess.TimeoutExpired:
        raise SetupError(f"点了菜单最后一行，程序没有退出（等了 {timeout:.0f} 秒）\n{_tail(tray)}") from None


def _pixels(rgb: bytes) -> List[Colour]:
    return list(zip(rgb[::3], rgb[1::3], rgb[2::3]))


def _colours(rgb: bytes) -> int:
    return len(set(_pixels(rgb)))


def until(condition: Callable[[], bool], timeout: float, tray: WindowsProgram, trouble: str) -> None:
    """Wait for the condition. SetupError, in the words of `trouble`, where it does not come or the program ends."""
    deadline = time.monotonic() + timeout
    while not condition():
        if not tray.running():
            code = tray.wait(5)
            raise SetupError(f"{trouble}：程序已退出（退出码 {code}）\n{_tail(tray)}")
        if time.monotonic() > deadline:
            raise SetupError(f"{trouble}（等了 {timeout:.0f} 秒）\n{_tail(tray)}")
        time.sleep(0.2)


def _tail(tray: WindowsProgram) -> str:
    return "\n".join(tray.output().splitlines()[-15:])
