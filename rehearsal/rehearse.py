"""The rehearsal: start the chain, show what runs where, let the ETF grid trade, kill QMT once and bring it back, print
what the phone gets."""

import importlib.util
import json
import time
from pathlib import Path
from typing import NamedTuple

from rehearsal import market, oracle
from rehearsal.clock import clock_text
from rehearsal.promised import COST, LATENCY, TOLD, TOLERANCE

TIMES = {"tick": 1.3}  # s between ticks: a day's path takes 79 s, so that looks once a minute meet different prices
STORY_BACK = 8  # s after the kill until QMT is started again
STORY_NEEDS = 34  # s that a run must last for the story to end well
LONG_FROM = 150  # s that a run must last for the strategy to look once a minute, as in real life


class Opening(NamedTuple):
    """How a rehearsal begins: what the strategy's `decide` is, what all parts' clocks show (a rehearsal begins at any
    hour, the exchange does not), and how many seconds later QMT is killed. By then the first orders are placed."""

    decide: str
    clock: str
    story_after: float


SHORT = Opening("once 09:30", "10:00:00", 16)  # it decides as soon as it believes the account
LONG = Opening("minute", "09:59:40", 30)


def opening(seconds):
    """The opening of a run of `seconds` (None: until Ctrl-C)."""
    return SHORT if seconds is not None and seconds < LONG_FROM else LONG


CHANNEL_NAMES = {"wecom": "企业微信", "pushplus": "pushplus", "mail": "邮件"}


class Deed:
    """One step of the story: when (s after the start), what is said, what is done, whose title it explains."""

    def __init__(self, after, text, title, act):
        self.after, self.text, self.title, self.act = after, text, title, act


def story(road, after):
    """What a first rehearsal shows: QMT dies, the phone is told; QMT is back, the phone is told."""
    return [
        Deed(after, "现在强行结束 QMT……", "QMT 不在运行", lambda: road.qmt.kill()),
        Deed(after + STORY_BACK, "现在重新打开 QMT……", "已恢复", lambda: road.start_qmt()),
    ]


def trade_settings(data, seconds):
    """[strategy] of the rehearsal: every fund that has prices. None where the strategy cannot run."""
    if not all(importlib.util.find_spec(name) for name in ("numpy", "pandas")):
        return None
    codes = (
        sorted(path.stem for path in Path(data).glob("*.csv")) if data else sorted(code for code, _, _ in market.ETFS)
    )
    funds = [code for code in codes if code.endswith((".SH", ".SZ"))]
    return {"funds": ", ".join(funds), "decide": opening(seconds).decide}


def pages(road):
    """What a person looks at: (name, address, note)."""
    return [
        ("看板", road.receiver_url + "/", f"密码 {road.password}"),
        ("模拟手机", road.phone_url + "/", "收到的消息显示在这里"),
    ]


def programs(road):
    """What runs where: (name, process, note)."""
    return [
        ("接收端", f"进程 {road.receiver.pid}", str(road.receiver_ini)),
        ("哨兵", f"进程 {road.tray.pid}", f"旧脚本发到 http://127.0.0.1:{road.inbox_port}/api"),
        ("模拟 QMT", f"进程 {road.qmt.pid}", str(road.qmt_folder)),
    ]


def table(rows):
    return [f"  {pad(name, 10)}{pad(where, 26)}{note}" for name, where, note in rows]


def pad(text, width):
    """Fill up to a width in terminal cells, where a Chinese character takes two."""
    cells = sum(2 if ord(character) > 0x2E7F else 1 for character in text)
    return text + " " * max(1, width - cells)


def rehearse(road, seconds, with_story, say=print):
    """Run until `seconds` are over (None: until Ctrl-C). Returns the report."""
    clock = road.now
    say("正在启动……")
    begins = opening(seconds)
    road.set_clock(begins.clock)
    road.start()
    started = clock()
    say("QMT 哨兵演练：程序都是真的；QMT、手机、账户和行情是模拟的。")
    say("先在浏览器里打开这两页：")
    for line in table(pages(road)):
        say(line)
    if with_story:
        say(f"接着看：{begins.story_after:g} 秒后强行结束 QMT，手机几秒内收到告警；再打开它，手机收到恢复。")
    if not road.trade:
        say("这个 Python 没有 numpy 或 pandas，ETF 网格不运行，只有心跳。")
    say(f"所有的钟都从 {begins.clock} 走起。正在运行的程序：")
    for line in table(programs(road)):
        say(line)
    say("按 Ctrl-C 结束。" if seconds is None else f"{seconds:g} 秒后自动结束。")
    deeds = story(road, begins.story_after) if with_story else []
    causes, shown, state, placed = [], 0, "", 0
    try:
        while seconds is None or clock() - started < seconds:
            if deeds and clock() - started >= deeds[0].after:
                deed = deeds.pop(0)
                say(f"{clock_text(clock())} {deed.text}")
                causes.append((clock(), deed.title))
                deed.act()
            for message in road.messages()[shown:]:
                shown += 1
                took = oracle.seconds_since_cause(message, causes)
                after = "" if took is None else f"（{took:.1f} 秒后）"
                name = CHANNEL_NAMES[message["channel"]]
                say(f"{clock_text(message['at'])} 手机·{name}：{message['shown']['title']}{after}")
            state = show_tray_state(road, state, say, clock)
            placed = show_orders(road, placed, say)
            for child in road.children():
                if not child.running() and child is not road.qmt:
                    raise SystemExit(f"{child.name} 意外退出了：请看 {child.log}")
            time.sleep(0.2)
    except KeyboardInterrupt:
        say("")
    ended = clock()
    say("正在结束……")
    settle(road)
    result = oracle.report(road, ended - started, ended, causes)
    road.stop()
    return result


def show_orders(road, shown, say):
    """Say what the strategy orders."""
    calls = oracle.calls(road.qmt_folder)
    for call in calls[shown:]:
        side = "买入" if "-B-" in call["remark"] else "卖出"
        say(f"{clock_text(call['at'])} 策略下单：{side} {call['code']}，委托 {call['remark']}")
    return len(calls)


COLOURS = {"OK": "绿", "ATTENTION": "黄", "TROUBLE": "红", "PAUSED": "蓝", "NOT-TRADING": "灰"}


def show_tray_state(road, before, say, clock):
    """The headless tray prints its state as a line at each change: show it here too."""
    lines = [line for line in road.tray.text().splitlines() if line.startswith("[")]
    now = lines[-1] if lines else ""
    if now and now != before:
        icon, _, said = now[1:].partition("] ")
        say(f"{clock_text(clock())} 图标{COLOURS.get(icon, icon)}：{said}")
    return now


def settle(road, seconds=60.0):
    """Let the receiver learn how the orders ended, stop QMT, then let what it posted arrive: without this the last post
    of every run would look lost."""
    deadline = time.monotonic() + seconds
    if road.qmt is not None and road.qmt.running():
        road.tell_qmt("behaviour no_fills")  # what is still open stays so
        while time.monotonic() < deadline and oracle.orders_told_wrong(road):
            time.sleep(0.2)
        road.qmt.stop()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        posted = oracle.read_lines(road.qmt_folder / "posted.jsonl")
        if not oracle.lost_posts(posted, {event["id"] for event in road.stored()}):
            return
        time.sleep(0.1)


def summary(result):
    """The report as three short lines for people."""
    count = sum(result["events"].values())
    lines = [
        f"共 {result['seconds']:g} 秒，接收端存下 {count} 条，丢失 {result['lost']}，重复 {result['duplicates']}，"
        f"手机收到 {len(result['alerts'])} 条消息。"
    ]
    if result["latency_p99"] is not None:
        lines.append(
            f"从策略发出到接收端落盘：中位 {result['latency_p50']:.2f} 秒，99% 在 {result['latency_p99']:.2f} 秒内。"
        )
    lines.append(
        f"策略下了 {result['orders']} 笔委托，全部成交 {result['orders_filled']} 笔（{result['fills']} 笔成交记录），"
        f"接收端与柜台不一致 {len(result['orders_wrong'])} 处。"
    )
    if result["post_cost_ms_p99"] is not None:
        lines.append(f"策略每次发送自身耗时：99% 在 {result['post_cost_ms_p99']:.1f} 毫秒内。")
    return lines


def shortfalls(result, channels):
    """What the run did not keep of its word, as Chinese sentences. Times count only beyond three times the promise."""
    found = []
    if result["lost"]:
        found.append(f"丢失了 {result['lost']} 条")
    if result["duplicates"]:
        found.append(f"重复了 {result['duplicates']} 条")
    found += result["orders_wrong"]
    missing = [kind for kind in ("qmt.heartbeat", "host.heartbeat") if not result["events"].get(kind)]
    found += [f"接收端没有收到 {kind}" for kind in missing]
    if result["latency_p99"] is not None and result["latency_p99"] > TOLERANCE * LATENCY:
        found.append(f"从发出到落盘 99% 要 {result['latency_p99']:.1f} 秒（承诺 {LATENCY:g} 秒）")
    # Of a few dozen posts the 99th percentile is one post's luck with the disk: it is shown, the median is judged.
    if result["post_cost_ms_p50"] is not None and result["post_cost_ms_p50"] > TOLERANCE * COST:
        found.append(f"策略每次发送自身耗时中位 {result['post_cost_ms_p50']:.1f} 毫秒（承诺 {COST:g} 毫秒）")
    for cause in result["causes"]:
        for channel in channels:
            told = sum(1 for a in result["alerts"] if a["channel"] == channel and cause["title"] in a["title"])
            overdue = cause["seconds_left"] > TOLERANCE * TOLD
            if told > 1 or (told == 0 and overdue):
                found.append(f"{CHANNEL_NAMES[channel]} 收到 {told} 条“{cause['title']}”（应为 1 条）")
    return found


def write_report(result, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, indent=2)
