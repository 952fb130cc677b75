"""What is kept for review: samples that thin out, each day's account, a file that stays bounded."""

import json

from tests.receiver.receiver_bench import at, event

ACCOUNT = {"总资产": 100000.0, "可用金额": 40000.0, "总市值": 60000.0, "总盈亏": 1200.0, "账号": "0567"}
POSITION = {"代码": "510300.SH", "名称": "沪深300ETF", "股数": 1000, "最新价": 4.0, "市值": 4000.0}


def beat(bench, **tables):
    bench.post("qmt.heartbeat", strategy="heartbeat", **tables)


def samples(bench, series, step):
    query = "SELECT at, low, high, last FROM sample WHERE series = ? AND step = ? ORDER BY at"
    return bench.rows(query, series, step)


def test_a_value_stands_in_its_minute_hour_and_day_with_low_high_and_last(bench):
    for value in (5.0, 3.0, 4.0):
        beat(bench, accounts=[{**ACCOUNT, "总资产": value}])
        bench.time += 10
    midnight = at("2026-01-05 00:00:00")
    assert samples(bench, "account.asset", 60) == [(at("2026-01-05 10:00:00"), 3.0, 5.0, 4.0)]
    assert samples(bench, "account.asset", 3600) == [(at("2026-01-05 10:00:00"), 3.0, 5.0, 4.0)]
    assert samples(bench, "account.asset", 86400) == [(midnight, 3.0, 5.0, 4.0)]


def test_two_accounts_are_added_up_and_no_sentinel_reaches_the_sum(bench):
    beat(bench, accounts=[{"总资产": 1.0}, {"总资产": 2.0}, {"总资产": None}, {"总资产": "x"}])
    assert samples(bench, "account.asset", 60)[0][3] == 3.0


def test_minutes_are_forgotten_after_days_hours_after_a_year_days_stay(bench):
    beat(bench, accounts=[ACCOUNT], positions=[POSITION])
    bench.jump("2026-01-16 10:00:00")
    bench.receiver.check_once()
    assert samples(bench, "price/510300.SH", 60) == []
    assert len(samples(bench, "price/510300.SH", 3600)) == 1
    bench.jump("2027-06-16 10:00:00")
    bench.receiver.check_once()
    assert samples(bench, "price/510300.SH", 3600) == []
    assert len(samples(bench, "price/510300.SH", 86400)) == 1


def test_the_days_last_account_is_archived_and_an_empty_one_changes_nothing(bench):
    beat(bench, accounts=[ACCOUNT], positions=[POSITION], orders=[])
    bench.time += 60
    beat(bench, accounts=[{**ACCOUNT, "总资产": 7.0}], positions=[POSITION])
    bench.time += 60
    beat(bench, accounts=[], positions=[])
    [(day, source, data)] = bench.rows("SELECT day, source, data FROM archive")
    assert (day, source) == ("20260105", "heartbeat")
    assert json.loads(data)["accounts"][0]["总资产"] == 7.0


def test_a_backlog_of_yesterday_goes_into_yesterdays_archive(bench):
    yesterday = event("qmt.heartbeat", bench.time - 86400, strategy="heartbeat", accounts=[ACCOUNT])
    bench.batch(yesterday)
    assert bench.rows("SELECT day FROM archive") == [("20260104",)]


def test_a_machine_with_any_number_of_positions_fills_only_so_many_series(bench):
    rows = [{**POSITION, "代码": f"{n:06}.SH"} for n in range(5000)]
    beat(bench, positions=rows)
    assert bench.rows("SELECT count(DISTINCT series) <= 200 FROM sample") == [(1,)]
