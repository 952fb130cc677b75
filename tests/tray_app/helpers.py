"""What several tests of the tray use: a clock, settings, events, a receiver that answers as told."""

import gzip
import http.server
import json
import sqlite3
import ssl
import threading
import time

from tray_app import config, events

MONDAY_10_00 = 1767578400.0  # 2026-01-05 10:00:00 in Shanghai, a Monday


def short(value):
    """A parameter's name in a test report; pytest puts it into an environment variable, which Windows bounds."""
    return repr(value)[:30]


class Clock:
    """A wall clock and a monotonic clock that only move when told."""

    def __init__(self, now=MONDAY_10_00):
        self.now = now
        self.passed = 0.0

    def wall(self):
        return self.now

    def mono(self):
        return self.passed

    def advance(self, seconds):
        self.now += seconds
        self.passed += seconds


def settings(receiver="http://127.0.0.1:9", **sections):
    """A Config; `sections` as host="every = 1"."""
    text = f"[sentry]\nreceiver = {receiver}\ntoken = secret\n{sections.pop('sentry', '')}\n"
    text += "".join(f"[{name}]\n{lines}\n" for name, lines in sections.items())
    return config.parse(text, "sentry.ini")


def order(n=0, at=MONDAY_10_00):
    return events.make("order.state", {"flag": "20260105-510300-B-01", "line": n}, at)


def heartbeat(strategy="grid", at=MONDAY_10_00, **data):
    return events.make("qmt.heartbeat", {"strategy": strategy, **data}, at)


def notice(n=0, at=MONDAY_10_00):
    return events.make("strategy.notice", {"n": n}, at)


def stored(path):
    """All events waiting in an outbox file, in order, with their seq."""
    with sqlite3.connect(str(path)) as db:
        rows = db.execute("SELECT seq, body FROM events ORDER BY seq").fetchall()
    db.close()
    return [{"seq": seq, **json.loads(body.decode("utf-8"))} for seq, body in rows]


def kinds(path):
    return [event["kind"] for event in stored(path)]


def troubles(path):
    """Codes of the host.trouble events that wait."""
    return [event["data"]["code"] for event in stored(path) if event["kind"] == "host.trouble"]


class StubReceiver:
    """Answers each post with the next of `answers` (the last one again and again), and keeps what it got.

    An answer is a function: (posted envelope) -> (status, headers, body bytes). `tls`: files of certificate and key.
    """

    def __init__(self, tls=None):
        self.answers = [accept]
        self.posts = []
        self.headers = []
        self.paths = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                envelope = json.loads(raw.decode("utf-8"))
                stub.posts.append(envelope)
                stub.headers.append(dict(self.headers))
                stub.paths.append(self.path)
                answer = stub.answers.pop(0) if len(stub.answers) > 1 else stub.answers[0]
                status, headers, body = answer(envelope)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
            # Hands are shaken in the connection's own thread: a client that refuses must not hold up the next one.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._server.handle_error = lambda *args: None  # a refused handshake is what some tests want
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def expect(self, event):
        """An Event that is set when a post with this event has come; from now on every post is accepted."""
        got = threading.Event()

        def answer(envelope):
            if event["id"] in [sent["id"] for sent in envelope["events"]]:
                got.set()
            return accept(envelope)

        self.answers = [answer]
        return got

    def ids(self, post=-1):
        return [event["id"] for event in self.posts[post]["events"]]


def ok_body(accepted, rejected=(), now=None, ok=True, why=""):
    """`now`: the receiver's clock; None: this machine's, by which a whole TrayApp goes (any other it would take for an
    error of its PC, as large as the hour of the run)."""
    body = {
        "accepted": list(accepted),
        "rejected": list(rejected),
        "now": time.time() if now is None else now,
        "alerts": {"ok": ok, "why": why},
        "day": {"trading": True, "covered_until": "2026-12-31"},
    }
    return json.dumps(body).encode("utf-8")


def accept(envelope):
    return 200, {}, ok_body(event["id"] for event in envelope["events"])


def fails_with(status, body=b'{"error": "no"}', **headers):
    """An answer as the receiver gives it where the body is its JSON error, else as some proxy does."""
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    if body.startswith(b'{"error"'):
        found.update({"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"})
    return lambda envelope: (status, found, body)
