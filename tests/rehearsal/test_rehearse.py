"""What a rehearsal's figures must show before it calls itself well done."""

import pytest

from rehearsal.rehearse import shortfalls, trade_settings

CHANNELS = ("wecom", "mail")


def figures(**changed):
    told = [{"channel": channel, "title": "❗ QMT 不在运行 · mini-pc", "seconds": 7.0} for channel in CHANNELS]
    good = {
        "lost": 0,
        "duplicates": 0,
        "events": {"qmt.heartbeat": 9, "host.heartbeat": 9},
        "latency_p99": 0.3,
        "post_cost_ms_p50": 0.5,
        "orders_wrong": [],
        "causes": [{"title": "QMT 不在运行", "seconds_left": 32.0}],
        "alerts": told,
    }
    return dict(good, **changed)


@pytest.fixture(autouse=True)
def judged_as_for_a_user(monkeypatch):
    monkeypatch.setattr("rehearsal.rehearse.TOLERANCE", 3)


def test_a_good_run_has_no_shortfall():
    assert shortfalls(figures(), CHANNELS) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"lost": 1},
        {"duplicates": 1},
        {"events": {"host.heartbeat": 9}},
        {"latency_p99": 3.1},
        {"post_cost_ms_p50": 15.1},
        {"orders_wrong": ["20260105-510300-B-01 没有到接收端"]},
        {"alerts": []},
        {"alerts": figures()["alerts"] * 2},
    ],
)
def test_what_was_not_kept_is_named(changed):
    assert shortfalls(figures(**changed), CHANNELS)


def test_a_cause_at_the_very_end_may_still_be_untold():
    assert shortfalls(figures(alerts=[], causes=[{"title": "已恢复", "seconds_left": 5.0}]), CHANNELS) == []


def test_every_fund_of_a_data_folder_is_traded(tmp_path):
    for name in ("510300.SH.csv", "159915.SZ.csv", "events.csv"):
        (tmp_path / name).touch()
    assert trade_settings(tmp_path, 40)["funds"] == "159915.SZ, 510300.SH"


def test_a_long_run_decides_once_a_minute_as_in_real_life():
    assert [trade_settings(None, seconds)["decide"] for seconds in (None, 600, 40)] == [
        "minute",
        "minute",
        "once 09:30",
    ]


def test_a_python_without_pandas_rehearses_the_heartbeat_alone(monkeypatch):
    monkeypatch.setattr("rehearsal.rehearse.importlib.util.find_spec", lambda name: name != "pandas")
    assert trade_settings(None, 40) is None
