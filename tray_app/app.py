"""The program between icon and parts: its start, the one-second tick, what the menu does, a clean stop."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import Callable

from tray_app import (
    asked,
    config,
    diagnosis,
    events,
    home,
    last_resort,
    pair_dialog,
    pairing,
    parts,
    pause,
    quit_mark,
    report,
    runs,
    state,
)
from tray_app import strings_zh as zh
from tray_app.answers import Answer
from tray_app.delivery import Delivery
from tray_app.events import Event
from tray_app.one_dialog import OneDialog
from tray_app.outbox import Outbox, OutboxError
from tray_app.owner import Ask, Owner, dialog_of_this_system
from tray_app.shutdown import Facts, Shutdown
from tray_app.watch import qmt
from tray_app.watch.host import Sleep
from tray_app.worker import Board, Watchdog

log = logging.getLogger(__name__)

ANSWER_WITHIN = 2.0  # seconds: what 重启心跳 promises
FLUSH_WITHIN = 2.0  # seconds for the last events; Windows kills a program that takes 5 s to end its session
LOOKED_WITHIN = 10.0  # seconds until the order files and the strategy's posts have been read twice
ANSWER_SHOWN = 60.0  # seconds an answer stays on top of the menu


class TrayApp:
    """Everything but the icon. The menu's methods return what to tell the owner; they may take ANSWER_WITHIN."""

    def __init__(
        self,
        where: home.Home,
        settings: config.Config,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
        ask: Ask | None = None,
        heard: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.home = where
        self.config = settings
        self.board = Board()
        self.outbox = Outbox(where.outbox, settings.outbox_max_bytes, settings.outbox_max_age, wall)
        self._sleep = Sleep()
        self._ask = ask or dialog_of_this_system()
        self.owner = Owner(where, self.outbox, self.board, wall, self._ask)
        self.parts = parts.build(
            where,
            lambda: self.config,
            self.outbox,
            self.board,
            lambda: report.heartbeat(self),
            lambda now: report.qmt_repeat(self, now),
            self._on_resume,
            self._sleep.untold,
            lambda: self.paused_until() is not None,
        )
        self.delivery = Delivery(self.board, self.outbox, self.parts.sender, mono)
        self._pairing = pairing.Follower(where.ini)
        self.watchdog = Watchdog(self.parts.all, self._tell, wall, mono)
        self.outbox.on_put = self.parts.sender.wake
        self.stop_asked = threading.Event()
        self.stop_reason = ""
        self._signalled = False
        self._ticked_at: float | None = None
        self._heard = heard
        self._wall = wall
        self._mono = mono
        self._started_at = wall()
        self._boot_at = runs.boot_time()
        self._stopped = threading.Lock()
        self._dialog = OneDialog(lambda text: self._answer(text))
        self.shutdown = Shutdown(self._shutdown_facts, self.delivery.drain, self._tell_trouble, self._answer, wall)
        self._pairing_lock = threading.Lock()  # the tick and a dialog may both see a new pairing

    # Life ------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._announce()
        for worker in self.parts.all:
            worker.start()

    def tick(self) -> None:
        """Once a second: restart what is stuck; tell of the start as soon as the disk takes it; see a new pairing."""
        heard = self._heard()
        if self._signalled or heard == asked.STOP:
            self.ask_stop("signal")
        elif heard == asked.SHUTDOWN:  # it takes up to a minute, and the tick must go on
            threading.Thread(target=self.shutdown.request, name="shutdown", daemon=True).start()
        self._note_gap()
        try:
            self.watchdog.look()
            self._follow_pairing()
            self._announce()
            self.owner.tell_stop()
        except OutboxError:
            pass  # the icon shows why; the next tick tries again
        except Exception:
            # The tick watches everything else: nothing may end it.
            log.exception("tick failed")

    def note_signal(self) -> None:
        """For a signal handler: only a flag, which the next tick acts on.

        A handler interrupts the main thread, which may hold the very lock that setting an Event takes: a deadlock.
        """
        self._signalled = True

    def ask_stop(self, reason: str) -> None:
        """From any thread: the main thread then calls stop()."""
        self.stop_reason = self.stop_reason or reason
        self.stop_asked.set()

    def end_session(self) -> None:
        """Windows ends the session, and the process as soon as this returns: the clean stop at once, in this thread."""
        self.ask_stop("shutdown-task" if self.shutdown.at() is not None else "session-end")
        self.stop(self.stop_reason)

    def stop(self, reason: str) -> None:
        """Tell the receiver, at most FLUSH_WITHIN; mark the stop as clean; end all workers. Once."""
        if not self._stopped.acquire(blocking=False):
            return
        deadline = self._mono() + FLUSH_WITHIN
        log.info("stopping: %s", reason)
        watchers = [worker for worker in self.parts.all if worker is not self.parts.sender]
        for worker in watchers:
            worker.stop(0.0)  # what they have not stored yet is still in its file, and waits there
        try:
            last = events.make("host.stopping", {"reason": reason}, self._wall())
            self.outbox.put_many([last], {runs.STOP_MARK: reason})
            # A receiver that is away will hear of the stop after the next start.
            self.delivery.drain(deadline - self._mono(), give_up=True)
        except OutboxError:
            pass  # shown and logged by the outbox; the next start calls it a crash, which is the safe side
        for worker in [*watchers, self.parts.sender]:
            worker.stop(max(0.0, deadline - self._mono()))
        self.outbox.close()
        try:
            home.remove(self.home.inbox)  # nobody should post to a port that is closed
        except OSError as error:
            log.warning("%s stays: %s", self.home.inbox, error)  # a post to a closed port fails at once

    # What is shown ---------------------------------------------------------------------------------------------------

    def view(self) -> state.View:
        return state.decide(self.snapshot(), self._wall())

    def snapshot(self) -> state.State:
        now = self._wall()
        get = self.board.get
        return state.State(
            config=self.config,
            started_at=self._started_at,
            link=self.delivery.link(),
            qmt=get("qmt", qmt.Seen()),
            post=get("post"),
            mode=get("mode"),
            outbox=self.outbox.figures(),
            rejected_before=get("rejected_before", 0),
            dropped_before=get("dropped_before", 0),
            dead=self.watchdog.dead(),
            inbox_why=get("inbox_why", ""),
            paused_until=self.paused_until(),
            answer=get("answer", "") if now - get("answer_at", 0.0) < ANSWER_SHOWN else "",
            orders=self.owner.orders(),
            answers=self.owner.answers(),
            stop=self.owner.is_stopped(),
            last_resort_why=get("last_resort_why", ""),
            shutdown_at=self.shutdown.at(),
            findings=get("findings", ()),
            awake_since=get("awake_since", 0.0),
        )

    def paused_until(self) -> float | None:
        """Epoch seconds while paused, else None."""
        until = pause.read(self.home.paused)
        return until if until is not None and until > self._wall() else None

    # What the menu does ----------------------------------------------------------------------------------------------

    def restart_heartbeat(self) -> str:
        """重启心跳: restart what is stuck, look and send now; the receiver's answer within ANSWER_WITHIN."""
        clicked_at, deadline = self._wall(), self._mono() + ANSWER_WITHIN
        self.watchdog.restart_dead()
        rounds = self.parts.qmt.rounds
        self.parts.qmt.hurry()
        self.parts.qmt.wait_round(rounds, 0.5)  # so that the heartbeat carries a look of this moment
        self.parts.host.hurry()
        self.parts.sender.hurry()
        return self._answer(self.delivery.answer_since(clicked_at, deadline - self._mono()))

    def send_test_alert(self) -> str:
        """发送测试告警, by both ways to the phone."""
        deadline, direct = self._mono() + ANSWER_WITHIN, last_resort.Trial(self.config, self._answer)
        said = self._test_over_receiver()
        return self._answer(said + direct.words(max(0.0, deadline - self._mono())))

    def _test_over_receiver(self) -> str:
        """Says that it was sent only once the receiver has confirmed just this event."""
        alert = events.make("host.test_alert", {"text": zh.TEST_TEXT}, self._wall())
        try:
            self.outbox.put(alert)
            why = self.delivery.why_not_taken(alert["id"], ANSWER_WITHIN)
        except OutboxError as error:
            return self._answer(zh.NOT_STORED.format(why=error))
        return self._answer(zh.TEST_WAITING.format(answer=why) if why else zh.TEST_SENT)

    def toggle_pause(self) -> str:
        said, told = pause.toggle(
            self.home.paused, self.paused_until(), self.config.ready_at, self._wall(), self.outbox.put
        )
        if told:
            self.parts.sender.hurry()
        return self._answer(said)

    def stop_orders(self, on: bool) -> str:
        return self._answer(self.owner.stop_orders(on))

    def answer(self, flag: str, answer: Answer) -> str:
        return self._answer(self.owner.answer(flag, answer))

    def answer_part(self, flag: str) -> str:
        return self._dialog.run(lambda: self.owner.answer_part(flag))

    def pair(self) -> str:
        """粘贴配对码…"""
        return self._dialog.run(lambda: pair_dialog.run_for(self._ask, self.home.ini, self._follow_pairing))

    def save_diagnosis(self) -> str:
        """保存诊断包: takes seconds where the logs are long."""
        return self._dialog.run(self.diagnose)

    def diagnose(self) -> str:
        """Save the zip, say where it is, show its folder."""
        path, said = diagnosis.save_for(self, self._wall())
        self._answer(said)
        if path is not None:
            self._open(path.parent)
            if self._ask is not None:
                self._ask(zh.DIAGNOSE, said, (), (zh.CLOSE_LABEL,))
        return said

    def open_dashboard(self) -> str:
        webbrowser.open(self.config.dashboard)
        return ""

    def show_logs(self) -> str:
        self._open(self.home.logs)
        return ""

    def cancel_shutdown(self) -> str:
        return self.shutdown.cancel()

    def quit(self) -> str:
        try:
            quit_mark.write(self.home.quit, self._wall())
        except OSError as error:
            log.warning("the keep-alive task will start us again: %s", error)
        self.ask_stop("menu")
        return ""

    # Inside ----------------------------------------------------------------------------------------------------------

    def _note_gap(self) -> None:
        """Asleep (on Windows the monotonic clock may run on in it, and not every sleep is told), starved, or another
        clock: nothing could be heard in between, so ages count from here. Before this second's view is drawn."""
        now, before = self._wall(), self._ticked_at
        self._ticked_at = now
        if before is not None and abs(now - before) > qmt.BIG_GAP:
            self.board.show(awake_since=now)

    def _open(self, folder: Path) -> None:
        if sys.platform == "win32":
            os.startfile(str(folder))
        else:
            webbrowser.open(folder.as_uri())

    def _follow_pairing(self) -> None:
        """Work with a pairing that was just written, by a new sender; what waits goes to the new receiver."""
        with self._pairing_lock:
            new = self._pairing.look(self.config)
            if new is None:
                return
            self.config = new
        self.watchdog.renew(self.parts.sender)
        self.parts.host.hurry()  # something to send at once

    def _answer(self, text: str) -> str:
        self.board.show(answer=text, answer_at=self._wall())
        return text

    def _tell(self, event: Event) -> None:
        self.outbox.put(event)

    def _tell_trouble(self, what: str, code: str = "shutdown-refused") -> None:
        try:
            self._tell(events.trouble(code, what, self._wall()))
        except OutboxError:
            pass  # the icon shows why; it is in the log

    def _shutdown_facts(self) -> Facts:
        # Only rounds that began after this question and read all there is count: a copy that has just begun knows of no
        # order, and a strategy may have posted a moment ago.
        looked = [self.parts.flags, self.parts.spool]
        asked_at = [worker.rests for worker in looked]
        for worker in looked:
            worker.wake()
        stuck = [w.name for w, n in zip(looked, asked_at) if not w.wait_rest(n + 1, LOOKED_WITHIN)]
        figures = self.outbox.figures()
        return Facts(
            state.is_trading_day(self.config, self.delivery.link())(self._wall()),
            self.config.sessions,
            self.owner.orders(),
            [*stuck, *self.watchdog.dead()],
            figures.waiting,
            figures.error,
            self.delivery.link().clock_offset or 0.0,
        )

    def tell_restarted(self, name: str) -> None:
        """One of the icon's threads ended and was begun again."""
        self._tell_trouble(zh.RESTARTED.format(name=zh.PARTS.get(name, name)), "worker-restarted")

    def _announce(self) -> None:
        """host.started, once: what the marks say about the run before, replaced in the transaction that tells of it."""
        if self.board.get("announced"):
            return
        try:
            marks = self.outbox.marks()
            hello = runs.hello(marks, self._boot_at, self._started_at)
            self.outbox.put_many([hello], {runs.STOP_MARK: "", runs.BOOT_MARK: str(self._boot_at)})
        except OutboxError:
            return  # the icon shows why; the next tick tries again
        before = {f"{name}_before": int(marks.get(name, 0)) for name in ("rejected", "dropped")}
        self.board.show(announced=True, **before)

    def _on_resume(self) -> None:
        for worker in self.parts.all:
            worker.forgive()
        self.parts.sender.hurry()

    def system_suspends(self) -> None:
        self._sleep.begins(self._wall())

    def system_resumed(self) -> None:
        self._sleep.ends(self._wall())
        self._on_resume()
        self.parts.host.wake()
