"""The icon in the notification area: the only file that knows pystray's insides (0.19.5; its private names that we
use are asserted by a test). Why each override is there: windows-facts.md sections 0 and 2.

Threads: `run()` holds the main thread (pystray's loop thread). A ticker thread computes the view once a second. What
is clicked is done in a third thread, because a menu callback runs in the loop thread and would freeze the icon.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Iterator

from tray_app import icon as icons
from tray_app import menu
from tray_app import strings_zh as zh
from tray_app.state import NOT_TRADING, View

if TYPE_CHECKING:
    from tray_app.app import TrayApp

log = logging.getLogger(__name__)

TITLE_UNITS, BODY_UNITS, BODY_TITLE_UNITS = 127, 255, 63
CHECK_EVERY = 60.0  # seconds between looks whether Explorer still knows the icon
IMAGE_SIZE = 32  # pixels, for the backends that take one image

WM_CLOSE, WM_QUERYENDSESSION, WM_ENDSESSION, WM_POWERBROADCAST = 0x0010, 0x0011, 0x0016, 0x0218
WM_RBUTTONUP = 0x0205
WM_VIEW = 0x8000 + 77  # WM_APP + n: our own message, "apply the newest view"
PBT_SUSPEND, PBT_RESUME = 0x04, (0x07, 0x12)

FIRST_VIEW = View(NOT_TRADING, zh.NAME, (), ())


def is_possible() -> bool:
    """Whether an icon with a menu can be shown here. pystray's Xorg backend has no menu and hangs beside some panels:
    a line of text says more."""
    try:
        import pystray  # type: ignore[import-untyped,unused-ignore]
    except Exception as error:
        # Without a display pystray lets Xlib.error.DisplayNameError through, which is no ImportError.
        log.info("no icon: %s", error)
        return False
    return bool(pystray.Icon.HAS_MENU)


def run(app: TrayApp, icon_class: Any = None) -> bool:
    """Show the icon until a stop is asked for. False: the loop ended by itself, which is a crash."""
    shown = _Shown(app, icon_class or _icon_class())
    ended = threading.Event()
    threading.Thread(target=shown.tick_until, args=(ended,), name="ticker", daemon=True).start()
    threading.Thread(target=shown.do_clicked, name="clicks", daemon=True).start()
    try:
        shown.icon.run(shown.set_up)
    except OSError:
        # WM_CLOSE from taskkill reaches pystray's second window as well, which Windows then destroys on its own:
        # pystray's own clean-up stumbles over that. After a stop was asked for it is no crash.
        if not app.stop_asked.is_set():
            raise
        log.info("the icon's windows were gone already")
    finally:
        ended.set()
    return app.stop_asked.is_set()


class _Shown:
    """The icon and the two threads beside its loop."""

    def __init__(self, app: TrayApp, icon_class: Any) -> None:
        import pystray  # type: ignore[import-untyped,unused-ignore]

        self._app = app
        self._pystray = pystray
        self._view = FIRST_VIEW
        self._clicked: queue.Queue[tuple[str, tuple[object, ...]]] = queue.Queue()
        self.icon = icon_class(
            "qmt-sentry", icons.draw(self._view.icon, IMAGE_SIZE), zh.NAME, pystray.Menu(self._menu_items)
        )
        take_app = getattr(self.icon, "take_app", None)
        if take_app is not None:
            take_app(app)

    def set_up(self, icon: Any) -> None:
        """In pystray's setup thread, once the loop runs. It must end: stop() waits for it."""
        if hasattr(icon, "post_view"):
            icon.post_view(self._view)
        else:
            icon.visible = True

    def tick_until(self, ended: threading.Event) -> None:
        while not self._app.stop_asked.is_set() and not ended.is_set():
            self._app.tick()
            try:
                self._show(self._app.view())
            except Exception:
                # One view that cannot be drawn must not end all later ones.
                log.exception("icon not updated")
            self._app.stop_asked.wait(1.0)
        while not ended.wait(0.1):
            try:
                self.icon.stop()  # does nothing before the loop runs: asked again
            except Exception:
                log.debug("stopping the icon", exc_info=True)  # its window may just have gone

    def do_clicked(self) -> None:
        while True:
            action, arguments = self._clicked.get()
            try:
                answer = getattr(self._app, action)(*arguments)
            except Exception as error:
                # A failed click is told; the next one must still work.
                log.exception("%s failed", action)
                answer = f"没有做成（{type(error).__name__}），原因在日志里。"
            if answer:
                self._notify(answer)

    def _show(self, view: View) -> None:
        before, self._view = self._view, view
        if hasattr(self.icon, "post_view"):
            self.icon.post_view(view)
            return
        if view.icon != before.icon:
            self.icon.icon = icons.draw(view.icon, IMAGE_SIZE)
        self.icon.title = menu.cut(view.title, TITLE_UNITS)
        if (view.lines, view.stop, view.questions) != (before.lines, before.stop, before.questions):
            self.icon.update_menu()

    def _notify(self, text: str) -> None:
        try:
            self.icon.notify(menu.cut(text, BODY_UNITS), menu.cut(zh.NAME, BODY_TITLE_UNITS))
        except Exception as error:
            # A toast is only a courtesy: the answer also stands on top of the menu.
            log.info("no notification: %s", error)

    def _menu_items(self) -> Iterator[Any]:
        item, view = self._pystray.MenuItem, self._view
        for reason in view.lines:
            for line in menu.fold(reason):
                yield item(line.replace("&", "&&"), None, enabled=False)
        yield self._pystray.Menu.SEPARATOR
        for entry in menu.ITEMS:
            text, action, arguments = entry.text(view), entry.action, entry.arguments(view)
            if entry.children is not None:
                yield self._item(menu.Entry(text, children=tuple(entry.children(view))))
            else:
                yield item(text, self._click(action, arguments), default=entry.default)

    def _item(self, entry: menu.Entry) -> Any:
        """A line of a submenu, and all below it."""
        item, submenu = self._pystray.MenuItem, self._pystray.Menu
        if not entry.text:
            return submenu.SEPARATOR
        text = menu.cut(entry.text, menu.LONGEST_ENTRY).replace("&", "&&")
        if entry.children:
            return item(text, submenu(*(self._item(child) for child in entry.children)))
        action = self._click(entry.action, entry.arguments) if entry.action else None
        return item(text, action, enabled=action is not None)

    def _click(self, action: str, arguments: tuple[object, ...]) -> Callable[[Any, Any], None]:
        def clicked(icon: Any, item: Any) -> None:
            self._clicked.put((action, arguments))

        return clicked


# Windows -------------------------------------------------------------------------------------------------------------


def _icon_class() -> Any:
    import pystray  # type: ignore[import-untyped,unused-ignore]

    if sys.platform != "win32":
        return pystray.Icon
    from pystray._util import win32  # type: ignore[import-untyped,unused-ignore]

    return windows_icon(pystray.Icon, win32, _Handles())


def windows_icon(base: Any, win32: Any, handles: Any) -> Any:
    """pystray's Windows icon as it has to be for a program that must not die silently. `handles.get(state)` gives an
    icon handle."""

    class WindowsIcon(base):  # type: ignore[misc]
        """All Shell_NotifyIcon and menu work happens in the loop thread; the others only post WM_VIEW."""

        visible: bool  # pystray's property

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._view = self._applied = FIRST_VIEW
            self._checked_at = 0.0
            self._app: Any = None
            # pystray answers 0 to every message it does not know: for WM_QUERYENDSESSION that is a refusal, after
            # which Windows kills the program without any further word.
            self._message_handlers.update(
                {
                    WM_QUERYENDSESSION: lambda wparam, lparam: 1,
                    WM_ENDSESSION: self._on_end_session,
                    WM_CLOSE: self._on_close,
                    WM_POWERBROADCAST: self._on_power,
                    WM_VIEW: self._on_view,
                }
            )

        def take_app(self, app: Any) -> None:
            self._app = app

        def post_view(self, view: View) -> None:
            """From any thread: the loop thread draws it."""
            self._view = view
            if self._hwnd:
                win32.PostMessage(self._hwnd, WM_VIEW, 0, 0)

        def _on_view(self, wparam: int, lparam: int) -> int:
            view = self._view
            if view.icon != self._applied.icon:
                self._release_icon()
                if self.visible:
                    self._update_icon()
            self.title = menu.cut(view.title, TITLE_UNITS)
            self._applied = view
            self.visible = True
            self._show_again_if_lost()
            return 0

        def _show_again_if_lost(self) -> None:
            """Explorer may not have been ready, or has forgotten the icon; pystray never looks at the result."""
            now = time.monotonic()
            if now - self._checked_at < CHECK_EVERY:
                return
            self._checked_at = now
            if not self._message(win32.NIM_MODIFY, win32.NIF_TIP, szTip=self.title):
                self._show()

        def _on_notify(self, wparam: int, lparam: int) -> Any:
            if lparam == WM_RBUTTONUP:
                self.update_menu()  # texts are only read here; in any other thread it could destroy an open menu
            return super()._on_notify(wparam, lparam)

        def _on_end_session(self, wparam: int, lparam: int) -> int:
            if wparam:
                # Windows may end the process as soon as this returns.
                self._app.ask_stop("session-end")
                self._app.stop("session-end")
            return 0

        def _on_close(self, wparam: int, lparam: int) -> int:
            self._app.ask_stop("signal")  # taskkill without /F, or an installer
            return 0

        def _on_power(self, wparam: int, lparam: int) -> int:
            if wparam == PBT_SUSPEND:
                self._app.system_suspends()
            elif wparam in PBT_RESUME:
                self._app.system_resumed()
            return 1

        def _message(self, code: int, flags: int, **kwargs: Any) -> Any:
            data = win32.NOTIFYICONDATAW(
                cbSize=win32.ctypes.sizeof(win32.NOTIFYICONDATAW),
                hWnd=self._hwnd,
                hID=id(self) & 0xFFFFFFFF,
                uFlags=flags,
                **kwargs,
            )
            return win32.Shell_NotifyIcon(code, data)

        def _assert_icon_handle(self) -> None:
            self._icon_handle = handles.get(self._view.icon)

        def _release_icon(self) -> None:
            self._icon_handle = None  # handles are kept: one for each state

    return WindowsIcon


class _Handles:
    """Icon handles, one for each state, each loaded at the size that the notification area has on this screen."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, int], int] = {}

    def get(self, state: str) -> int | None:
        from tray_app import winapi

        size = winapi.small_icon_size()
        handle = self._loaded.get((state, size[0]))
        if handle is None:
            folder = tempfile.mkdtemp(prefix="qmt-sentry-")
            try:
                path = os.path.join(folder, "icon.ico")
                icons.save_ico(state, path)
                handle = winapi.load_icon(path, size)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if handle is not None:
                self._loaded[state, size[0]] = handle
        return handle
