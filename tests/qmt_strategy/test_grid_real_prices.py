"""The rule over real prices: it trades where it should, plans as the live side does, and meets late factors."""

import csv
import functools
import os

import pytest

from qmt_strategy.dingtou import plan, replay
from qmt_strategy.dingtou.rule import Rule, daily_limit

FOLDER = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))),
    "shared",
    "data",
    "etf",
)
pytestmark = pytest.mark.skipif(not os.path.isdir(FOLDER), reason="no real prices at ../shared/data/etf")
HOLDING = 1000000  # shares, so that no sale is cut short


def codes():
    return sorted(name[:-4] for name in os.listdir(FOLDER) if name != "events.csv" and name.endswith(".csv"))


def rows(name):
    with open(os.path.join(FOLDER, name), newline="") as file:
        return list(csv.DictReader(file))


def events(code):
    """[(day, kind, value)] of one fund, oldest first; a split's value is new shares per old share."""
    found = [
        (row["ex_date"].replace("-", ""), row["kind"], float(row["value"]))
        for row in rows("events.csv")
        if row["code"] == code[:6]
    ]
    return sorted(found)


def adjusted(code, without=""):
    """Bars with the ratio factors made from the events; the event of day `without` is not known yet."""
    known = {day: (kind, value) for day, kind, value in events(code) if day != without}
    found = []
    factor, before = 1.0, 0.0
    for row in rows(code + ".csv"):
        day = row["date"].replace("-", "")
        kind, value = known.get(day, ("", 0.0))
        split = value if kind == "split" else 1.0
        factor *= split
        if kind == "dividend":
            factor *= before / (before - value)
        before = float(row["close"])
        prices = [float(row[name]) for name in ("open", "high", "low", "close")]
        found.append(replay.Bar(day, *prices, factor=factor, split=split))
    return found


def reference(code, index, of_bars):
    """The exchange's reference price (昨收价) of bar `index`: yesterday's close less what is paid or split today."""
    close = of_bars[index - 1].close
    for day, kind, value in events(code):
        if day == of_bars[index].date:
            close = close / value if kind == "split" else close - value
    return round(close, 3)


def frame(of_bars, index):
    """(dates, closes) before bar `index` as front_ratio shows them on that day."""
    today = of_bars[index].factor
    before = of_bars[:index]
    return [bar.date for bar in before], [bar.close * bar.factor / today for bar in before]


@functools.lru_cache(maxsize=None)
def bars(code):
    return tuple(adjusted(code))


def rule(code, **more):
    return Rule(daily_limit=daily_limit(code))._replace(**more)


def until(code, day):
    return [bar for bar in bars(code) if bar.date <= day]


def cell_before(code, day):
    """The cell of the last close before `day`: the state of an owner who begins with start_cell = current."""
    known = [i for i, bar in enumerate(bars(code)) if bar.date < day]
    if len(known) <= 850:
        return 0
    plans = list(replay.plans(bars(code)[: known[-1] + 2], rule(code)))
    return plan.wish(plans[-1], rule(code), bars(code)[known[-1]].close, 0).cell


def orders(first, last, **more):
    """All funds' orders from `first` to `last`, each fund beginning in its cell of the day before."""
    funds = [
        (code, replay.Walked(until(code, last), rule(code), cell_before(code, first), HOLDING)) for code in codes()
    ]
    return replay.replay_funds(funds, first_day=first, **more)


def shown(name, found):
    print("\n%s: %d orders" % (name, len(found)))
    for code, order in found:
        print(
            "  %s %02d:%02d %s %s %.3f yuan %.0f cell %d"
            % (
                order.day,
                order.second // 3600,
                order.second // 60 % 60,
                code,
                "BS"[order.side < 0],
                order.price,
                order.yuan,
                order.cell,
            )
        )


def test_the_first_weeks_of_february_2024_give_buys(capsys):
    found = orders("20240129", "20240209")
    without_cap = orders("20240129", "20240209", caps=replay.Caps(day_yuan=1e9))
    with capsys.disabled():
        shown("2024-01-29 to 2024-02-09, every minute, default caps", found)
        print("  without the cap of a day: %d orders" % len(without_cap))
    assert len(without_cap) > len(found) >= 20
    assert {order.side for _, order in found} == {1}


@pytest.mark.parametrize("first, last", [("20221102", "20231110"), ("20250701", "20260710")])
def test_the_windows_with_many_orders_have_them(capsys, first, last):
    every_minute = orders(first, last)
    once = orders(first, last, decide_at=14 * 3600 + 50 * 60)
    with capsys.disabled():
        print("\n%s to %s: %d orders every minute, %d once at 14:50" % (first, last, len(every_minute), len(once)))
    assert len(every_minute) > len(once) >= 5


@pytest.mark.parametrize("code", ["510500.SH", "512690.SH", "159915.SZ"])
def test_the_replays_plan_is_the_live_plan_of_the_same_day(code):
    known = bars(code)
    for index, ours in enumerate(replay.plans(known, rule(code))):
        if index < 900 or index % 97:
            continue
        dates, closes = frame(known, index)
        live = plan.day_plan(
            closes, dates, rule(code), known[index].date, dates[-1], reference(code, index, known), None, 0.001
        )
        assert live.average == pytest.approx(ours.average, rel=1e-9)
        assert live[3:] == ours[3:]


@pytest.mark.parametrize("code", ["510500.SH", "512690.SH"])
def test_tomorrow_changes_nothing_of_the_orders_up_to_today(code):
    known = list(bars(code))
    cut = 1500
    changed = known[:cut] + [bar._replace(close=bar.close * 3, low=bar.low / 3) for bar in known[cut:]]
    first = known[1000].date
    before = [order for order in replay.replay(known, rule(code), 0, 0, first_day=first) if order.day < known[cut].date]
    after = [
        order for order in replay.replay(changed, rule(code), 0, 0, first_day=first) if order.day < known[cut].date
    ]
    assert before
    assert before == after


def ex_dates():
    return [(code, day) for code in (codes() if os.path.isdir(FOLDER) else []) for day, _, _ in events(code)]


@pytest.mark.parametrize("code, day", ex_dates())
def test_a_fund_is_not_traded_on_an_ex_date_whose_factor_is_late_and_is_when_it_is_there(code, day):
    # A short average, so that the events of a fund's first years are tried as well.
    short = rule(code, ma=20)
    for without, traded in ((day, False), ("", True)):
        known = adjusted(code, without)
        index = [bar.date for bar in known].index(day)
        dates, closes = frame(known, index)
        found = plan.day_plan(closes, dates, short, day, dates[-1], reference(code, index, known), None, 0.001)
        assert (found.average > 0) is traded, found.why_not
        if not traded:
            assert "复权因子还没更新" in found.why_not
            assert plan.wish(found, short, known[index].close, 0).side == 0


@pytest.mark.parametrize("code, day", ex_dates())
def test_a_factor_that_is_late_by_days_keeps_its_fund_from_trading_until_it_is_there(code, day):
    short = rule(code, ma=20)
    right, wrong = adjusted(code), adjusted(code, day)
    index = [bar.date for bar in right].index(day)
    raw = {bar.date: bar.close for bar in right}
    late = [plan.Late(day, reference(code, index, right))]

    def on(known, number):
        dates, closes = frame(known, number)
        then = right[number].date
        return plan.day_plan(
            closes, dates, short, then, dates[-1], reference(code, number, right), None, 0.001, late, raw
        )

    for later in [days for days in (1, 2, 15) if index + days < len(right)]:
        assert on(wrong, index + later).average == 0, later
        assert on(right, index + later).average > 0, on(right, index + later).why_not


@pytest.mark.parametrize("code, day", [pair for pair in ex_dates() if pair[1] in ("20210625", "20150415", "20210517")])
def test_a_split_whose_factor_never_comes_is_found_by_its_jump(code, day):
    known = adjusted(code, day)
    index = [bar.date for bar in known].index(day) + 5
    dates, closes = frame(known, index)
    found = plan.day_plan(
        closes, dates, rule(code, ma=20), known[index].date, dates[-1], reference(code, index, known), None, 0.001
    )
    assert "超过 11%" in found.why_not
