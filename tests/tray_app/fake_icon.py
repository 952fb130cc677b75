"""What the icon's tests share: pystray without a screen, and a program that only notes what it is asked for."""

import threading

from pystray import _base

from tray_app.state import View
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
