"""What a rehearsal's figures must show before it calls itself well done."""

import pytest

from rehearsal.rehearse import shortfalls

CHANNELS = ("wecom", "mail")


def figures(**changed):
    told = [{"channel": channel, "title": "❗ QMT 不在运行 · mini-pc", "seconds": 7.0} for channel in CHANNELS]
    good = {
        "lost": 0,
        "duplicates": 0,
        "events": {"qmt.heartbeat": 9, "host.heartbeat": 9},
        "latency_p99": 0.3,
        "post_cost_ms_p50": 0.5,
        "causes": [{"title": "QMT 不在运行", "seconds_left": 32.0}],
        "alerts": told,
    }
    return dict(good, **changed)


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
        {"alerts": []},
        {"alerts": figures()["alerts"] * 2},
    ],
)
def test_what_was_not_kept_is_named(changed):
    assert shortfalls(figures(**changed), CHANNELS)


def test_a_cause_at_the_very_end_may_still_be_untold():
    assert shortfalls(figures(alerts=[], causes=[{"title": "已恢复", "seconds_left": 5.0}]), CHANNELS) == []
