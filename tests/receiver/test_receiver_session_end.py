"""A tray that stops as it should: inside a session that is an incident, after the close not, whatever the reason."""

import pytest

REASONS = ("session-end", "shutdown-task", "signal", "menu")


@pytest.mark.parametrize("reason", REASONS)
def test_inside_a_session_it_is_told_at_once(bench, reason):
    bench.alive()
    bench.post("host.stopping", reason=reason)
    bench.run(5)
    assert bench.told() == ["❗ 哨兵已退出 · mini-pc"]


@pytest.mark.parametrize("reason", REASONS)
def test_after_the_close_it_is_not(bench, reason):
    bench.jump("2026-01-05 15:15:00")
    bench.alive()
    bench.post("host.stopping", reason=reason)
    bench.run(300)
    assert bench.told() == []
