"""`python -m rehearsal.fuzz_receiver [--full] [--seed N]`: garbage at every door, then what is left.

A real process; half of the requests carry valid tokens, so that they get past the first check. 60 seconds, 600 with
--full. A violation: an answer of 500 or above other than 503, a traceback in an answer, no answer to a request that was
well-formed HTTP, a machine's text in a page as markup, a dead worker, a damaged database, or memory that keeps growing.
"""

import argparse
import gzip
import http.client
import json
import random
import re
import sqlite3
import string
import sys
import tempfile
import time
import urllib.parse
import uuid
from collections import Counter
from pathlib import Path

from rehearsal.children import Child
from rehearsal.road import ROOT, Road

SECONDS, FULL_SECONDS = 60, 600
KINDS = (
    "host.heartbeat", "host.started", "host.stopping", "host.resumed", "host.paused", "host.stop_orders",
    "host.trouble", "host.test_alert", "qmt.process", "qmt.heartbeat", "qmt.log", "strategy.error", "strategy.notice",
    "order.state", "file", "old.heartbeat", "old.deals", "nonsense",
)  # fmt: skip
KEYS = (
    "strategy", "name", "state", "text", "what", "traceback", "where", "line", "flag", "pattern", "file", "content",
    "source", "accounts", "positions", "orders", "deals", "tick_at", "logged_in", "workers", "limits", "outbox",
    "since",
    "paused_until", "until", "reason", "code", "info", "last_ok", "mode", "on", "stage", "funds", "总资产", "代码",
    "名称", "最新价", "市值", "成交额", "订单编号", "日期", "账号",
)  # fmt: skip
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
STRANGE = [
    XSS, "", "\0", "\ud800", "A" * 5000, "../../etc/passwd", "..\\..\\x", "'; DROP TABLE event; --", "%00", "{{7*7}}",
    "‮\u200b", "🚨" * 600, "1e999", "NaN",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31 - 1, 2**63, -(2**63), 1e300, 1e301, 1.7976931348623157e308, float("inf"), float("nan"), 0.1]
PATHS = [
    "/", "/login", "/logout", "/test", "/ack", "/mute", "/forget", "/fragment", "/api", "/api/v1/status", "/healthz",
    "/cb/x", "/cb/../api", "/static/../receiver.ini", "/%2e%2e/receiver.ini", "//receiver.ini", "/" + "a" * 3000,
    "/?said=" + urllib.parse.quote(XSS), "/api?action=query_qmt&token=wrong", "/day/20260101", "/day/../../x",
    "/%ff%fe", "/charts", "/trade",
    "/day?d=99999999", "/charts?r=d&f=%00&m=%ff", "/messages?before=99999999999999999999", "/fragment?page=host&r=m",
    "/csv/deals", "/csv/../receiver.ini", "/api/v1/day?d=20260105",
]  # fmt: skip


def value(rng, depth=0):
    """Any JSON value, mostly strange."""
    choice = rng.randrange(9 if depth < 4 else 6)
    if choice < 2:
        return rng.choice(STRANGE)
    if choice == 2:
        return rng.choice(NUMBERS)
    if choice == 3:
        return rng.choice([None, True, False])
    if choice < 6:
        return "".join(rng.choice(string.printable + "中文🚨") for _ in range(rng.randrange(20)))
    if choice == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(KEYS): value(rng, depth + 1) for _ in range(rng.randrange(5))}


def event(rng):
    made = {
        "id": rng.choice([str(uuid.UUID(int=rng.getrandbits(128))), rng.choice(STRANGE), 5]),
        "seq": rng.choice([1, value(rng)]),
        "kind": rng.choice(KINDS),
        "at": rng.choice([time.time(), time.time() - rng.random() * 1e6, value(rng)]),
        "data": {rng.choice(KEYS): value(rng) for _ in range(rng.randrange(8))},
    }
    if rng.random() < 0.7:
        made["data"].update(
            strategy="fuzz", name=rng.choice(["qmt", XSS]), state=rng.choice(["running", "missing", XSS])
        )
        made.update(id=str(uuid.UUID(int=rng.getrandbits(128))), seq=1, at=time.time())
    return made


def post_of_events(rng, machine, tokens):
    batch = {
        "machine": rng.choice([machine, machine, value(rng)]),
        "run": value(rng),
        "sent_at": rng.choice([time.time(), time.time(), value(rng)]),
        "waiting": rng.choice([0, 0, value(rng)]),
        "events": [event(rng) for _ in range(rng.randrange(6))],
    }
    body = json.dumps(batch).encode("utf-8", "surrogatepass")
    headers = {"Authorization": "Bearer " + rng.choice(tokens), "Content-Type": "application/json"}
    return "POST", "/api/v1/events", damage(rng, body, headers), headers


def old_post(rng, old_tokens):
    target = "/api?token=" + urllib.parse.quote(rng.choice(old_tokens))
    if rng.random() < 0.5:
        post = {"action": rng.choice(["heartbeat", value(rng)]), "name": rng.choice(["qmt", "server", value(rng)])}
        post["info"] = [{"name": rng.choice(["accounts", "deals", "positions", XSS]), "data": value(rng)}]
        headers = {"Content-Type": "application/json"}
        return "POST", target, damage(rng, json.dumps(post).encode("utf-8", "surrogatepass"), headers), headers
    mark = "fuzz"
    parts = [("action", "heartbeat"), ("name", "server")]
    body = b"".join(f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in parts)
    for number in range(rng.randrange(25)):
        name = rng.choice(STRANGE).encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"")[:300]
        head = b'Content-Disposition: form-data; name="f%d"; filename="' % number + name + b'"\r\n\r\n'
        body += b"--" + mark.encode() + b"\r\n" + head + bytes(rng.randrange(200)) + b"\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=" + mark}
    return "POST", target, damage(rng, body + f"--{mark}--\r\n".encode(), headers), headers


def damage(rng, body, headers):
    """Sometimes the body is cut, flipped or packed."""
    choice = rng.random()
    if choice < 0.1:
        return body[: rng.randrange(len(body) + 1)]
    if choice < 0.2 and body:
        flipped = bytearray(body)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if choice < 0.3:
        headers["Content-Encoding"] = "gzip"
        packed = gzip.compress(body)
        return packed if rng.random() < 0.7 else packed[: len(packed) // 2]
    return body


def page_request(rng, cookie):
    method = rng.choice(["GET", "GET", "POST", "PUT", "HEAD", "DELETE"])
    headers = {"Cookie": cookie} if rng.random() < 0.5 else {"Cookie": "sentry_login=" + str(rng.random())}
    if rng.random() < 0.3:
        headers["X-Forwarded-For"] = rng.choice(["1.2.3.4", XSS.replace("\n", ""), "::1"])
    body = None
    if method == "POST":
        fields = {"csrf": "x", "password": "wrong", "id": rng.choice(["1", XSS]), "status": "2"}
        body = urllib.parse.urlencode(fields).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    target = rng.choice(PATHS)
    return method, "/" if target == "/logout" else target, body, headers


class Fuzzer:
    """Throws at one receiver; `statuses` counts its answers, `violations` names what must not be."""

    def __init__(self, port, machine, token, old_token, cookie="", seed=1):
        self.rng = random.Random(seed)
        self.port, self.machine, self.cookie = port, machine, cookie
        self.tokens, self.old_tokens = [token, token, token, "wrong"], [old_token, old_token, "wrong"]
        self.statuses, self.violations, self.sent = Counter(), [], 0

    def request(self):
        choice = self.rng.random()
        if choice < 0.5:
            return post_of_events(self.rng, self.machine, self.tokens)
        if choice < 0.75:
            return old_post(self.rng, self.old_tokens)
        return page_request(self.rng, self.cookie)

    def throw(self):
        method, target, body, headers = self.request()
        self.sent += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self.violations.append(f"no answer to {method} {target[:60]}: {type(error).__name__}")
            return
        finally:
            connection.close()
        self.statuses[answer.status] += 1
        if answer.status >= 500 and answer.status != 503 and not target.startswith("/healthz"):
            self.violations.append(f"{answer.status} to {method} {target[:60]} {str(body)[:300]}")
        if "Traceback" in text and "Error" in text and 'File "' in text:
            self.violations.append(f"traceback in the answer to {method} {target[:60]}")
        if "<script>alert(1)" in text and "text/html" in (answer.getheader("Content-Type") or ""):
            self.violations.append(f"markup of a stranger in {target[:60]}")

    def run(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until and len(self.violations) < 20:
            self.throw()

    def look_at_pages(self):
        """Every page as the owner sees it after all that."""
        for path in ("/", "/fragment", "/trade", "/charts", "/day", "/messages", "/host", "/machines"):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            connection.request("GET", path, headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            connection.close()
            if answer.status not in (200, 404):
                self.violations.append(f"{path} is {answer.status} afterwards")
            if "<script>alert(1)" in text or "<img src=x" in text:
                self.violations.append(f"markup of a stranger in {path}")


def log_in(port, password):
    """The owner's cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = urllib.parse.urlencode({"password": password}).encode()
    connection.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    found = re.search(r"sentry_login=[^;]+", " ".join(answer.headers.get_all("Set-Cookie") or []))
    connection.close()
    return found.group(0) if found else ""


def memory_mb(pid):
    """Resident memory; None where /proc is missing."""
    try:
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024
    except OSError:
        return None


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m rehearsal.fuzz_receiver")
    parser.add_argument("--full", action="store_true", help="10 minutes instead of one")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    seconds = FULL_SECONDS if options.full else SECONDS
    with tempfile.TemporaryDirectory(prefix="qmt-sentry-fuzz-") as folder:
        road = Road(folder, channels=())
        road.phone_url, road.smtp_port = "http://127.0.0.1:9", 9
        road.write_receiver_ini()
        command = [sys.executable, ROOT / "receiver" / "receiver.py", "serve", "--config", road.receiver_ini]
        road.receiver = Child("receiver", command, Path(folder) / "receiver.log", cwd=ROOT)
        road.receiver.wait_for("listening on")
        try:
            cookie = log_in(road.receiver_port, road.password)
            fuzzer = Fuzzer(road.receiver_port, "mini-pc", road.token, road.old_token, cookie, options.seed)
            fuzzer.run(seconds / 2)
            half = memory_mb(road.receiver.pid)
            fuzzer.run(seconds / 2)
            fuzzer.look_at_pages()
            end, alive = memory_mb(road.receiver.pid), road.receiver.running()
        finally:
            road.receiver.stop()
        with sqlite3.connect(str(road.database)) as db:
            whole = db.execute("PRAGMA integrity_check").fetchone()[0]
            events = db.execute("SELECT count(*) FROM event").fetchone()[0]
        log = (Path(folder) / "receiver.log").read_text(encoding="utf-8", errors="replace")
    for wrong, text in ((not alive, "the process died"), (whole != "ok", f"database: {whole}")):
        if wrong:
            fuzzer.violations.append(text)
    for secret in (road.token, road.old_token, road.password):
        if secret in log:
            fuzzer.violations.append("a secret stands in the log")
    print(f"seed {options.seed}, {seconds} s: {fuzzer.sent} requests, answers {dict(sorted(fuzzer.statuses.items()))}")
    print(f"{events} events stored, database {whole}, tracebacks in the log: {log.count('Traceback')}")
    if half and end:
        print(f"memory: {half:.0f} MB at half time, {end:.0f} MB at the end")
    for violation in fuzzer.violations:
        print("VIOLATION " + violation)
    print("PASS" if not fuzzer.violations else "FAIL")
    return 1 if fuzzer.violations else 0


if __name__ == "__main__":
    sys.exit(main())
