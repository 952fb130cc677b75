"""What the soak's oracle asks of pairs of troubles beyond being told once: when, since when, and no order there."""

import pytest

from rehearsal.soak import judge_pairs
from rehearsal.soak.telling import BAD, LINE
from tests.rehearsal.test_soak_oracle import CHANNELS, T, good, on_all, trouble

KILLED, BACK, TOLD = 100.0, 160.0, 165.0  # s after T = 2026-01-05 09:20:00 in Shanghai


def expected(**changes):
    """QMT dies at KILLED while the line is cut; it is told when the line is back, with the time of its death."""
    whole = {"mark": BAD, "word": "QMT 不在运行", "channels": None, "not_before": T + BACK, "text": ""}
    return dict(whole, since=[T + KILLED, T + KILLED + 10], **changes)


def record(messages, noted, **trouble_too):
    pair = dict(trouble("cut-qmt-killed", 90, ["QMT 不在运行"], ["QMT 在运行"]), expected=noted, **trouble_too)
    return dict(good(), troubles=[pair], messages=messages)


def told(at=TOLD, body="09:21 起，XtItClient.exe 不见了。"):
    return on_all("❗ QMT 不在运行", at, 2, body)


def test_told_after_the_cut_with_its_own_time_is_right():
    assert judge_pairs.findings(record(told(), [expected()])) == []


def test_told_before_it_could_be_known_is_found():
    assert len(judge_pairs.findings(record(told(at=BACK - 5), [expected()]))) == len(CHANNELS)


def test_told_only_when_all_was_over_is_found():
    noted = expected(not_after=T + TOLD - 1)
    assert len(judge_pairs.findings(record(told(), [noted]))) == len(CHANNELS)
    assert judge_pairs.findings(record(told(), [expected(not_after=T + TOLD)])) == []


def test_told_with_the_time_of_the_telling_is_found():
    late = told(body="09:22 起，XtItClient.exe 不见了。")
    assert len(judge_pairs.findings(record(late, [expected()]))) == len(CHANNELS)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_that_is_expected_and_silent_is_found(channel):
    others = [message for message in told() if message["channel"] != channel]
    assert judge_pairs.findings(record(others, [expected(channels=[channel])]))
    assert judge_pairs.findings(record(told(), [expected(channels=[channel])])) == []


def fill(flag, times=1):
    return [m for n in range(times) for m in on_all("ℹ️ 成交", TOLD + n, 5 + n, f"09:21 委托 {flag} 成交 200 股")]


@pytest.mark.parametrize(("times", "right"), [(0, False), (1, True), (2, False)])
def test_a_fill_during_a_cut_is_told_exactly_once(times, right):
    noted = expected(mark=LINE, word="成交", text="20260105-510300-B-01")
    noted["since"] = None
    messages = fill("20260105-510300-B-01", times) + fill("20260105-159915-S-01")
    assert (judge_pairs.findings(record(messages, [noted])) == []) is right


@pytest.mark.parametrize(("since", "until", "right"), [(-5, 5, False), (1, 60, True), (-60, 0, True)])
def test_an_order_in_a_time_without_orders_is_found(since, until, right):
    found = judge_pairs.findings(record([], [], no_orders=[[T + since, T + until]]))
    assert (found == []) is right


def test_what_comes_and_goes_too_often_need_not_be_told_on_its_own():
    kills = [trouble("qmt-killed", n, ["QMT 不在运行"], ["QMT 在运行"]) for n in (10, 20, 30)]
    pair = record([], [expected()])
    assert judge_pairs.findings(pair)
    assert judge_pairs.findings(dict(pair, troubles=[*kills, *pair["troubles"]])) == []
