"""Waits for what becomes of the outbox: emptied, one event taken, or the receiver's next answer."""

from __future__ import annotations

from typing import Callable

from tray_app import strings_zh as zh
from tray_app.outbox import Outbox
from tray_app.sender import Link
from tray_app.worker import Board, Worker


class Delivery:
    """All spans in seconds. OutboxError where the outbox cannot be asked."""

    def __init__(self, board: Board, outbox: Outbox, sender: Worker, mono: Callable[[], float]) -> None:
        self._board = board
        self._outbox = outbox
        self._sender = sender
        self._mono = mono

    def link(self) -> Link:
        found: Link = self._board.get("link", Link())
        return found

    def drain(self, within: float, give_up: bool = False) -> bool:
        """Wait until nothing waits in the outbox: True. At most `within`; `give_up`: or until a try failed."""
        deadline = self._mono() + within
        self._sender.hurry()
        while True:
            link = self.link()
            if not self._outbox.figures().waiting:
                return True
            if not self._wait_try_after(link, deadline) or (give_up and self.link().state != "ok"):
                return False

    def why_not_taken(self, event_id: str, within: float) -> str:
        """Wait until the receiver has confirmed just this event: ''. Otherwise the answer of the try that failed."""
        deadline = self._mono() + within
        self._sender.hurry()
        while True:
            link = self.link()
            if not self._outbox.is_waiting(event_id):
                return ""
            if not self._wait_try_after(link, deadline):
                return zh.NO_ANSWER_YET
            if self.link().state != "ok":
                return self.link().answer

    def answer_since(self, epoch: float, within: float) -> str:
        """The receiver's answer to a try that was made at `epoch` or later."""
        heard = self._board.wait("link", lambda link: link.tried_at >= epoch, max(0.0, within))
        return self.link().answer if heard else zh.NO_ANSWER_YET

    def _wait_try_after(self, before: Link, deadline: float) -> bool:
        """Wait until the sender has finished a try after `before` was on the board."""
        return self._board.wait("link", lambda link: link is not before, max(0.0, deadline - self._mono()))
