"""The tray's bench at a tiny size, for real: every figure comes about, and nothing is lost on the way."""

import sys

import pytest

from rehearsal.bench import promises, tray, tray_outbox, whole

TINY = tray.Size(events=120, latencies=2, starts=1, rounds=2, clicks=1, posts=20, seconds=0.2, probes=10)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the bench reads a program's memory from /proc")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return tray.measure(tmp_path_factory.mktemp("bench"), TINY)


@on_linux
def test_every_line_of_the_tray_gets_its_figure(found, monkeypatch, tmp_path):
    monkeypatch.setattr(tray, "measure", lambda *_: found)
    _, lines = whole.of_tray(tmp_path, False)
    assert set(lines) == {line.key for line in promises.TRAY}
    for key, one in lines.items():
        assert one["median"] is not None and one["count"] > 0, key


@on_linux
def test_its_own_command_names_each_watcher_and_where_the_windows_figures_are(found):
    said = "\n".join(tray.lines(found))
    assert all(name + " 看一次" in said for name in promises.WATCHERS)
    assert "test_installed_cost.py" in said


def test_what_goes_through_the_outbox_is_all_taken(tmp_path):
    with tray_outbox.Stub() as stub:
        rates = tray_outbox.measure(tmp_path, stub, 60)
    assert rates.left == 0 and len(rates.put) == tray_outbox.ROUNDS and len(rates.sent) == len(rates.sent_bare) == 1
