"""The installed program's icon in Wine's notification area: every state, tooltip, menu, and a click with the mouse.

QMT_SENTRY_KEEP=yes (`run.py windows --test --keep`) puts the photographs into docs/img.
"""

import json
import os
import time

import pytest

from installer import build, tray_shot

START = 90.0
PICTURES = build.REPO / "docs" / "img" if os.environ.get("QMT_SENTRY_KEEP") else build.REPO / ".run" / "installed"
DAY = 86400
SHANGHAI = 8 * 3600
TOOLTIP = (524, 648, 500, 120)
PICTURE = (524, 428, 500, 340)
MENU = (764, 548, 260, 220)  # the menu of a good day
# Wine draws each line of a menu 17 pixels high; 重启心跳 is the tenth from below (tray_app/menu.py ITEMS).
LINE_HEIGHT, FROM_BELOW = 17, 9


def is_(colour):
    """Whether this colour, of tray_app/icon.py, fills a good part of the icon."""

    def look(pixels):
        near = [max(abs(a - b) for a, b in zip(pixel, colour)) < 60 for pixel in pixels]
        return sum(near) > len(pixels) / 5

    return look


COLOURS = {
    "ok": (22, 163, 74),
    "attention": (250, 176, 5),
    "trouble": (220, 38, 38),
    "paused": (37, 99, 235),
    "not-trading": (125, 135, 148),
}


def never_in_session(home):
    """Its only session is twelve hours away, so that a QMT that is not there is no trouble."""
    text = (home / "sentry.ini").read_text(encoding="utf-8")
    hour = (int(time.time() + SHANGHAI) % DAY // 3600 + 12) % 24
    ini = text.replace("sessions = 00:00-23:59", f"sessions = {hour:02d}:00-{hour:02d}:30")
    (home / "sentry.ini").write_text(ini, encoding="utf-8")


@pytest.fixture
def qmt(windows, tmp_path):
    exe = windows.stand_in(tmp_path / "QMT 交易端" / "bin.x64", "XtItClient.exe")
    with windows.start(["-c", "import sys; print('up', flush=True); sys.stdin.readline()"], exe=exe) as program:
        assert program.wait_for("up", START), program.output()
        yield program


def arrange(state, home, request):
    (home / "control").mkdir(parents=True, exist_ok=True)
    if state == "ok":
        request.getfixturevalue("qmt")
    elif state != "trouble":
        never_in_session(home)
    if state == "paused":
        (home / "control" / "paused.json").write_text(json.dumps({"until": time.time() + DAY, "at": time.time()}))
    if state == "attention":
        (home / "control" / "STOP").write_text("")


@pytest.mark.parametrize("state", sorted(COLOURS))
def test_the_icon_shows_its_state_in_the_notification_area(installed, home, request, state):
    arrange(state, home, request)
    desktop = installed.windows.desktop
    with installed.start(home=home) as program:
        tray_shot.wait_until_drawn(desktop, program, is_(COLOURS[state]), START)
        tray_shot.open_menu(desktop, program)
        desktop.photograph(PICTURES / f"windows-{state}.png", PICTURE)
        if state == "ok":
            desktop.photograph(PICTURES / "guide-menu.png", MENU)


def test_the_tooltip_appears_over_the_icon(installed, home):
    desktop = installed.windows.desktop
    with installed.start(home=home) as program:
        tray_shot.wait_until_drawn(desktop, program, is_(COLOURS["trouble"]), START)
        before = desktop.pixels(*TOOLTIP)
        x, y, width, height = tray_shot.ICON
        desktop.move_mouse(x + width // 2, y + height // 2)
        tray_shot.until(lambda: desktop.pixels(*TOOLTIP) != before, START, program, "没有出现提示")
        desktop.photograph(PICTURES / "windows-tooltip.png", TOOLTIP)


def test_restart_heartbeat_chosen_with_the_mouse_reaches_the_receiver(installed, home, receiver):
    """A heartbeat at the click: the regular ones are an hour apart here."""
    text = (home / "sentry.ini").read_text(encoding="utf-8").replace("[host]\nevery = 1\n", "[host]\nevery = 300\n")
    (home / "sentry.ini").write_text(text, encoding="utf-8")
    desktop = installed.windows.desktop
    with installed.start(home=home) as program:
        tray_shot.wait_until_drawn(desktop, program, is_(COLOURS["trouble"]), START)
        assert receiver.wait_for(lambda event: event["kind"] == "host.heartbeat", START)
        newest = max(event["seq"] for event in receiver.events)
        tray_shot.open_menu(desktop, program)
        x, y = tray_shot.LAST_LINE
        clicked = time.time()
        desktop.click(x, y - LINE_HEIGHT * FROM_BELOW)
        again = receiver.wait_for(lambda event: event["kind"] == "host.heartbeat" and event["seq"] > newest, START)
        assert again
        print(f"heard {time.time() - clicked:.1f} s after the click")
