"""Where a drill plays: it does something, waits for the phone, checks; everything is printed with its time.

Times are promised, not judged tightly: machines are shared, so only beyond three times the promise does a drill fail.
"""

import json
import random
import time

from rehearsal import oracle
from rehearsal.clock import clock_text
from rehearsal.promised import COST, TOLERANCE
from rehearsal.road import Road


class Stage:
    """One run of one drill: the road, what was done, what was checked."""

    def __init__(self, name, folder, seed, full, times, trade=None, say=print):
        self.name, self.seed, self.full = name, seed, full
        self.random = random.Random(seed)
        self.road = Road(folder, seed=seed, times=times, trade=trade)
        self.say = lambda text: say(text, flush=True)
        self.checks = []
        self.times = []
        self.started = time.time()

    # Doing

    def did(self, text):
        """Say what is being done. Returns the epoch second."""
        at = self.road.now()
        self.say(f"  {clock_text(at)} {text}")
        return at

    def start_road(self):
        """Start all parts and wait until the receiver has both heartbeats and knows that QMT runs."""
        self.road.start()

        def all_well():
            stored = self.road.stored()
            seen_running = any(e["kind"] == "qmt.process" and e["data"]["state"] == "running" for e in stored)
            return seen_running and {"qmt.heartbeat", "host.heartbeat"} <= {e["kind"] for e in stored}

        self.until(all_well, 90, "接收端收到心跳并看到 QMT 在运行")
        self.did("全部就绪")

    def kinds(self):
        return {event["kind"] for event in self.road.stored()}

    def until(self, condition, seconds, text):
        """Wait until the condition holds; a check fails if it never does. Returns whether it did."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.1)
        self.check(False, f"{text}（等了 {seconds:g} 秒）")
        return False

    def watch(self, seconds):
        """Let time pass in which nothing further may happen."""
        time.sleep(seconds)

    def deliveries_marked(self):
        """Wait until the receiver has marked every delivery: a kill between a vendor's yes and the mark excuses a
        repeat, so a drill about something else keeps out of that moment."""
        self.until(lambda: not oracle.deliveries_open(self.road.database), 60, "接收端记下了每条告警的结果")

    # What the phone got

    def with_title(self, text, since=0.0):
        """Messages whose title holds the text, oldest first."""
        return [m for m in self.road.messages() if text in m["shown"]["title"] and m["at"] >= since]

    def expect_on_every_channel(self, text, cause, promised):
        """Exactly one message with this in the title on each channel. Returns the first one, or None."""
        channels = set(self.road.channels)
        deadline = time.monotonic() + promised * TOLERANCE
        while time.monotonic() < deadline:
            if channels <= {m["channel"] for m in self.with_title(text, cause)}:
                break
            time.sleep(0.1)
        found = self.with_title(text, cause)
        for message in found:
            self.say(f"  {clock_text(message['at'])} 手机·{message['channel']}：{message['shown']['title']}")
        counts = [sum(1 for m in found if m["channel"] == channel) for channel in sorted(channels)]
        self.check(counts == [1] * len(channels), f"每个通道恰好一条“{text}”（{dict(zip(sorted(channels), counts))}）")
        if found:
            self.timed(f"“{text}”到手机", max(m["at"] for m in found) - cause, promised)
        return found[0] if found else None

    def expect_words(self, message, words):
        """The message says each of these things."""
        text = "" if message is None else message["shown"]["title"] + "\n" + message["shown"]["body"]
        for word in words:
            self.check(word in text, f"消息里有“{word}”")

    def only_these(self, *titles):
        """Every message on the phone has one of these in its title, and none came twice."""
        others = [
            m["shown"]["title"]
            for m in self.road.messages()
            if not all(any(title in part for title in titles) for part in parts_of(m["shown"]["title"]))
        ]
        self.check(not others, f"除此以外没有别的消息{others or ''}")
        doubled = oracle.doubled_messages(self.road.messages())
        self.check(not doubled, f"没有一条消息重复{[title for _, title, _ in doubled] or ''}")

    # Judging

    def check(self, passed, text):
        self.checks.append({"passed": bool(passed), "text": text})
        self.say(f"  {'通过' if passed else '失败'}：{text}")

    def timed(self, what, seconds, promised):
        """Print a time beside its promise; only beyond three times the promise is it a failure."""
        self.times.append({"what": what, "seconds": round(seconds, 2), "promised": promised})
        self.say(f"  用时：{what} {seconds:.1f} 秒（承诺 {promised:g} 秒）")
        if seconds > promised * TOLERANCE:
            self.check(False, f"{what}超过承诺的 {TOLERANCE:g} 倍")

    def cost_of_posts(self, skip=0):
        """The strategy's own milliseconds per post, but the first `skip`: promised 5 at the 99th percentile.

        Of a dozen posts the 99th percentile is one post's luck with the disk: it is printed, the median is judged.
        """
        costs = oracle.post_costs(self.road.qmt_folder, skip)
        median, high = oracle.percentile(costs, 0.5), oracle.percentile(costs, 0.99)
        text = f"策略 {len(costs)} 次发送的自身耗时：中位 {median} 毫秒，99% 在 {high} 毫秒内（承诺 {COST:g} 毫秒）"
        self.check(costs and median <= COST * TOLERANCE, text)

    def nothing_lost(self):
        """Stop QMT, let everything arrive, then compare the books: nothing lost, nothing doubled."""
        self.road.qmt.stop()
        posted_file = self.road.qmt_folder / "posted.jsonl"

        def missing():
            stored = {event["id"] for event in self.road.stored()}
            return oracle.lost_posts(oracle.read_lines(posted_file), stored)

        self.until(lambda: not missing(), 90, "发出的都已到达接收端")
        posted = oracle.read_lines(posted_file)
        self.check(posted and not missing(), f"策略发出 {len(posted)} 条，丢失 {len(missing())} 条")
        doubled = oracle.doubled_posts(self.road.stored())
        self.check(not doubled, f"重复入库 {len(doubled)} 条")

    def finish(self, report=None):
        passed = bool(self.checks) and all(check["passed"] for check in self.checks)
        self.say(f"{self.name}: {'PASS' if passed else 'FAIL'}（{time.time() - self.started:.0f} 秒）")
        if report:
            result = {"drill": self.name, "passed": passed, "checks": self.checks, "times": self.times}
            with open(report, "w", encoding="utf-8") as file:
                json.dump(result, file, ensure_ascii=False, indent=2)
        return passed


def parts_of(title):
    """What one title tells: bad news are joined by 、; good news may list several things that are well again."""
    what = title.split(" · ")[0]
    return [what] if what.startswith("✅") else what.split("、")
