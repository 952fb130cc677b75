"""--request-shutdown: when the PC may go down, what is told where it may not, and how it is called off."""

import threading

import pytest

from tests.tray_app.helpers import MONDAY_10_00, Clock, accept, settings
from tray_app import asked, menu, orders, shutdown, trading_time
from tray_app import strings_zh as zh
from tray_app.app import TrayApp
from tray_app.orders import Order
from tray_app.outbox import OutboxError
from tray_app.shutdown import Facts, Shutdown, refusal, unsent

AT_15_15 = MONDAY_10_00 + 5.25 * 3600
SESSIONS = trading_time.parse_sessions("09:30-11:30, 13:00-15:00")
WELL = Facts(True, SESSIONS, (), (), 0, "")
WAIT = 30


def flag(state, number=1):
    return Order(f"20260105-510300-B-{number:02d}", state)


@pytest.mark.parametrize("state", sorted(orders.ENDED))
def test_with_all_orders_ended_it_may_go_down(state):
    assert refusal(WELL._replace(orders=(flag(state),)), AT_15_15) is None


@pytest.mark.parametrize("state", sorted(orders.STATES - orders.ENDED))
def test_an_order_without_an_end_keeps_it_on_and_is_told(state):
    refused = refusal(WELL._replace(orders=(flag("filled"), flag(state, 2))), AT_15_15)
    assert refused.tell and "20260105-510300-B-02" in refused.text and "1 笔" in refused.text


@pytest.mark.parametrize(
    "facts, now",
    [(WELL._replace(trading_day=False), AT_15_15), (WELL, AT_15_15 - 1000), (WELL, MONDAY_10_00)],
    ids=["holiday", "before the close", "in the morning"],
)
def test_on_another_day_or_before_the_close_it_stays_on_without_a_word_to_the_phone(facts, now):
    refused = refusal(facts, now)
    assert refused is not None and not refused.tell


def test_a_clock_that_is_hours_ahead_does_not_shut_the_pc_down_in_the_morning():
    refused = refusal(WELL._replace(clock_offset=-5.0 * 3600), AT_15_15)
    assert refused is not None and refused.text == zh.NO_SHUTDOWN_YET


def test_where_nobody_looks_at_the_orders_it_stays_on():
    assert refusal(WELL._replace(stuck=("flags",)), AT_15_15).tell
    assert refusal(WELL._replace(stuck=("qmt",)), AT_15_15) is None


def test_where_nobody_reads_what_the_strategy_posts_it_stays_on_and_is_told():
    assert refusal(WELL._replace(stuck=("spool",)), AT_15_15).tell
    bench = Bench(WELL, WELL._replace(stuck=("spool",)))  # it died while the outbox emptied
    assert bench.shutdown.request() == zh.NO_SHUTDOWN_STUCK
    assert bench.ran == [] and len(bench.told) == 1


def test_news_that_nobody_has_heard_keeps_it_on():
    assert "3 条" in unsent(WELL._replace(waiting=3), emptied=False).text
    assert "磁盘满了" in unsent(WELL._replace(outbox_error="磁盘满了。"), emptied=True).text
    assert unsent(WELL, emptied=True) is None


def test_a_heartbeat_that_comes_after_the_outbox_was_emptied_does_not_keep_it_on():
    bench = Bench(WELL, WELL._replace(waiting=1))
    assert bench.shutdown.request() == zh.SHUTDOWN_SOON


def test_an_outbox_that_does_not_empty_keeps_it_on_and_is_told():
    bench = Bench(WELL._replace(waiting=2))
    bench.empties = False
    assert "2 条" in bench.shutdown.request()
    assert bench.ran == [] and len(bench.told) == 1


class Bench:
    """A Shutdown with everything noted."""

    def __init__(self, *facts, error=""):
        self.clock = Clock(AT_15_15)
        self.facts = list(facts)
        self.drained, self.told, self.shown, self.ran = [], [], [], []
        self.error = error
        self.empties = True
        self.shutdown = Shutdown(
            lambda: self.facts.pop(0) if len(self.facts) > 1 else self.facts[0],
            lambda within: self.drained.append(within) or self.empties,
            self.told.append,
            lambda text: self.shown.append(text) or text,
            self.clock.wall,
            lambda arguments: self.ran.append(arguments[0]) or self.error,
        )


def test_it_counts_down_two_minutes_and_says_how_to_call_it_off():
    bench = Bench(WELL)
    assert bench.shutdown.request() == zh.SHUTDOWN_SOON
    assert bench.ran == ["/s"] and bench.drained == [shutdown.DRAIN_WITHIN]
    assert bench.shutdown.at() == AT_15_15 + 120
    assert bench.told == []


def test_asked_twice_it_counts_down_once():
    bench = Bench(WELL)
    bench.shutdown.request()
    bench.shutdown.request()
    assert bench.ran == ["/s"]


def test_called_off_it_is_off_and_can_be_asked_for_again():
    bench = Bench(WELL)
    bench.shutdown.request()
    assert bench.shutdown.cancel() == zh.CANCELLED
    assert bench.shutdown.at() is None
    bench.shutdown.request()
    assert bench.ran == ["/s", "/a", "/s"]


def test_a_shutdown_that_windows_does_not_call_off_is_still_shown():
    bench = Bench(WELL)
    bench.shutdown.request()
    bench.error = "No shutdown was in progress"
    assert "No shutdown" in bench.shutdown.cancel()
    assert bench.shutdown.at() is not None


def test_an_order_that_comes_to_light_while_the_outbox_empties_keeps_it_on():
    bench = Bench(WELL, WELL._replace(orders=(flag("unknown"),)))
    assert "20260105-510300-B-01" in bench.shutdown.request()
    assert bench.ran == [] and len(bench.told) == 1


def test_what_windows_refuses_is_told():
    bench = Bench(WELL, error="Access denied")
    assert "Access denied" in bench.shutdown.request()
    assert bench.shutdown.at() is None and len(bench.told) == 1


def test_one_that_never_came_is_not_shown_for_ever():
    bench = Bench(WELL)
    bench.shutdown.request()
    bench.clock.advance(120 + shutdown.FORGOTTEN)
    assert bench.shutdown.at() is None


# The program ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(home, receiver, monkeypatch):
    monkeypatch.setattr("tray_app.app.LOOKED_WITHIN", WAIT)  # a busy machine may stand still for longer than a PC
    ran = []
    questions = []
    found = TrayApp(
        home,
        settings(receiver.url, inbox="port = off", sentry="every_day = yes"),
        heard=lambda: questions.pop() if questions else None,
    )
    found.ran, found.questions = ran, questions
    found.shutdown._wall = lambda: AT_15_15  # whatever the hour at which this test runs
    found.shutdown._run = lambda arguments: ran.append(arguments[0]) or ""
    found.start()
    yield found
    found.stop("menu")


def wait_for_answer(app, text):
    assert app.board.wait("answer", lambda answer: answer == text, WAIT)


def test_asked_the_running_copy_begins_the_countdown_and_its_menu_can_cancel_it(app):
    app.questions.append(asked.SHUTDOWN)
    app.tick()
    wait_for_answer(app, zh.SHUTDOWN_SOON)
    view = app.view()
    assert zh.CANCEL_SHUTDOWN in [entry.text(view) for entry in menu.ITEMS]
    assert "计划" in "".join(view.lines)
    app.cancel_shutdown()
    assert app.ran == ["/s", "/a"]
    assert zh.CANCEL_SHUTDOWN not in [entry.text(app.view()) for entry in menu.ITEMS]


def test_the_stop_that_follows_is_called_planned(app, receiver):
    app.shutdown.request()
    app.end_session()
    sent = [event for post in receiver.posts for event in post["events"]]
    assert sent[-1]["kind"] == "host.stopping" and sent[-1]["data"] == {"reason": "shutdown-task"}


def test_without_a_plan_the_end_of_the_session_is_called_so(app, receiver):
    app.end_session()
    assert receiver.posts[-1]["events"][-1]["data"] == {"reason": "session-end"}


def test_a_refusal_worth_telling_reaches_the_receiver(app, receiver):
    found, told = threading.Event(), []

    def answer(envelope):
        told.extend(event["data"] for event in envelope["events"] if event["kind"] == "host.trouble")
        if told:
            found.set()
        return accept(envelope)

    receiver.answers = [answer]
    # The watcher of the flag files would take the order off the board again.
    app.shutdown._facts = lambda: WELL._replace(orders=(flag("unknown"),))
    app.shutdown.request()
    assert found.wait(WAIT)
    assert told[0]["code"] == "shutdown-refused" and app.ran == []


def test_before_the_order_files_were_read_nothing_is_known_of_orders_and_it_stays_on(home, receiver, monkeypatch):
    """The copy that the keep-alive task began a second ago."""
    monkeypatch.setattr("tray_app.app.LOOKED_WITHIN", 0.0)
    fresh = TrayApp(home, settings(receiver.url, inbox="port = off", sentry="every_day = yes"))
    try:
        assert refusal(fresh._shutdown_facts(), AT_15_15).text == zh.NO_SHUTDOWN_STUCK
    finally:
        fresh.stop("menu")


@pytest.mark.parametrize("name", ["flags", "spool"])
def test_a_watcher_that_does_not_come_back_from_its_round_keeps_it_on(app, monkeypatch, name):
    """Well until a moment ago, so not yet called dead: what it has not read may be an order."""
    held, let_go, worker = threading.Event(), threading.Event(), getattr(app.parts, name)

    def stand(now):
        held.set()
        let_go.wait(WAIT)

    assert worker.wait_round(0, WAIT)
    monkeypatch.setattr("tray_app.app.LOOKED_WITHIN", 3.0)
    monkeypatch.setattr(worker._part, "round", stand)
    try:
        assert held.wait(WAIT)
        assert app.shutdown.request() == zh.NO_SHUTDOWN_STUCK
        assert app.ran == []
    finally:
        let_go.set()


def test_an_order_behind_a_backlog_of_files_is_waited_for(app, monkeypatch):
    """After a lost outbox every file is new, and a round reads only some of them."""
    left, worker = list(range(50)), app.parts.flags

    def some(now):
        if left:
            left.pop()
            threading.Event().wait(0.01)  # as reading takes
            return True
        app.board.show(orders=(flag("unknown"),))
        return False

    assert worker.wait_round(0, WAIT)
    monkeypatch.setattr(worker._part, "round", some)
    assert [order.state for order in app._shutdown_facts().orders] == ["unknown"]


def test_while_the_outbox_refuses_what_the_order_files_say_nothing_is_known(app, monkeypatch):
    def refused(now):
        raise OutboxError("磁盘满了")

    worker = app.parts.flags
    assert worker.wait_round(0, WAIT)
    monkeypatch.setattr("tray_app.app.LOOKED_WITHIN", 3.0)  # two rounds take about one
    monkeypatch.setattr(worker._part, "round", refused)
    assert "flags" in app._shutdown_facts().stuck
