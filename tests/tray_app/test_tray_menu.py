"""The icon and its menu on a fake backend, and the Windows subclass on fake Win32 calls."""

import ast
import importlib.util
import threading
from pathlib import Path

import pytest
from pystray import _base

from tray_app import menu, tray
from tray_app import strings_zh as zh
from tray_app.state import PAUSED, View
from tray_app.worker import Board

WAIT = 30


class FakeIcon(_base.Icon):
    """pystray's logic without a screen (windows-facts.md section 2)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ended = threading.Event()
        self.notified = []

    def _show(self):
        pass

    _hide = _update_title = _update_menu = _show

    def _update_icon(self):
        self._icon_valid = True

    def _notify(self, message, title=None):
        self.notified.append((message, title))

    def _run(self):
        self._mark_ready()
        self.ended.wait(WAIT)

    def _stop(self):
        self.ended.set()


class FakeApp:
    """What the icon asks of the program."""

    def __init__(self):
        self.board = Board()
        self.stop_asked = threading.Event()
        self.done = []
        self.did = threading.Event()
        self.now_shown = View("trouble", "QMT 哨兵 · " + "很长" * 100, ("QMT 不在运行", "A & B"), ("trouble", "x"))

    def tick(self):
        pass

    def view(self):
        return self.now_shown

    def __getattr__(self, name):
        def act(*arguments):
            self.done.append((name, *arguments) if arguments else name)
            self.did.set()
            if name == "quit":
                self.stop_asked.set()
            return "接收端已答复" if name == "restart_heartbeat" else ""

        return act


def wait_until(fits):
    """Poll, at most WAIT seconds."""
    for _ in range(WAIT * 50):
        if fits():
            return
        threading.Event().wait(0.02)
    pytest.fail("did not happen")


@pytest.fixture
def running():
    app, made, result = FakeApp(), [], []

    def make(*args):
        made.append(FakeIcon(*args))
        return made[-1]

    thread = threading.Thread(target=lambda: result.append(tray.run(app, make)), daemon=True)
    thread.start()
    wait_until(lambda: made and made[0].visible and made[0].title.startswith("QMT 哨兵 ·"))
    yield app, made[0], result, thread
    app.stop_asked.set()
    thread.join(WAIT)


def texts(icon):
    return [item.text for item in icon.menu.items if item is not _base.Menu.SEPARATOR]


def test_the_menu_begins_with_greyed_reasons_and_goes_on_with_the_actions(running):
    _, icon, _, _ = running
    items = list(icon.menu.items)
    assert [(item.text, item.enabled) for item in items[:2]] == [("QMT 不在运行", False), ("A && B", False)]
    assert items[2] is _base.Menu.SEPARATOR
    assert [(item.text, item.enabled) for item in items[3:]] == [
        ("重启心跳", True),
        ("打开看板", True),
        ("停止下单", True),
        ("处理未知委托（没有）", False),
        ("发送测试告警", True),
        (zh.PAUSE, True),
        ("查看日志", True),
        ("退出", True),
    ]


def test_a_click_is_done_in_another_thread_and_its_answer_is_notified(running):
    app, icon, _, _ = running
    next(item for item in icon.menu.items if item.text == "重启心跳")(icon)
    assert app.did.wait(WAIT)
    wait_until(lambda: icon.notified)
    assert icon.notified == [("接收端已答复", "QMT 哨兵")]


def test_every_action_of_the_menu_is_a_method_of_the_program():
    from tray_app.app import TrayApp

    for item in menu.ITEMS:
        assert callable(getattr(TrayApp, item.action))


def test_while_paused_the_menu_offers_to_go_on(running):
    app, icon, _, _ = running
    app.now_shown = View(PAUSED, "已暂停", ("已暂停",), (PAUSED,))
    wait_until(lambda: icon.title == "已暂停")
    assert "继续" in texts(icon)


def test_a_title_is_cut_to_what_windows_takes(running):
    _, icon, _, _ = running
    assert len(icon.title.encode("utf-16-le")) // 2 <= 127


def test_quit_ends_the_loop_as_asked(running):
    _, icon, result, thread = running
    next(item for item in icon.menu.items if item.text == "退出")(icon)
    thread.join(WAIT)
    assert result == [True]


def test_a_loop_that_ends_by_itself_is_a_crash(running):
    _, icon, result, thread = running
    icon.ended.set()
    thread.join(WAIT)
    assert result == [False]


class BrokenIcon(FakeIcon):
    """Its loop ends with the error of a window that is gone."""

    def _run(self):
        super()._run()
        raise PermissionError(5, "Access denied")


@pytest.mark.parametrize("asked", [True, False])
def test_a_window_that_taskkill_took_away_is_no_crash_after_a_stop_was_asked_for(asked):
    app, icons = FakeApp(), []

    def make(*args):
        icons.append(BrokenIcon(*args))
        if asked:
            app.stop_asked.set()
        else:
            icons[0].ended.set()
        return icons[0]

    if asked:
        assert tray.run(app, make) is True
    else:
        with pytest.raises(PermissionError):
            tray.run(app, make)


@pytest.mark.parametrize(
    "text, units, expected",
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("汉字汉字", 3, "汉字…"), ("😀😀😀", 5, "😀😀…"), ("a😀😀", 4, "a😀…")],
)
def test_cut_counts_as_windows_does_and_never_halves_a_character(text, units, expected):
    assert menu.cut(text, units) == expected
    assert len(menu.cut(text, units).encode("utf-16-le")) <= 2 * units


def test_a_long_reason_is_folded_not_cut():
    lines = menu.fold("磁盘" * 50, 60)
    assert "".join(line.strip("　") for line in lines) == "磁盘" * 50
    assert all(len(line) <= 61 for line in lines)


# The Windows subclass ------------------------------------------------------------------------------------------------


class FakeWin32:
    NIM_MODIFY, NIF_TIP = 1, 4

    class ctypes:
        @staticmethod
        def sizeof(kind):
            return 1

    def __init__(self):
        self.posted = []
        self.told = []
        self.known = True

    def PostMessage(self, *args):
        self.posted.append(args)

    def NOTIFYICONDATAW(self, **fields):
        return fields

    def Shell_NotifyIcon(self, code, data):
        self.told.append((code, data))
        return self.known


class FakeWindowsBase(FakeIcon):
    """The private parts of pystray._win32.Icon that the subclass builds on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._hwnd = 7
        self._icon_handle = None
        self._message_handlers = {}
        self.calls = []

    def _update_icon(self):
        self._release_icon()
        self._assert_icon_handle()
        self._icon_valid = True
        self.calls.append(("icon", self._icon_handle))

    def _show(self):
        self.calls.append("show")

    def _update_menu(self):
        self.calls.append("menu")

    def _on_notify(self, wparam, lparam):
        self.calls.append(("notify", lparam))


class Handles:
    def get(self, state):
        return "handle of " + state


@pytest.fixture
def windows():
    from PIL import Image

    win32 = FakeWin32()
    icon = tray.windows_icon(FakeWindowsBase, win32, Handles())("n", Image.new("RGBA", (16, 16)), "t")
    app = FakeApp()
    icon.take_app(app)
    return icon, win32, app


def send(icon, message, wparam=0, lparam=0):
    return icon._message_handlers[message](wparam, lparam)


def test_windows_may_end_the_session_and_the_stop_is_done_before_we_answer(windows):
    icon, _, app = windows
    stopped = []
    app.ask_stop = app.stop = stopped.append
    assert send(icon, tray.WM_QUERYENDSESSION) == 1
    assert send(icon, tray.WM_ENDSESSION, wparam=0) == 0  # called off by another program
    assert stopped == []
    send(icon, tray.WM_ENDSESSION, wparam=1)
    assert stopped == ["session-end", "session-end"]


def test_close_asks_for_a_stop(windows):
    icon, _, app = windows
    asked = []
    app.ask_stop = asked.append
    send(icon, tray.WM_CLOSE)
    assert asked == ["signal"]


def test_sleep_and_waking_are_passed_on(windows):
    icon, _, app = windows
    for wparam in (0x04, 0x12, 0x07, 0x0A):
        send(icon, tray.WM_POWERBROADCAST, wparam)
    assert app.done == ["system_suspends", "system_resumed", "system_resumed"]


def test_a_view_is_only_posted_and_then_drawn_in_the_loop_thread(windows):
    icon, win32, _ = windows
    icon.post_view(View("trouble", "坏了", (), ()))
    assert win32.posted == [(7, tray.WM_VIEW, 0, 0)]
    assert icon.calls == []
    send(icon, tray.WM_VIEW)
    assert ("icon", "handle of trouble") in icon.calls
    assert icon.title == "坏了"
    assert icon.visible


def test_an_unchanged_view_is_not_drawn_again(windows):
    icon, _, _ = windows
    view = View("ok", "好", (), ())
    for _ in range(3):
        icon.post_view(view)
        send(icon, tray.WM_VIEW)
    assert icon.calls == [("icon", "handle of ok"), "show"]


def test_a_change_of_state_loads_its_own_handle(windows):
    icon, _, _ = windows
    for state in ("ok", "trouble"):
        icon.post_view(View(state, state, (), ()))
        send(icon, tray.WM_VIEW)
    assert icon.calls[-1] == ("icon", "handle of trouble")


def test_an_icon_that_explorer_lost_is_added_again(windows):
    icon, win32, _ = windows
    win32.known = False
    icon.post_view(View("ok", "好", (), ()))
    send(icon, tray.WM_VIEW)
    assert icon.calls.count("show") == 2


def test_the_menu_is_built_anew_before_it_opens(windows):
    icon, _, _ = windows
    icon._on_notify(0, tray.WM_RBUTTONUP)
    assert icon.calls == ["menu", ("notify", tray.WM_RBUTTONUP)]


def test_pystray_still_has_the_private_names_that_we_build_on():
    package = Path(importlib.util.find_spec("pystray").origin).parent
    tree = ast.parse((package / "_win32.py").read_text(encoding="utf-8"))
    (icon,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Icon"]
    methods = {node.name for node in icon.body if isinstance(node, ast.FunctionDef)}
    assert {"_assert_icon_handle", "_release_icon", "_update_icon", "_on_notify", "_message", "_show"} <= methods
    source = ast.dump(icon)
    for name in ("_hwnd", "_icon_handle", "_message_handlers"):
        assert f"attr='{name}'" in source
    win32 = (package / "_util" / "win32.py").read_text(encoding="utf-8")
    for name in ("PostMessage", "Shell_NotifyIcon", "NIM_MODIFY", "NIF_TIP", "class NOTIFYICONDATAW", "import ctypes"):
        assert name in win32


def test_pystray_is_the_version_whose_insides_we_know():
    from importlib.metadata import version

    assert version("pystray") == "0.19.5"
