"""Section 3, Findings: what the real tray judges, the receiver knows by name, and the page lists."""

import re
from pathlib import Path

import pytest

from receiver import receiver
from tests.receiver.receiver_bench import Bench
from tray_app import config, pushplus, report, wecom
from tray_app import strings_zh as zh
from tray_app.app import TrayApp
from tray_app.home import Home
from tray_app.outbox import FULL
from tray_app.watch import findings, health, qmt_log
from tray_app.watch.findings import GB, MB, Brood
from tray_app.watch.growth import History, Sample
from tray_app.watch.log_lines import Tell
from tray_app.worker import Lease

TRAY = Path(__file__).resolve().parents[2] / "tray_app"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
SETTINGS = config.parse("", "sentry.ini")
RUN = (10, 1000.0)


def every_sign():
    """One of each kind that the tray can make."""
    grown = History(RUN, tuple(Sample(60.0 * n, 50.0 * MB * n, 100.0 * n, None) for n in range(61)))
    brood = Brood(RUN, {"miniquote.exe": 1000.0})
    return [
        *findings.dialog(["用户登录"], SETTINGS.qmt_dialogs, 0.0),
        *findings.children(brood, RUN, [], SETTINGS.qmt_children, 9000.0)[1],
        *findings.growing(grown, SETTINGS.qmt_memory_per_hour, SETTINGS.qmt_handles_per_hour, ()),
        *findings.disk("disk", "小主机的磁盘", 0, 2 * GB, ()),
        *findings.disk("qmt-disk", "装 QMT 的磁盘", 0, 2 * GB, ()),
        *findings.clock(60.0, ()),
        *findings.restart(True),
        *findings.outbox("发件箱不能写入。"),
    ]


def test_receiver_and_page_know_every_code_of_the_tray_and_no_other():
    codes = {sign.code for sign in every_sign()}
    table = PAGE.split("### Findings")[1].split("### Kinds")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert codes == set(receiver.FINDINGS) == {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}


def test_what_is_grave_to_the_receiver_is_grave_to_the_tray():
    grave = {code for code, kind in receiver.FINDINGS.items() if kind.priority == receiver.GRAVE}
    assert set(findings.GRAVE) == grave
    assert findings.STEPS == receiver.FINDING_STEPS


@pytest.mark.parametrize(("error", "codes"), [("发件箱不能写入。", ["outbox"]), (FULL, [])], ids=["disk", "bound"])
def test_why_the_outbox_refuses_reaches_the_heartbeat_unless_only_the_receiver_is_away(
    error, codes, tmp_path, monkeypatch
):
    monkeypatch.setattr(health, "free_of", lambda path: (1, 50 * GB))
    built = TrayApp(Home(tmp_path), SETTINGS)
    part = built.parts.health._make(Lease(built.outbox, built.board))
    built.outbox._figures = built.outbox.figures()._replace(error=error)
    for seconds in range(0, 70, 5):
        part.round(1000.0 + seconds)
    told = [one["code"] for one in report.heartbeat(built)["findings"]]
    assert [code for code in told if code != "restart-pending"] == codes


def test_the_phone_calls_the_trays_parts_as_the_icon_does(tmp_path):
    built = TrayApp(Home(tmp_path), config.parse("[sentry]\nreceiver = http://127.0.0.1:9\ntoken = x\n", "sentry.ini"))
    names = {worker.name for worker in built.parts.all} | {"inbox", "last-resort"}
    assert {name: zh.PARTS[name] for name in names} == receiver.WORKER_WORDS


def test_each_trouble_of_the_tray_has_its_own_name_and_advice_on_the_phone():
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(TRAY.rglob("*.py")))
    codes = set(re.findall(r'(?:events\.trouble\(|_tell_trouble\([^"]*|code: str = |code = )\s*"([a-z-]+)"', source))
    codes |= set(re.findall(r'else "([a-z]+-set-aside)"', source))
    assert codes and codes == set(receiver.TROUBLES) - {"sources"}  # which the receiver tells of itself


def test_tray_and_receiver_have_the_same_words_for_a_vendors_refusal():
    assert wecom.NEVER == receiver.WECOM_NEVER
    assert pushplus.NEVER == receiver.PUSHPLUS_NEVER


@pytest.mark.parametrize("sign", every_sign(), ids=lambda sign: sign.code)
def test_what_the_tray_sends_is_told_with_its_own_words(sign, tmp_path):
    bench = Bench(tmp_path)
    _, found = findings.settle({sign.code: bench.time - 600}, [sign], bench.time)
    bench.run(10, every=lambda: bench.alive(findings=findings.wire(found)))
    assert bench.told() == [f"❗ {receiver.FINDINGS[sign.code].what} · mini-pc"]
    assert sign.text in bench.texts()[0].body and f"怎么办：{sign.todo}" in bench.texts()[0].body


def test_every_pattern_of_the_log_that_is_watched_by_default_has_its_own_advice(tmp_path):
    bench = Bench(tmp_path)
    for pattern in SETTINGS.qmt_log_patterns:
        assert pattern.text.lower() in receiver.LOG_KINDS
        tell = Tell(pattern.text, "XtClient.log", "line", 1, lasting=bool(pattern.ends))
        bench.post("qmt.log", **qmt_log._event(tell, "", bench.time)["data"])
    bench.run(10, every=bench.alive)
    assert len(bench.incidents()) == len(SETTINGS.qmt_log_patterns)
