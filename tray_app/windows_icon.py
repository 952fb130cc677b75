"""pystray's Windows icon as it has to be for a program that must not die silently. The only file that knows pystray's
insides: 0.19.5; a test asserts the private names. Why each override is there: windows-facts.md sections 0 and 2.
"""

from __future__ import annotations

import logging
import queue
import time
from typing import Any, Callable

from tray_app import icon as icons
from tray_app import menu
from tray_app import strings_zh as zh
from tray_app.state import FIRST_VIEW, STUCK_VIEW, View

log = logging.getLogger(__name__)

CHECK_EVERY = 60.0  # seconds between looks whether Explorer still knows the icon
TIMER, TIMER_EVERY = 1, 10.0  # our timer's number, seconds
STUCK_AFTER = 60.0  # seconds without a new view: then the old one is not shown any longer

WM_CLOSE, WM_QUERYENDSESSION, WM_ENDSESSION, WM_POWERBROADCAST = 0x0010, 0x0011, 0x0016, 0x0218
WM_SETTINGCHANGE, WM_DISPLAYCHANGE, WM_DPICHANGED, WM_THEMECHANGED = 0x001A, 0x007E, 0x02E0, 0x031A
WM_TIMER, WM_RBUTTONUP = 0x0113, 0x0205
WM_VIEW, WM_NOTICE = 0x8000 + 77, 0x8000 + 78  # WM_APP + n, our own: "apply the newest view", "show the messages"
PBT_SUSPEND, PBT_RESUME = 0x04, (0x07, 0x12)


class Handles:
    """Icon handles, one for each state, made at the size that the notification area has on this screen."""

    def __init__(self, winui: Any) -> None:
        self._winui = winui
        self._size = 0
        self._made: dict[str, int] = {}

    def get(self, state: str) -> int:
        """Raises OSError where Windows makes none."""
        size = self._winui.small_icon_size()
        if size != self._size:
            self._drop()  # the shell keeps copies of its own
            self._size = size
        if state not in self._made:
            self._made[state] = self._winui.make_icon(icons.resource(state, size), size)
        return self._made[state]

    def _drop(self) -> None:
        while self._made:
            self._winui.destroy_icon(self._made.popitem()[1])


def windows_icon(base: Any, win32: Any, winui: Any, handles: Any, mono: Callable[[], float] = time.monotonic) -> Any:
    """The class. `base`: pystray's icon, win32: its calls, winui: ours; handles.get(state) gives an icon handle."""

    class WindowsIcon(base):  # type: ignore[misc]
        """All Shell_NotifyIcon and menu work happens in the loop thread; the others only post a message to it."""

        visible: bool  # pystray's property

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._view = self._applied = self._drawn = FIRST_VIEW
            self._posted_at = mono()
            self._checked_at: float | None = None
            self._menu_is_open = False
            self._notices: queue.Queue[str] = queue.Queue()
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
                    WM_NOTICE: self._on_notice,
                    WM_TIMER: self._on_timer,
                    WM_SETTINGCHANGE: self._on_look_changed,
                    WM_DISPLAYCHANGE: self._on_look_changed,
                    WM_DPICHANGED: self._on_look_changed,
                    WM_THEMECHANGED: self._on_look_changed,
                }
            )

        def take_app(self, app: Any) -> None:
            self._app = app

        # For the other threads ---------------------------------------------------------------------------------------

        def post_view(self, view: View) -> None:
            """The loop thread draws it."""
            self._view = view
            self._posted_at = mono()
            self._post(WM_VIEW)

        def post_notice(self, text: str) -> None:
            """The loop thread shows it as a balloon."""
            self._notices.put(text)
            self._post(WM_NOTICE)

        def _post(self, message: int) -> None:
            if self._hwnd:
                win32.PostMessage(self._hwnd, message, 0, 0)

        # In the loop thread ------------------------------------------------------------------------------------------

        def _mark_ready(self) -> None:
            winui.set_timer(self._hwnd, TIMER, TIMER_EVERY)  # the window is there, its loop not yet
            super()._mark_ready()

        def _on_view(self, wparam: int, lparam: int) -> int:
            self._apply(self._view)
            return 0

        def _on_timer(self, wparam: int, lparam: int) -> int:
            """Whatever the other threads do: a view that nobody renews is not shown for ever."""
            if self.visible:
                self._apply(STUCK_VIEW if mono() - self._posted_at > STUCK_AFTER else self._view)
            return 0

        def _apply(self, view: View) -> None:
            self._applied = view
            if view.icon != self._drawn.icon and self.visible:
                self._update_icon()
            self.title = menu.cut(view.title, menu.TITLE_UNITS)
            self.visible = True
            self._drawn = view  # only now: what failed above is tried again
            self._show_again_if_lost()

        def _show_again_if_lost(self) -> None:
            """Explorer may not have been ready, or has forgotten the icon; pystray never looks at the result."""
            now = mono()
            if self._checked_at is not None and now - self._checked_at < CHECK_EVERY:
                return
            self._checked_at = now
            if not self._message(win32.NIM_MODIFY, win32.NIF_TIP, szTip=self.title):
                log.warning("the shell has lost the icon")
                self._show()

        def _on_notice(self, wparam: int, lparam: int) -> int:
            while not self._notices.empty():
                text = menu.cut(self._notices.get(), menu.BODY_UNITS)
                self.notify(text, menu.cut(zh.NAME, menu.BODY_TITLE_UNITS))
            return 0

        def _on_look_changed(self, wparam: int, lparam: int) -> int:
            """Another scaling, screen or theme: the shell may have scaled the icon, or dropped it."""
            if self.visible:
                self._checked_at = None
                self._update_icon()
                self._show_again_if_lost()
            return 0

        def _on_notify(self, wparam: int, lparam: int) -> Any:
            if lparam != WM_RBUTTONUP:
                return super()._on_notify(wparam, lparam)
            if self._menu_is_open:
                return 0  # a second right click while it stands open: rebuilding would destroy what is on the screen
            self._menu_is_open = True
            try:
                self.update_menu()  # texts are only read here
                return super()._on_notify(wparam, lparam)
            finally:
                self._menu_is_open = False

        def _on_end_session(self, wparam: int, lparam: int) -> int:
            if wparam:
                self._app.end_session()  # all of it now: Windows may end the process as soon as this returns
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
            self._icon_handle = handles.get(self._applied.icon)

        def _release_icon(self) -> None:
            self._icon_handle = None  # handles are kept: one for each state

    return WindowsIcon
