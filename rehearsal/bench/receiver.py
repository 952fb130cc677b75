"""接收端的速度和大小：旧协议每秒多少条、v1 每秒多少事件、各页面多快、内存多少"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from rehearsal import pastyear
from rehearsal.bench import machine
from rehearsal.bench.posting import KeptAlive, post_all
from rehearsal.children import Child
from rehearsal.fuzz_receiver import log_in, memory_mb
from rehearsal.pastyear import MACHINES
from rehearsal.road import ROOT, Road

CONNECTIONS = 8
CLIENTS = 2  # processes that post: more would measure them, not the receiver
BATCH = 1000
EVENTS, FULL_EVENTS = 50_000, 1_000_000
POSTS, FULL_POSTS = 2_000, 20_000
VISITS = 100
SOAK_SECONDS = 20 * 60
YEAR_DAYS = 245  # trading days
PROMISED = {"posts": 1000, "events": 15000, "page_p99_ms": 50, "memory_mb": 48}
PAGES_PATTERN = re.compile(r'^    "(\w*)": PageKind\(', re.MULTILINE)


def main(argv=None):
    """Prints the figures beside what is promised; with --full the promised sizes and 20 minutes of soak."""
    parser = argparse.ArgumentParser(prog="run.py bench receiver")
    parser.add_argument("--full", action="store_true", help="a million events, then 20 minutes of steady posts")
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="qmt-sentry-bench-", dir=os.environ.get("TMPDIR")) as folder:
        found = measure(Path(folder), options.full)
    for line in lines(found):
        print(line)
    if options.report:
        Path(options.report).write_text(json.dumps({"receiver": found}, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def measure(folder, full=False, rounds=1):
    """All figures as plain values. The receiver is a real process with three machines. rounds: how often posts and
    events come, in turns (in full, a million in all); the figures a second are medians, `each` has every round."""
    found = machine.facts(str(folder))
    road = Road(folder / "road", channels=())
    road.phone_url, road.smtp_port = "http://127.0.0.1:9", 9
    road.write_receiver_ini()
    tokens = add_machines(road)
    start(road, folder)
    try:
        found["memory_start"] = memory_mb(road.receiver.pid)
        posts, events = (FULL_POSTS // rounds, FULL_EVENTS // rounds) if full else (POSTS, EVENTS)
        each = found["each"] = {"posts": [], "post_cpu_ms": [], "events": [], "event_cpu_us": []}
        for number in range(rounds):
            rate, seconds = per_second(post_old, road, tokens, posts, number)
            each["posts"].append(rate)
            each["post_cpu_ms"].append(round(seconds / posts * 1e3, 3))
            batches, seconds = per_second(post_batches, road, tokens, events // BATCH, number)
            each["events"].append(round(batches * BATCH))
            each["event_cpu_us"].append(round(seconds / events * 1e6, 1))
        found.update({name: statistics.median(samples) for name, samples in each.items()}, events_sent=events * rounds)
        found["memory_events"] = memory_mb(road.receiver.pid)
        road.receiver.stop()
        pastyear.fill(road.database, time.time(), MACHINES, YEAR_DAYS)
        found["database_mb"] = round(road.database.stat().st_size / 1e6, 1)
        start(road, folder)
        cookie = log_in(road.receiver_port, road.password)
        found["visits"] = {path: visit(road, cookie, path) for path in pages()}
        found["pages"] = {path: summed_up(*of_one) for path, of_one in found["visits"].items()}
        found["memory_pages"] = memory_mb(road.receiver.pid)
        if full:
            found["memory_soak"] = soak(road, tokens)
    finally:
        road.receiver.stop()
    return found


def start(road, folder):
    command = [sys.executable, ROOT / "receiver" / "receiver.py", "serve", "--config", road.receiver_ini]
    road.receiver = Child("receiver", command, folder / "receiver.log", cwd=ROOT)
    road.receiver.wait_for("listening on")


def add_machines(road):
    """Two more machines by `pair`; returns {machine: token}."""
    tokens = {MACHINES[0]: road.token}
    for name in MACHINES[1:]:
        command = [sys.executable, ROOT / "receiver" / "receiver.py", "pair", name, "--config", road.receiver_ini]
        said = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE).stdout.decode(
            "utf-8"
        )
        packed = re.search(r"QS1\.(\S+)", said).group(1)
        tokens[name] = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["token"]
    return tokens


def per_second(work, road, tokens, count, turn):
    """`count` pieces of work over CONNECTIONS kept-alive connections, done by CLIENTS processes. Returns (a second, the
    receiver's own seconds of CPU for all): on a busy machine only the second says what the program needs. turn: of
    which round, so that no id comes twice."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Barrier(CLIENTS + 1), context.Event()
    share = count // CLIENTS
    numbers = range(turn * CLIENTS, (turn + 1) * CLIENTS)
    arguments = [(work.__name__, road.receiver_port, tokens, road.old_token, share, n, ready, go) for n in numbers]
    clients = [context.Process(target=client, args=one, daemon=True) for one in arguments]
    for one in clients:
        one.start()
    ready.wait(60)
    began, used = time.monotonic(), cpu_seconds(road.receiver.pid)
    go.set()
    for one in clients:
        one.join(3600)
        if one.exitcode:
            raise RuntimeError("a client of the bench failed")
    return share * CLIENTS / (time.monotonic() - began), cpu_seconds(road.receiver.pid) - used


def cpu_seconds(pid):
    """User and system time of a process so far; 0 where there is no /proc."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def client(name, port, tokens, old_token, count, number, ready, go):
    """One posting process."""
    connections = [KeptAlive(port) for _ in range(CONNECTIONS // CLIENTS)]
    requests = list({"post_old": post_old, "post_batches": post_batches}[name](tokens, old_token, count, number))
    ready.wait(60)
    go.wait(60)
    post_all(connections, requests, must_be_taken)


def must_be_taken(status, body):
    if status != 200 or b'"rejected": [{' in body:
        raise RuntimeError(f"answer {status}")


def post_old(_tokens, old_token, count, _number):
    """Single posts of the old protocol: each is durable before its yes."""
    account = {"总资产": 100000.0, "可用金额": 40000.0, "总市值": 60000.0, "总盈亏": 1200.0}
    info = [{"name": "accounts", "data": [account]}, {"name": "deals", "data": []}]
    body = json.dumps({"action": "heartbeat", "name": "qmt", "info": info}).encode()
    target = "/api?token=" + urllib.parse.quote(old_token)
    return [(target, body, {"Content-Type": "application/json"})] * count


def post_batches(tokens, _old_token, count, number):
    """What a tray's queue holds after hours without network: mostly heartbeats, some news."""
    name = MACHINES[number % len(MACHINES)]
    head = {"Authorization": "Bearer " + tokens[name], "Content-Type": "application/json"}
    for piece in range(count):
        now = time.time()
        events = []
        for n in range(BATCH):
            kind = "host.resumed" if n % 20 else "host.heartbeat"
            data = {"cpu": 5.0, "memory": 40.0, "disk_free": 1e11} if n % 20 == 0 else {"slept": n}
            events.append({"id": f"{number}-{piece}-{n}", "seq": n, "kind": kind, "at": now - 900, "data": data})
        body = {"machine": name, "run": "bench", "sent_at": now, "waiting": 1, "events": events}
        yield "/api/v1/events", json.dumps(body).encode(), head


def pages():
    """The owner's pages as they stand in receiver.py, each also with the longest way through its data, and the JSON."""
    source = (ROOT / "receiver" / "receiver.py").read_text(encoding="utf-8")
    names = PAGES_PATTERN.findall(source)
    past = time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600 - 100 * 86400))
    more = ["/charts?r=d", "/charts?r=y", "/charts?r=a", f"/day?d={past}", "/host?r=m", "/fragment"]
    return ["/" + name for name in names] + more + ["/api/v1/status", "/api/v1/charts?r=y"]


def visit(road, cookie, path):
    """(ms of each of VISITS visits by the logged-in owner, bytes, ms of the processor for one)."""
    times, size, used = [], 0, cpu_seconds(road.receiver.pid)
    connection = http.client.HTTPConnection("127.0.0.1", road.receiver_port, timeout=60)
    for _ in range(VISITS):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        size = len(answer.read())
        times.append((time.perf_counter() - began) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{path} is {answer.status}")
    connection.close()
    return times, size, (cpu_seconds(road.receiver.pid) - used) / VISITS * 1e3


def summed_up(times, size, cpu):
    """[median ms, p99 ms, bytes, ms of the processor] of one page's visits."""
    times = sorted(times)
    return [round(times[len(times) // 2], 1), round(times[int(len(times) * 0.99)], 1), size, round(cpu, 1)]


def soak(road, tokens):
    """Memory in MB, once a minute, while three machines post as in real life but ten times as often."""
    found, until = [], time.monotonic() + SOAK_SECONDS
    cookie = log_in(road.receiver_port, road.password)
    while time.monotonic() < until:
        for number in range(len(MACHINES)):
            for target, body, headers in post_batches(tokens, "", 1, number):
                connection = http.client.HTTPConnection("127.0.0.1", road.receiver_port, timeout=60)
                connection.request("POST", target, body.replace(b'"id": "', b'"id": "s%d-' % len(found)), headers)
                connection.getresponse().read()
                connection.close()
        visit_once = http.client.HTTPConnection("127.0.0.1", road.receiver_port, timeout=60)
        visit_once.request("GET", "/", headers={"Cookie": cookie})
        visit_once.getresponse().read()
        visit_once.close()
        time.sleep(3)
        if not found or time.monotonic() > until - SOAK_SECONDS + len(found) * 60:
            found.append(round(memory_mb(road.receiver.pid) or 0.0, 1))
    return found


def lines(found):
    """The figures for people, each beside its promise."""
    fsync = found["fsync"]
    yield f"Python {found['python']}，开始时负载 {found['load']}"
    yield f"本机 fsync 中位 {fsync['median']:.2f}，p99 {fsync['p99']:.2f} 毫秒"
    yield f"旧协议单条，落盘后才答，{CONNECTIONS} 个长连接：每秒 {found['posts']:.0f} 条（承诺 {PROMISED['posts']}），"
    yield f"　　每条用处理器 {found['post_cpu_ms']} 毫秒"
    yield f"v1 批量，共 {found['events_sent']} 条：每秒 {found['events']} 条事件（承诺 {PROMISED['events']}），"
    yield f"　　每条用处理器 {found['event_cpu_us']} 微秒"
    yield f"一年、三台小主机的数据库：{found['database_mb']} MB"
    for path, figures in found["pages"].items():
        median, p99, size, cpu = figures
        promise = PROMISED["page_p99_ms"]
        yield f"页面 {path}：中位 {median} 毫秒，p99 {p99} 毫秒（承诺 {promise}），处理器 {cpu} 毫秒，{size} 字节"
    memory = [found["memory_start"], found["memory_events"], found["memory_pages"]]
    text = " → ".join("?" if value is None else f"{value:.0f}" for value in memory)
    yield f"内存：刚启动 → 收完这些 → 重启后每页访问 {VISITS} 次后：{text} MB（承诺 {PROMISED['memory_mb']}）"
    if "memory_soak" in found:
        yield f"20 分钟里每分钟的内存（MB）：{found['memory_soak']}"


if __name__ == "__main__":
    sys.exit(main())
