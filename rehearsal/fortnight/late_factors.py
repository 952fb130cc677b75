"""Every ex-date with adjustment factors that come a day late (behaviour 24), through etf_grid.py in the simulated QMT.

On an ex-date QMT's front-adjusted bars do not know the event yet, while the exchange's reference price does. The fund
must not be traded that day, its owner must be told why, and the next day, when the factors are there, it goes on.

So that nothing but the factors can hold an order back, the rule is made eager: a short average, cells of 0.1 %, nearly
every day beyond its threshold, and no trade yet. Then the same day with factors in time gives an order at once, and so
does a second fund without an event. Called once a minute over the whole ex-date.
"""

from typing import Any, List, NamedTuple, Tuple

from rehearsal import market
from rehearsal.qmt import times
from rehearsal.qmt.client import Client

from . import live_orders, rule_orders
from .scenarios import DEFAULT_CAPS, Scenario

EAGER = (
    "ma = 20",
    "grid_height = 0.001",
    "grid_amount = 100",
    "quantile_positive = 0.01",
    "quantile_negative = 0.01",
)
EVERY = 60  # seconds between two ticks
SHORT = "09:45"  # until when a day is walked on which an order comes at once
WHY = "复权因子还没更新"  # what the owner is told
YOUNG = 300  # bars; with fewer, the rule may lack the 120 days that it wants above and below the average


class ExDate(NamedTuple):
    """What came of one ex-date."""

    code: str
    day: str
    late: int  # orders of that fund on the day, its factors late: must be 0
    told: int  # notices that say why: must be 1
    other: str  # the second fund
    others: int  # its orders on that day
    in_time: int  # orders of the fund on the day, its factors in time
    next_day: int  # its orders on the day after, when the late factors have come
    young: bool  # too few bars for an order in any case: the last three counts prove nothing

    @property
    def as_promised(self) -> bool:
        kept_off = self.late == 0 and self.told == 1
        return kept_off and (self.young or min(self.others, self.in_time, self.next_day) > 0)


def dates(folder: str, codes: Any) -> List[Tuple[str, str]]:
    """(code, ex-date) of every event of these funds, oldest first."""
    return rule_orders.events_of(folder, codes)


def run(prices: market.Market, code: str, day: str, late_home: str, timely_home: str) -> ExDate:
    """One ex-date, twice: factors late, the day after included, and factors in time. Both homes are empty folders."""
    pair = _pair(prices, code, day)
    other = next(each for each in pair.codes if each != code)
    late = _client(late_home, pair, day, late_factors=True)
    _day(late, day, "15:30")
    late_orders = _orders(late, day)
    told = [text for text in live_orders.posts(late_home, "stopped-fund") if WHY in text and code in text]
    after = pair.days[pair.days.index(day) + 1]
    _day(late, after, SHORT)
    timely = _client(timely_home, pair, day, late_factors=False)
    _day(timely, day, SHORT)
    for home in (late_home, timely_home):
        errors = live_orders.posts(home, "error")
        if errors:
            raise AssertionError(errors[0])
    return ExDate(
        code,
        day,
        late_orders.count(code),
        len(told),
        other,
        late_orders.count(other),
        _orders(timely, day).count(code),
        _orders(late, after).count(code),
        prices.bars_before(code, day) < YOUNG,
    )


def _pair(prices: market.Market, code: str, day: str) -> market.Market:
    """The fund and a second one without an event on `day`, on the days on which the fund has a bar.

    Funds stand still on the day before a split: on a calendar that has that day, the fund's bars would be too old, and
    it would not be traded for that reason already.
    """
    of_fund = [bar.date for bar in prices.bars[code]]
    at = of_fund.index(day)
    needed = of_fund[at - 1 : at + 2]
    others = [
        each
        for each in prices.codes
        if each != code and all(prices.index(each, near) for near in needed) and not prices.events_on(each, day)
    ]
    other = max(others, key=lambda each: prices.bars_before(each, day))
    bars = {
        code: prices.bars[code],
        other: [bar for bar in prices.bars[other] if prices.index(code, bar.date) is not None],
    }
    dates = [bar.date for bar in bars[other]]
    events = [
        event._replace(at=dates.index(prices.bars[other][event.at].date))
        for event in prices.events.get(other, [])
        if prices.bars[other][event.at].date in dates
    ]
    return market.Market(bars, prices.source, prices.synthetic, {code: prices.events[code], other: events})


def _client(home: str, prices: market.Market, day: str, late_factors: bool) -> Client:
    """Started the day before, so that the broker books the event; both funds are traded already, from no cell yet."""
    cells = dict.fromkeys(prices.codes, 0)
    scenario = Scenario("", "", day, day, DEFAULT_CAPS, cells, EVERY, rule=EAGER)
    return live_orders.started(home, scenario, prices, late_factors=late_factors)


def _day(client: Client, day: str, until: str) -> None:
    for at in live_orders.tick_times(client, day, EVERY):
        if at <= times.at(day, until):
            client.tick(at)
    client.run_to(times.at(day, until))


def _orders(client: Client, day: str) -> List[str]:
    """The code of each order of that day."""
    return [order.request.code for order in live_orders.booked_orders(client) if times.day(order.at) == day]
