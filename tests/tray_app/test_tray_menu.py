"""The icon and its menu on a fake backend."""

import threading

import pytest
from pystray import _base

from tests.tray_app.fake_icon import WAIT, FakeApp, FakeIcon
from tray_app import menu, tray
from tray_app import strings_zh as zh
from tray_app.state import PAUSED, View


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
        ("保存诊断包", True),
        ("粘贴配对码…", True),
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


def test_a_thread_of_the_icon_that_dies_is_begun_again_and_told(running):
    app, icon, _, _ = running

    def die(*unused):
        raise SystemExit

    app.restart_heartbeat = die  # in the thread that does what is clicked
    next(item for item in icon.menu.items if item.text == "重启心跳")(icon)
    wait_until(lambda: ("tell_restarted", "clicks") in app.done)
    next(item for item in icon.menu.items if item.text == "发送测试告警")(icon)
    wait_until(lambda: "send_test_alert" in app.done)
    app.tick = die  # in the thread that looks
    wait_until(lambda: ("tell_restarted", "ticker") in app.done)
    del app.tick
    app.now_shown = View(PAUSED, "又在看了", (), (PAUSED,))
    wait_until(lambda: icon.title == "又在看了")


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
