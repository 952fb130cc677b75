"""The Windows subclass of pystray's icon, on fake Win32 calls."""

import ast
import importlib.util
from pathlib import Path

import pytest
from PIL import Image

import tray_app
from tests.tray_app.fake_icon import FakeApp, FakeIcon
from tray_app import icon as icons
from tray_app import windows_icon as edge
from tray_app.state import ICONS, STUCK_VIEW, View
from tray_app.windows_icon import Handles


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


class FakeWinui:
    """Counts what is made and what is left."""

    def __init__(self):
        self.size = 16
        self.left = []
        self.made = []
        self.timers = []

    def small_icon_size(self):
        return self.size

    def make_icon(self, resource, size):
        assert resource[:4] == b"\x28\0\0\0"
        self.made.append(size)
        self.left.append(1000 + len(self.made))
        return self.left[-1]

    def destroy_icon(self, handle):
        self.left.remove(handle)

    def set_timer(self, *timer):
        self.timers.append(timer)


class NamedHandles:
    def get(self, state):
        return "handle of " + state


@pytest.fixture
def windows(clock):
    win32 = FakeWin32()
    kind = edge.windows_icon(FakeWindowsBase, win32, FakeWinui(), NamedHandles(), clock.mono)
    icon = kind("n", Image.new("RGBA", (16, 16)), "t")
    app = FakeApp()
    icon.take_app(app)
    return icon, win32, app


def send(icon, message, wparam=0, lparam=0):
    return icon._message_handlers[message](wparam, lparam)


def test_windows_may_end_the_session_and_the_stop_is_done_before_we_answer(windows):
    icon, _, app = windows
    assert send(icon, edge.WM_QUERYENDSESSION) == 1
    assert send(icon, edge.WM_ENDSESSION, wparam=0) == 0  # called off by another program
    assert app.done == []
    send(icon, edge.WM_ENDSESSION, wparam=1)
    assert app.done == ["end_session"]


def test_close_asks_for_a_stop(windows):
    icon, _, app = windows
    asked = []
    app.ask_stop = asked.append
    send(icon, edge.WM_CLOSE)
    assert asked == ["signal"]


def test_sleep_and_waking_are_passed_on(windows):
    icon, _, app = windows
    for wparam in (0x04, 0x12, 0x07, 0x0A):
        send(icon, edge.WM_POWERBROADCAST, wparam)
    assert app.done == ["system_suspends", "system_resumed", "system_resumed"]


def test_a_view_is_only_posted_and_then_drawn_in_the_loop_thread(windows):
    icon, win32, _ = windows
    icon.post_view(View("trouble", "坏了", (), ()))
    assert win32.posted == [(7, edge.WM_VIEW, 0, 0)]
    assert icon.calls == []
    send(icon, edge.WM_VIEW)
    assert ("icon", "handle of trouble") in icon.calls
    assert icon.title == "坏了"
    assert icon.visible


def test_an_unchanged_view_is_not_drawn_again(windows):
    icon, _, _ = windows
    view = View("ok", "好", (), ())
    for _ in range(3):
        icon.post_view(view)
        send(icon, edge.WM_VIEW)
    assert icon.calls == [("icon", "handle of ok"), "show"]


def test_a_change_of_state_loads_its_own_handle(windows):
    icon, _, _ = windows
    for state in ("ok", "trouble"):
        icon.post_view(View(state, state, (), ()))
        send(icon, edge.WM_VIEW)
    assert icon.calls[-1] == ("icon", "handle of trouble")


def test_an_icon_that_explorer_lost_is_added_again(windows):
    icon, win32, _ = windows
    win32.known = False
    icon.post_view(View("ok", "好", (), ()))
    send(icon, edge.WM_VIEW)
    assert icon.calls.count("show") == 2


def test_the_menu_is_built_anew_before_it_opens(windows):
    icon, _, _ = windows
    icon._on_notify(0, edge.WM_RBUTTONUP)
    assert icon.calls == ["menu", ("notify", edge.WM_RBUTTONUP)]


def test_a_second_right_click_does_not_destroy_the_menu_that_stands_open(windows):
    icon, _, _ = windows

    def while_open(wparam, lparam):
        icon.calls.append("opened")
        icon._on_notify(wparam, lparam)  # pystray's own loop runs on inside the menu

    FakeWindowsBase._on_notify, kept = lambda self, *args: while_open(*args), FakeWindowsBase._on_notify
    try:
        icon._on_notify(0, edge.WM_RBUTTONUP)
        icon._on_notify(0, edge.WM_RBUTTONUP)
    finally:
        FakeWindowsBase._on_notify = kept
    assert icon.calls == ["menu", "opened"] * 2


def test_a_message_is_shown_by_the_loop_thread_within_the_limits_of_windows(windows):
    icon, win32, _ = windows
    icon.post_notice("很长😀" * 200)
    assert icon.notified == [] and win32.posted == [(7, edge.WM_NOTICE, 0, 0)]
    send(icon, edge.WM_NOTICE)
    ((text, title),) = icon.notified
    assert len(text.encode("utf-16-le")) <= 2 * 255 and len(title.encode("utf-16-le")) <= 2 * 63


def test_a_tooltip_keeps_within_the_limit_of_windows(windows):
    icon, _, _ = windows
    icon.post_view(View("ok", "😀" * 200, (), ()))
    send(icon, edge.WM_VIEW)
    assert len(icon.title.encode("utf-16-le")) <= 2 * 127


def test_before_its_window_is_there_nothing_is_posted(windows):
    icon, win32, _ = windows
    icon._hwnd = None
    icon.post_view(View("ok", "好", (), ()))
    icon.post_notice("好")
    assert win32.posted == []


def test_the_shell_is_asked_for_the_icon_once_a_minute(windows, clock):
    icon, win32, _ = windows
    for _ in range(121):
        icon.post_view(View("ok", "好", (), ()))
        send(icon, edge.WM_VIEW)
        clock.advance(1)
    assert [code for code, _ in win32.told] == [win32.NIM_MODIFY] * 3


@pytest.mark.parametrize("message", [0x001A, 0x007E, 0x02E0, 0x031A])
def test_another_theme_or_scaling_draws_the_icon_again(windows, message):
    icon, _, _ = windows
    send(icon, message)
    assert icon.calls == []  # not shown yet
    icon.post_view(View("ok", "好", (), ()))
    send(icon, edge.WM_VIEW)
    send(icon, message)
    assert icon.calls.count(("icon", "handle of ok")) == 2


def test_a_view_that_nobody_renews_is_not_shown_for_ever(windows, clock):
    icon, _, _ = windows
    view = View("ok", "好", (), ())
    icon.post_view(view)
    send(icon, edge.WM_VIEW)
    clock.advance(edge.STUCK_AFTER)
    send(icon, edge.WM_TIMER)
    assert icon.title == "好"
    clock.advance(1)
    send(icon, edge.WM_TIMER)
    assert icon.title == STUCK_VIEW.title and icon.calls[-1] == ("icon", "handle of trouble")
    icon.post_view(view)
    send(icon, edge.WM_VIEW)
    assert icon.title == "好"


def test_an_icon_that_could_not_be_drawn_is_tried_again(windows, monkeypatch):
    icon, _, _ = windows
    icon.post_view(View("ok", "好", (), ()))
    send(icon, edge.WM_VIEW)
    icon.post_view(View("trouble", "坏了", (), ()))
    monkeypatch.setattr(NamedHandles, "get", lambda self, state: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        send(icon, edge.WM_VIEW)
    monkeypatch.undo()
    send(icon, edge.WM_VIEW)
    assert icon.calls[-1] == ("icon", "handle of trouble")


def test_each_state_has_one_handle_however_often_it_is_shown():
    winui = FakeWinui()
    handles = Handles(winui)
    for _ in range(200):
        for state in ICONS:
            handles.get(state)
    assert winui.made == [16] * len(ICONS)


def test_another_scaling_makes_new_handles_and_leaves_no_old_one():
    winui = FakeWinui()
    handles = Handles(winui)
    for winui.size in (16, 20, 24, 32, 48, 16):
        for state in ICONS:
            handles.get(state)
    assert winui.made[5:10] == [20] * 5
    assert len(winui.left) == len(ICONS)


@pytest.mark.parametrize("size", icons.SIZES)
def test_the_resource_is_a_dib_with_the_drawing_upside_down_and_an_empty_mask(size):
    raw = icons.resource("trouble", size)
    drawn = Image.frombytes("RGBA", (size, size), raw[40 : 40 + size * size * 4], "raw", "BGRA")
    assert drawn.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes() == icons.draw("trouble", size).tobytes()
    mask = raw[40 + size * size * 4 :]
    assert len(mask) == (size + 31) // 32 * 4 * size and not any(mask)


PRIVATE = {
    "_assert_icon_handle",
    "_message",
    "_message_handlers",
    "_on_notify",
    "_release_icon",
    "_show",
    "_update_icon",
    "_hwnd",
    "_icon_handle",
    "_mark_ready",
}


def test_pystray_still_has_the_private_names_that_we_build_on():
    package = Path(importlib.util.find_spec("pystray").origin).parent
    sources = {name: (package / name).read_text(encoding="utf-8") for name in ("_win32.py", "_base.py")}
    names = set()
    for tree in map(ast.parse, sources.values()):
        (icon,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Icon"]
        names |= {node.name for node in icon.body if isinstance(node, ast.FunctionDef)}
        names |= {node.attr for node in ast.walk(icon) if isinstance(node, ast.Attribute)}
    assert names >= PRIVATE
    win32 = (package / "_util" / "win32.py").read_text(encoding="utf-8")
    for name in ("PostMessage", "Shell_NotifyIcon", "NIM_MODIFY", "NIF_TIP", "class NOTIFYICONDATAW", "import ctypes"):
        assert name in win32


def test_no_other_file_uses_what_is_pystrays_own():
    for file in Path(tray_app.__file__).parent.rglob("*.py"):
        if file.name == "windows_icon.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & (PRIVATE - {"_show", "_message"}), file
        of_the_icon = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "icon"
        ]
        assert not of_the_icon, file


def test_pystray_is_the_version_whose_insides_we_know():
    from importlib.metadata import version

    assert version("pystray") == "0.19.5"
