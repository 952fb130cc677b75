"""Ex-dates whose adjustment factors come a day late, through etf_grid.py in the simulated QMT."""

import sys

import pytest

from rehearsal import market
from rehearsal.fortnight import late_factors, report
from rehearsal.fortnight.scenarios import REAL_PRICES


def test_a_fund_is_not_traded_on_an_ex_date_with_late_factors_and_is_the_next_day(folders, real_prices, capsys):
    prices = market.from_folder(real_prices)
    dates = report.ex_dates(prices, real_prices, seed=1, full=False)
    for code, day in dates if sys.version_info >= (3, 8) else dates[::3]:  # the long form runs on the newer Pythons
        found = late_factors.run(prices, code, day, folders(), folders())
        with capsys.disabled():
            print("\n  %s" % (found,), end="")
        assert found.as_promised, found


def test_the_sample_has_every_split_and_the_full_list_every_event(real_prices):
    prices = market.from_folder(real_prices)
    full = report.ex_dates(prices, real_prices, seed=1, full=True)
    sample = report.ex_dates(prices, real_prices, seed=1, full=False)
    with open(REAL_PRICES + "/events.csv") as file:
        assert len(full) == len(file.read().split()) - 1
    splits = [pair for pair in full if [event.kind for event in prices.events_on(*pair)] == ["split"]]
    assert set(splits) < set(sample) < set(full)


@pytest.mark.parametrize("more, promised", [({"late": 1}, False), ({"told": 0}, False), ({"next_day": 0}, False)])
def test_what_is_promised_of_an_ex_date(more, promised):
    kept = late_factors.ExDate("510300.SH", "20240118", 0, 1, "159915.SZ", 3, 1, 1, False)
    assert kept.as_promised
    assert kept._replace(**more).as_promised is promised
