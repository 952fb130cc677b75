"""The planned shutdown of the PC: asked for by the 15:15 task (--request-shutdown), decided by the running copy, which
knows orders, calendar and outbox, and cancelled from its menu.

Fail closed: a PC that stays on costs a few yuan of electricity; one that goes down with an order open, or with news
that nobody has heard, costs more. The clean stop itself is posted when Windows ends the session (windows_icon.py).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import Callable, NamedTuple, Sequence

from tray_app import strings_zh as zh
from tray_app.orders import Order
from tray_app.trading_time import Session, second_of_day

log = logging.getLogger(__name__)

COUNTDOWN = 120  # seconds in which the owner can cancel it
DRAIN_WITHIN = 60.0  # seconds for what waits in the outbox
FORGOTTEN = 300.0  # seconds after its time at which a shutdown that did not come is no longer shown
NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW


class Facts(NamedTuple):
    """sessions: seconds of the day; stuck: names of workers without a sign of life, whose word is therefore old;
    clock_offset: the receiver's clock minus ours, seconds."""

    trading_day: bool
    sessions: Sequence[Session]
    orders: Sequence[Order]
    stuck: Sequence[str]
    waiting: int
    outbox_error: str
    clock_offset: float = 0.0


class Refusal(NamedTuple):
    """`tell`: worth a message to the phone, because the PC was expected to go down and stays on."""

    text: str
    tell: bool


def refusal(facts: Facts, now: float) -> Refusal | None:
    """Why the PC must stay on; None: it may go down. What waits in the outbox is looked at by unsent()."""
    if not facts.trading_day:
        return Refusal(zh.NO_SHUTDOWN_DAY, tell=False)
    # The task goes by the clock of this PC, which may be hours off (an empty battery): the receiver knows the time.
    if second_of_day(now + facts.clock_offset) < max(end for _, end in facts.sessions):
        return Refusal(zh.NO_SHUTDOWN_YET, tell=False)
    if "flags" in facts.stuck or "spool" in facts.stuck:  # a post that lies unread may tell of an order
        return Refusal(zh.NO_SHUTDOWN_STUCK, tell=True)
    alive = [order.flag for order in facts.orders if not order.ended]
    if alive:
        return Refusal(zh.NO_SHUTDOWN_ORDERS.format(count=len(alive), first=min(alive)), tell=True)
    return None


def unsent(facts: Facts, emptied: bool) -> Refusal | None:
    """Why what the outbox holds keeps the PC on; None: it was `emptied`. A heartbeat that came since does not count:
    there is always a next one."""
    if facts.outbox_error:
        return Refusal(zh.NO_SHUTDOWN_OUTBOX.format(why=facts.outbox_error.rstrip("。")), tell=True)
    if not emptied:
        return Refusal(zh.NO_SHUTDOWN_UNSENT.format(count=max(1, facts.waiting)), tell=True)
    return None


class Shutdown:
    """facts() as they are now; drain(seconds) waits at most so long until the outbox is empty, and says whether it
    was; tell(text) sends a message to the phone; answer(text) shows a text on top of the menu and gives it back;
    run(arguments) runs Windows' shutdown.exe and gives its error, '' for none."""

    def __init__(
        self,
        facts: Callable[[], Facts],
        drain: Callable[[float], bool],
        tell: Callable[[str], None],
        answer: Callable[[str], str],
        wall: Callable[[], float],
        run: Callable[[Sequence[str]], str] | None = None,
    ) -> None:
        self._facts = facts
        self._drain = drain
        self._tell = tell
        self._answer = answer
        self._wall = wall
        self._run = run or windows_shutdown
        self._at: float | None = None
        self._deciding = threading.Lock()

    def at(self) -> float | None:
        """Epoch seconds at which the PC goes down; None: it does not."""
        at = self._at
        return at if at is not None and self._wall() < at + FORGOTTEN else None

    def request(self) -> str:
        """Decide and begin the countdown; may take DRAIN_WITHIN. What came of it."""
        with self._deciding:
            if self.at() is not None:
                return self._answer(zh.SHUTDOWN_SOON)
            refused = refusal(self._facts(), self._wall())
            if refused is None:
                emptied = self._drain(DRAIN_WITHIN)
                facts = self._facts()  # an order may have come to light meanwhile
                refused = refusal(facts, self._wall()) or unsent(facts, emptied)
            if refused is None:
                error = self._run(["/s", "/t", str(COUNTDOWN), "/c", zh.SHUTDOWN_COMMENT])
                refused = Refusal(zh.SHUTDOWN_FAILED.format(why=error), tell=True) if error else None
            if refused is not None:
                log.warning("no shutdown: %s", refused.text)
                if refused.tell:
                    self._tell(refused.text)
                return self._answer(refused.text)
            self._at = self._wall() + COUNTDOWN
            log.info("shutdown in %d s", COUNTDOWN)
            return self._answer(zh.SHUTDOWN_SOON)

    def cancel(self) -> str:
        error = self._run(["/a"])
        if error:
            return self._answer(zh.CANCEL_FAILED.format(why=error))
        self._at = None
        log.info("shutdown cancelled from the menu")
        return self._answer(zh.CANCELLED)


def windows_shutdown(arguments: Sequence[str]) -> str:
    """Run shutdown.exe; its error, '' for none."""
    if sys.platform != "win32":
        return zh.ONLY_WINDOWS
    exe = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "shutdown.exe")
    try:
        done = subprocess.run(
            [exe, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=30,
            creationflags=NO_WINDOW,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stdout.decode("mbcs", "replace").strip()
    return "" if done.returncode == 0 else said or f"shutdown.exe {done.returncode}"
