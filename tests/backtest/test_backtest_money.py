"""XIRR and risk figures, against independent solvers and the oracle library."""

import datetime
import math
import random

import numpy
import pytest

from qmt_strategy.backtest import figures, metrics, money


def test_xirr_of_money_that_doubles_in_a_year_is_100_percent():
    assert money.xirr([("20230101", -100.0), ("20240101", 200.0)]) == pytest.approx(1.0, abs=1e-9)


def test_xirr_counts_when_the_money_came():
    # 100 for two years and 100 for one at 10 %: 121 + 110.
    flows = [("20210101", -100.0), ("20220101", -100.0), ("20230101", 231.0)]
    assert money.xirr(flows) == pytest.approx(0.10, abs=1e-9)


def test_xirr_of_a_loss_is_negative_and_of_nothing_undefined():
    assert money.xirr([("20230101", -100.0), ("20240101", 50.0)]) == pytest.approx(-0.5, abs=1e-9)
    assert math.isnan(money.xirr([]))
    assert math.isnan(money.xirr([("20230101", -100.0)]))
    assert math.isnan(money.xirr([("20230101", -100.0), ("20230101", 110.0)]))


def test_xirr_agrees_with_an_independent_solver():
    brentq = pytest.importorskip("scipy.optimize").brentq
    chance = random.Random(4)
    for _ in range(30):
        days = sorted(chance.sample(range(3000), 12))
        flows = [(datetime.date(2012, 1, 1) + datetime.timedelta(day), -chance.uniform(1, 1e5)) for day in days[:-1]]
        end = datetime.date(2012, 1, 1) + datetime.timedelta(days[-1])
        flows.append((end, -sum(value for _, value in flows) * chance.uniform(0.5, 3)))
        worth = lambda rate: sum(value / (1 + rate) ** ((day - flows[0][0]).days / 365) for day, value in flows)  # noqa: B023, E731
        expected = brentq(worth, -0.999, 1000, xtol=1e-13)
        ours = money.xirr([(day.strftime("%Y%m%d"), value) for day, value in flows])
        assert ours == pytest.approx(expected, abs=1e-8)


def test_money_brought_in_is_no_gain():
    # 100 come; 10 % up; 90 more come; then 5 % down.
    returns = money.unit_returns([100.0, 110.0, 190.0], [100.0, 0.0, 90.0])
    assert list(returns) == pytest.approx([0.0, 0.1, -0.05])
    assert money.unit_values(returns)[-1] == pytest.approx(1.045)


def test_before_the_first_money_nothing_is_earned():
    assert list(money.unit_returns([0.0, 0.0, 50.0], [0.0, 0.0, 50.0])) == [0.0, 0.0, 0.0]


def test_the_same_flows_buy_the_benchmark_at_its_price_of_the_day():
    worth = money.same_flows([100.0, 0.0, 50.0], [1.0, 2.0, 4.0])
    assert list(worth) == [100.0, 200.0, 450.0]


def returns_of(seed, count=900):
    return numpy.random.RandomState(seed).normal(0.0004, 0.012, count)


@pytest.mark.parametrize("seed", range(4))
def test_risk_figures_agree_with_the_oracle_library(seed):
    empyrical = pytest.importorskip("empyrical")
    returns = returns_of(seed)
    rate, year = 0.02, metrics.YEAR
    assert metrics.total(returns) == pytest.approx(empyrical.cum_returns_final(returns))
    assert metrics.volatility(returns) == pytest.approx(empyrical.annual_volatility(returns, annualization=year))
    assert metrics.sharpe(returns, rate) == pytest.approx(
        empyrical.sharpe_ratio(returns, risk_free=rate / year, annualization=year)
    )
    assert metrics.sortino(returns, rate) == pytest.approx(
        empyrical.sortino_ratio(returns, required_return=rate / year, annualization=year)
    )
    assert metrics.drawdown_curve(returns).min() == pytest.approx(empyrical.max_drawdown(returns))
    days = [(datetime.date(2020, 1, 1) + datetime.timedelta(i)).strftime("%Y%m%d") for i in range(len(returns))]
    growth = metrics.cagr(returns, days[0], days[-1])
    calendar = 365 * len(returns) / (len(returns) - 1)  # so that the library's years are ours
    assert growth == pytest.approx(empyrical.annual_return(returns, annualization=calendar))
    assert growth / -metrics.drawdowns(days, returns)[0].depth == pytest.approx(
        empyrical.calmar_ratio(returns, annualization=calendar)
    )


def test_a_drawdown_has_its_dates():
    days = ["20240101", "20240102", "20240103", "20240104", "20240105", "20240106"]
    falls = metrics.drawdowns(days, [0.0, 0.1, -0.1, -0.1, 0.3, -0.05])
    assert [(fall.peak, fall.trough, fall.end) for fall in falls] == [
        ("20240102", "20240104", "20240105"),
        ("20240105", "20240106", ""),
    ]
    assert falls[0].depth == pytest.approx(-0.19)


def test_months_and_years_multiply_their_days():
    days = ["20240130", "20240131", "20240201", "20250102"]
    assert metrics.by_month(days, [0.1, 0.1, -0.5, 0.2]) == pytest.approx(
        {"202401": 0.21, "202402": -0.5, "202501": 0.2}
    )
    assert metrics.by_year(days, [0.1, 0.1, -0.5, 0.2]) == pytest.approx({"2024": 1.21 * 0.5 - 1, "2025": 0.2})


def test_undefined_figures_are_nan_and_become_none():
    assert math.isnan(metrics.sharpe([0.0] * 10, 0.0))
    assert math.isnan(metrics.sortino([0.01] * 10, 0.0))
    assert figures.clean({"a": [math.nan, 1.0]}) == {"a": [None, 1.0]}


def test_the_originals_figure_treats_all_money_as_there_from_the_first_day():
    assert metrics.original_annualised(100.0, 221.0, 21.0, 10.0) == pytest.approx(2**0.1 - 1)
    assert figures.whole_years("20130101", "20221231") == 10.0
    assert figures.whole_years("20130104", "20221230") == 10.0
