"""What a worried reader sees on a phone: each alarm says briefly what, since when and what to do, in known words."""

import re
from dataclasses import replace

import pytest

from receiver import receiver
from tests.contract.test_contract_findings import every_sign
from tests.receiver.receiver_bench import at
from tray_app import strings_zh as zh

NOW, SINCE = at("2026-01-05 14:02:20"), at("2026-01-05 13:58:11")
MOST_HAN, MOST_BODY, MOST_LINES = 20, 150, 4
OURS_ALONE = re.compile(
    r"spool|outbox|watchdog|VPS|control/|worker|qmt[.-]|host[.-]", re.IGNORECASE
)  # no reader's words


class Picture:
    """What the accusations ask of the receiver's own."""

    def __init__(self, machine, sources):
        self.machine, self.sources, self.now = machine, sources, NOW
        self.qmt = sources[0]

    def qmt_known(self):
        return True


def every_accusation():
    machine = receiver.Machine("mini-pc")
    machine.heard = machine.mode_at = SINCE
    machine.mode_why = "sentry.ini [strategy] mode = live 还需要 [account] id"
    stopped = replace(machine, stopped=SINCE, stop_reason="menu")
    data = {"name": "XtItClient.exe", "path": "D:\\QMT\\XtItClient.exe", "left": ["miniquote.exe"]}
    qmt = receiver.Source("mini-pc", "qmt.process", "")
    qmt = replace(qmt, behind=1, state="missing", state_since=SINCE, last_well=SINCE - 2, data=data)
    grid = receiver.Source("mini-pc", "qmt.heartbeat", "etf_grid")
    ticks = {"tick_at": SINCE, "tick_code": "510300.SH"}
    grid = replace(grid, behind=1, last_seen=SINCE, logged_out_since=SINCE, data=ticks)
    old = replace(receiver.Source("mini-pc", "old.qmt", ""), last_seen=SINCE)
    order = receiver.Order("mini-pc", "20260105-512690-B-01")
    order.state, order.placed = "working", SINCE
    order.data = {"code": "512690.SH", "side": "B", "shares": 7500.0, "name": "酒ETF"}
    yield receiver.accuse_host(Picture(machine, [qmt, grid]))
    yield receiver.accuse_host(Picture(stopped, [qmt, grid]))
    for state in ("missing", "hung", "elsewhere"):
        yield receiver.accuse_qmt(replace(qmt, state=state), NOW)
    for source in (grid, old):
        yield receiver.accuse_script(source, Picture(machine, [replace(qmt, state="running"), grid]))
    yield receiver.accuse_grid(machine, NOW)
    yield receiver.accuse_login(grid, NOW)
    yield receiver.accuse_tick(grid, NOW)
    for sign in every_sign():
        found = {"code": sign.code, "since": SINCE, "text": sign.text, "todo": sign.todo}
        yield receiver.accuse_finding(found, machine, NOW)
    for name in receiver.WORKER_WORDS:
        yield receiver.accuse_worker(name, 64.0, 10.0, NOW)
    yield receiver.accuse_unknown(order, "60 秒里查了 3 次都没有", SINCE, NOW)
    yield receiver.accuse_rejected(order, "[120147][证券可用数量不足]", SINCE, NOW)
    yield receiver.accuse_unfilled(order, "", NOW)
    yield receiver.accuse_stop(SINCE, NOW)
    yield receiver.accuse_observe(machine, NOW)
    yield receiver.accuse_stopped_fund("512690.SH", "512690.SH 今天不交易：日线的最后一天是 20251231", SINCE, NOW)
    yield receiver.accuse_disk("1", "读写磁盘失败（磁盘满了）", SINCE, NOW)
    yield receiver.accuse_strategy({"strategy": "etf_grid", "traceback": "KeyError: '510300.SH'"}, SINCE, NOW)
    for code in (*receiver.TROUBLES, "of-a-newer-tray"):
        yield receiver.accuse_trouble({"code": code, "what": zh.NO_SHUTDOWN_YET}, SINCE, NOW)
    for pattern in (*receiver.LOG_KINDS, "拒绝"):
        yield receiver.accuse_log({"pattern": pattern, "file": "XtClient.log", "line": "10:00:01 x"}, SINCE, NOW)
    yield receiver.accuse_clock(45.0, NOW)
    yield receiver.accuse_channel("pushplus", "token 不对（code 903）", SINCE, NOW)


def incident_of(one):
    known = {key: getattr(one, key) for key in ("kind", "name", "since", "what", "well", "detail", "todo", "mark")}
    more = {"opened": NOW, "seen": SINCE, "priority": one.priority, "one_off": int(one.one_off)}
    return receiver.Incident(id=12, machine="mini-pc", **known, **more)


@pytest.mark.parametrize("accusation", every_accusation(), ids=lambda one: f"{one.kind} {one.what}")
def test_an_alarm_says_first_what_to_do_then_since_when_briefly_and_in_the_readers_words(accusation):
    title, body, _ = receiver.alert_text([incident_of(accusation)], "https://s.example.com")
    todo, *facts = body.splitlines()
    assert todo.startswith("怎么办：") and facts
    if accusation.kind != "clock":  # whose own clock is the one that is wrong
        assert "13:58" in facts[0] or "14:01" in facts[0]
    assert len(re.findall("[\u4e00-\u9fff]", title)) <= MOST_HAN
    assert len(body) <= MOST_BODY and len(facts) < MOST_LINES
    assert not OURS_ALONE.search(title + body)


def test_no_sentence_of_the_tray_names_one_of_its_own_parts():
    said = [text for name, text in vars(zh).items() if name.isupper() and isinstance(text, str)]
    assert said and not [text for text in said if OURS_ALONE.search(text.replace("systemctl restart qmt-sentry", ""))]
