"""The icon in the notification area, by pystray's public face; what Windows needs beyond that is in windows_icon.py.

Threads: `run()` holds the main thread (pystray's loop thread). A ticker thread computes the view once a second. What
is clicked is done in a third thread, because a menu callback runs in the loop thread and would freeze the icon. Neither
touches the icon on Windows: they hand a view or a message to its loop thread.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Iterator

from tray_app import icon as icons
from tray_app import menu
from tray_app import strings_zh as zh
from tray_app.menu import BODY_TITLE_UNITS, BODY_UNITS, TITLE_UNITS
from tray_app.state import FIRST_VIEW, View

if TYPE_CHECKING:
    from tray_app.app import TrayApp

log = logging.getLogger(__name__)

AGAIN_FIRST, AGAIN_MOST = 0.5, 600.0  # seconds until a thread that died is begun again
IMAGE_SIZE = 32  # pixels, for the backends that take one image


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
    _keep_up("ticker", lambda: shown.tick_until(ended), app)
    _keep_up("clicks", shown.do_clicked, app)
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


def _keep_up(name: str, work: Callable[[], None], app: TrayApp) -> None:
    """work() in a thread, begun again whatever ends it: nothing else would notice that these two are gone."""

    def run() -> None:
        pause = AGAIN_FIRST
        while True:
            try:
                return work()
            except BaseException:
                # Even SystemExit and MemoryError: without this thread the icon shows yesterday, or no click is done.
                log.critical("%s died", name, exc_info=True)
                with suppress(Exception):  # whatever telling it raises, the thread itself matters more
                    app.tell_restarted(name)
            time.sleep(pause)
            pause = min(2 * pause, AGAIN_MOST)  # what dies each time must not fill outbox and log

    threading.Thread(target=run, name=name, daemon=True).start()


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
        if view[2:] != before[2:]:  # what the menu shows: all but icon and title
            self.icon.update_menu()

    def _notify(self, text: str) -> None:
        if hasattr(self.icon, "post_notice"):
            self.icon.post_notice(text)
            return
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
            if not text:
                continue  # only there at times
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


def _icon_class() -> Any:
    import pystray  # type: ignore[import-untyped,unused-ignore]

    if sys.platform != "win32":
        return pystray.Icon
    from pystray._util import win32  # type: ignore[import-untyped,unused-ignore]

    from tray_app import winui
    from tray_app.windows_icon import Handles, windows_icon

    return windows_icon(pystray.Icon, win32, winui, Handles(winui))
