"""The whole chain on a Windows Python: the same rehearsal that a stranger on Windows starts with run.py."""

import json

from installer.wine_desktop import windows_path
from rehearsal.road import ROOT


def test_the_rehearsal_loses_nothing_and_tells_that_qmt_was_killed(windows, tmp_path):
    report = tmp_path / "r.json"
    options = ["-m", "rehearsal", "--for", "45", "--headless", "--report", windows_path(report)]
    ended = windows.run(options, env={"QMT_SENTRY_TOLERANCE": "12"}, cwd=ROOT, timeout=300)
    assert ended.returncode == 0, ended.stdout
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["lost"] == figures["duplicates"] == 0
    assert figures["orders_wrong"] == []
    titles = [(alert["channel"], alert["title"][:1]) for alert in figures["alerts"] if "QMT" in alert["title"]]
    assert sorted(titles) == sorted((channel, mark) for channel in ("wecom", "pushplus", "mail") for mark in "❗✅")
