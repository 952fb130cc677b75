"""etf_grid.py mounted in the simulated QMT: re-inits, two mounts, and the owner's own orders beside it."""

import os

from rehearsal import market
from rehearsal.fortnight import live_orders, report, rule_orders
from rehearsal.fortnight.scenarios import HELD, differences
from rehearsal.qmt import book, times

EVERY = 30  # seconds between two ticks: short enough that the account is settled again within a minute


class Mounted:
    """The first day of a synthetic fortnight."""

    def __init__(self, folders, cells=None, every=EVERY, **more):
        self.home = folders()
        scenario = report.made_up(folders(), seed=1)
        self.day = scenario.first
        self.scenario = scenario._replace(last=self.day, every=every, cells=cells or scenario.cells)
        prices = market.from_folder(scenario.folder)
        self.client = live_orders.started(self.home, self.scenario, prices, **more)
        self._ticks = live_orders.tick_times(self.client, self.day, every)

    def at(self, clock):
        return times.at(self.day, clock)

    def go(self, clock):
        """All ticks up to that time, itself left out."""
        while self._ticks and self._ticks[0] < self.at(clock):
            self.client.tick(self._ticks.pop(0))
        self.client.run_to(self.at(clock))
        return self

    def leap(self, clock):
        """Time passes without a tick: the main chart stands still."""
        self._ticks = [at for at in self._ticks if at >= self.at(clock)]
        self.client.run_to(self.at(clock))
        return self

    def orders(self):
        return self.client.world.broker.orders

    def flags(self):
        return live_orders.first_lines(self.home)

    def lines(self):
        flags = self.flags()
        return [live_orders.line_of(order, flags[order.request.remark]) for order in self.orders()]

    def posts(self, what):
        return live_orders.posts(self.home, what)

    def stop(self):
        path = os.path.join(self.home, "control")
        os.makedirs(path, exist_ok=True)
        open(os.path.join(path, "STOP"), "w").close()
        return self

    def trade_again(self):
        os.remove(os.path.join(self.home, "control", "STOP"))
        return self


def every_fund_wants_to_trade(folders, **more):
    prices = report.made_up(folders(), seed=1)
    return Mounted(folders, cells=dict.fromkeys(prices.cells, 0), **more)


def test_a_re_init_at_ten_with_five_thousand_history_bars_makes_no_flag_file_and_no_order(folders, monkeypatch):
    day = every_fund_wants_to_trade(folders).stop().go("10:00").trade_again()
    day.client.behaviours.set("history_bars", 5000)
    asked = []
    api, clock = day.client.quote_api, day.client.world.clock
    is_last_bar = api.is_last_bar

    def slowly():
        asked.append(is_last_bar())
        clock.advance(0 if asked[-1] else 0.03)  # replaying takes time; a clock that stands still would hide a mistake
        return asked[-1]

    monkeypatch.setattr(api, "is_last_bar", slowly)
    day.client.reinit()
    assert asked == [False] * 5000 and clock() > day.at("10:02")
    assert day.flags() == {} and day.orders() == []
    assert day.go("10:06").orders()  # and then it trades


def test_twenty_re_inits_within_a_day_change_no_order_and_no_second_copy_is_told(folders):
    day = Mounted(folders)
    for number in range(20):
        minute = 571 + 11 * number + (90 if number > 10 else 0)
        day.go("%02d:%02d:10" % (minute // 60, minute % 60)).client.reinit()
    day.go("15:10")
    expected, _ = rule_orders.orders(day.scenario, HELD)
    assert len(expected) >= 5 and differences(expected, day.lines()) == []
    assert day.posts("second-copy") == [] and day.posts("error") == []


def test_restarts_of_the_client_within_a_day_lose_and_double_no_order(folders):
    day = Mounted(folders)
    for clock in ("09:31:10", "09:48:10", "10:33:10", "13:08:10", "13:13:10"):  # right after orders
        restart(day.go(clock))
    day.go("15:10")
    expected, _ = rule_orders.orders(day.scenario, HELD)
    # Not the minute: after a start every fund's bars are loaded anew, one fund a tick.
    assert len(expected) >= 5 and wishes(day.lines()) == wishes(expected)
    assert day.posts("second-copy") == [] and day.posts("error") == []


def wishes(lines):
    return sorted((line.code, line.side, line.yuan, line.cell) for line in lines)


def test_of_two_mounted_copies_one_trades_and_one_report_a_day_is_made(folders):
    day = Mounted(folders, mounts=2)
    assert len(day.posts("second-copy")) == 1  # of the first evening
    day.go("15:10")
    expected, _ = rule_orders.orders(day.scenario, HELD)
    assert len(expected) >= 5 and differences(expected, day.lines()) == []
    assert len(day.posts("second-copy")) == 2 and day.posts("error") == []


def test_the_owners_own_orders_are_never_cancelled(folders):
    # Ours are: after their time, by STOP, and shortly before the close. Each time the owner has orders in the same
    # funds, and the client is restarted, after which no order shows its remark any more: the owner's look like ours.
    day = every_fund_wants_to_trade(folders, every=6, no_fills=True, remarks_lost=True).go("09:30:10")
    codes = day.client.world.market.codes
    place_by_hand(day, codes[:3])
    restart(day.go("09:30:20"))
    day.go("09:31:40").stop().leap("14:51").go("14:53:40").trade_again().go("14:54:10")
    place_by_hand(day, codes[3:])
    restart(day.go("14:54:20")).go("15:10")
    owners = [order for order in day.orders() if not order.request.remark]
    ours = [order for order in day.orders() if order.request.remark]
    assert len(owners) == 12
    assert {order.status for order in owners} == {book.ACCEPTED}
    assert {order.submit_status for order in owners} == {book.TAKEN}  # a cancel was never even asked for
    assert {order.status for order in ours} == {book.CANCELLED}
    assert {times.text(order.at, "%H") for order in ours} == {"09", "14"}
    assert {order.request.code for order in ours} > {codes[1], codes[3]}  # beside the owner's
    assert day.posts("error") == []


def place_by_hand(day, codes):
    """A purchase and a sale of each fund that nobody meets."""
    world = day.client.world
    for code in codes:
        last = world.tick(code).last
        world.owner_order(code, True, 1000, round(last * 0.97, 3))
        world.owner_order(code, False, 1000, round(last * 1.03, 3))


def restart(day):
    day.client.kill()
    day.client.start()
    return day
