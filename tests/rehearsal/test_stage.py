"""What a drill accepts: every message on the phone is accounted for, part by part."""

import pytest

from rehearsal.drills.stage import Stage, parts_of


class Phone:
    def __init__(self, *titles):
        self._titles = titles

    def messages(self):
        return [{"channel": "wecom", "at": 0.0, "shown": {"title": title, "body": ""}} for title in self._titles]


def judged(tmp_path, title, *expected):
    stage = Stage("drill", tmp_path, 1, False, {}, say=lambda *_, **__: None)
    stage.road = Phone(title)
    stage.only_these(*expected)
    return all(check["passed"] for check in stage.checks)


@pytest.mark.parametrize(
    "title", ["❗ 委托被拒 · mini-pc", "❗ 委托被拒、策略下单 · mini-pc", "✅ 已恢复：QMT、策略 · mini-pc"]
)
def test_what_was_expected_passes(tmp_path, title):
    assert judged(tmp_path, title, "委托被拒", "策略下单", "已恢复")


@pytest.mark.parametrize("title", ["❗ QMT 没有登录资金账号 · mini-pc", "❗ 委托被拒、QMT 没有登录资金账号 · mini-pc"])
def test_a_part_that_nobody_expected_fails_the_drill_even_beside_an_expected_one(tmp_path, title):
    assert not judged(tmp_path, title, "委托被拒")


def test_good_news_is_one_part():
    assert parts_of("✅ 已恢复：QMT、策略 · mini-pc") == ["✅ 已恢复：QMT、策略"]
