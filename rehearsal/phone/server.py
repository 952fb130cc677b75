"""The phone's doors: one HTTP server (WeCom, pushplus, page, log, fault switches) and one SMTP server, on loopback.

Every request is kept with its time, so drills can ask what the phone got and when. Faults are switched with
`POST /control {"channel": "wecom", "mode": "http500", "seconds": 30}`; modes are listed in FAULTS.
"""

import email
import email.policy
import json
import threading
import time
import urllib.request
import uuid
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from rehearsal.phone import vendors

CHANNELS = ("wecom", "pushplus", "mail")
FAULTS = ("ok", "http500", "hang", "close", "not-json", "slow", "errcode", "silent-loss")
HANG_SECONDS = 60
LARGEST_REQUEST = 1 << 20

# aiosmtpd warns of a login without TLS; this one never leaves loopback.
warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")


class Fault:
    """How a channel misbehaves until `until` (epoch s): mode, its code, and how long a slow answer takes."""

    def __init__(self, mode="ok", code=0, delay=0.0, until=float("inf")):
        self.mode, self.code, self.delay, self.until = mode, code, delay, until


class Inbox:
    """All that reached the phone, in order. Thread-safe."""

    def __init__(self, clock=time.time):
        self.clock = clock
        self._lock = threading.Lock()
        self._requests = []
        self._busy = []
        self._faults = {}

    def fault(self, channel):
        with self._lock:
            fault = self._faults.get(channel)
        return fault if fault and fault.until > self.clock() else Fault()

    def set_fault(self, channel, fault):
        with self._lock:
            self._faults[channel] = fault

    def times(self, channel, accepted_only=False):
        with self._lock:
            return [r["at"] for r in self._requests if r["channel"] == channel and (r["shown"] or not accepted_only)]

    def keep(self, channel, at, shown, answer):
        """`at`: when the request came; `answered_at`: when our answer was about to leave."""
        with self._lock:
            entry = {"channel": channel, "at": at, "answered_at": self.clock(), "shown": shown, "answer": answer}
            self._requests.append(entry)

    @contextmanager
    def answering(self, channel):
        """While a request of this channel is being answered."""
        with self._lock:
            self._busy.append(channel)
        try:
            yield
        finally:
            with self._lock:
                self._busy.remove(channel)

    def busy(self):
        """Channels of the requests that are being answered right now."""
        with self._lock:
            return list(self._busy)

    def log(self):
        with self._lock:
            return list(self._requests)


class _MailHandler:
    """Takes mails; the fault modes are SMTP codes (421, 535, 550) or a slow answer."""

    def __init__(self, inbox):
        self.inbox = inbox

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        at = self.inbox.clock()
        fault = self.inbox.fault("mail")
        if fault.mode == "slow":
            time.sleep(fault.delay)
        if fault.mode == "errcode":
            self.inbox.keep("mail", at, None, fault.code)
            return f"{fault.code} refused by the rehearsal"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = message.get_body(preferencelist=("plain", "html"))
        shown = {"title": str(message["Subject"]), "body": part.get_content().strip() if part else ""}
        self.inbox.keep("mail", at, shown, 250)
        return "250 OK"


def make_handler(inbox, wecom_key, pushplus_token, page):
    """The HTTP request handler class bound to this phone."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 90

        def log_message(self, format, *args):  # the inbox keeps what matters
            pass

        def do_GET(self):  # noqa: N802 (the standard library's name)
            path = urlsplit(self.path).path
            if path == "/log.json":
                self.answer_json(200, inbox.log())
            elif path == "/busy.json":
                self.answer_json(200, inbox.busy())
            elif path == "/":
                self.answer(200, page.encode("utf-8"), "text/html; charset=utf-8")
            else:
                self.answer_json(404, {"error": "no such page"})

        def do_POST(self):  # noqa: N802
            at = inbox.clock()
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST_REQUEST:
                self.close_connection = True
                self.answer_json(413, {"error": "too large"})
                return
            raw = self.rfile.read(length)
            url = urlsplit(self.path)
            if url.path == "/cgi-bin/webhook/send":
                key = parse_qs(url.query).get("key", [""])[0]
                times = inbox.times("wecom", accepted_only=True)
                self.vendor("wecom", at, lambda: vendors.wecom(raw, key, wecom_key, at, times))
            elif url.path == "/send":
                code, times = uuid.uuid4().hex, [*inbox.times("pushplus"), at]
                kind = self.headers.get("Content-Type", "")
                answer = self.vendor(
                    "pushplus", at, lambda: vendors.pushplus(raw, kind, pushplus_token, at, times, code)
                )
                call_back(vendors.parse_json_object(raw), answer, code)
            elif url.path == "/control":
                self.control(raw)
            else:
                self.answer_json(404, {"error": "no such door"})

        def control(self, raw):
            wish = vendors.parse_json_object(raw) or {}
            if wish.get("channel") not in CHANNELS or wish.get("mode") not in FAULTS:
                self.answer_json(400, {"error": f"channel: {CHANNELS}, mode: {FAULTS}"})
                return
            until = inbox.clock() + wish.get("seconds", float("inf"))
            inbox.set_fault(wish["channel"], Fault(wish["mode"], wish.get("code", 0), wish.get("delay", 0.0), until))
            self.answer_json(200, {"ok": True})

        def vendor(self, channel, at, rules):
            """Answer as the vendor would, or as the fault says. Returns the answer when the message was taken."""
            with inbox.answering(channel):
                return self.vendor_answer(channel, at, rules)

        def vendor_answer(self, channel, at, rules):
            fault = inbox.fault(channel)
            if fault.mode in ("slow", "hang"):
                time.sleep(fault.delay or HANG_SECONDS)
            if fault.mode in ("hang", "close"):
                inbox.keep(channel, at, None, fault.mode)
                self.close_connection = True
                return None
            if fault.mode == "http500":
                inbox.keep(channel, at, None, 500)
                self.answer_json(500, {"error": "rehearsed"})
                return None
            if fault.mode == "not-json":
                inbox.keep(channel, at, None, "not-json")
                self.answer(200, b"<html>gateway</html>", "text/html")
                return None
            if fault.mode == "errcode":
                name = "errcode" if channel == "wecom" else "code"
                inbox.keep(channel, at, None, fault.code)
                self.answer_json(200, {name: fault.code, "errmsg": "rehearsed", "msg": "rehearsed"})
                return None
            answer = rules()
            inbox.keep(channel, at, None if fault.mode == "silent-loss" else answer.shown, answer.body)
            self.answer_json(answer.status, answer.body)
            return answer

        def answer_json(self, status, value):
            self.answer(status, json.dumps(value, ensure_ascii=False).encode("utf-8"), "application/json")

        def answer(self, status, body, kind):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def call_back(message, answer, short_code):
    """pushplus's later word: POST {"event": "message_complate", ...} to the callbackUrl, sendStatus 2 = sent."""
    url = (message or {}).get("callbackUrl")
    if not url or answer is None or answer.body.get("code") != 200:
        return
    info = {"message": "", "shortCode": short_code, "sendStatus": 2}
    body = json.dumps({"event": "message_complate", "messageInfo": info}).encode("utf-8")

    def post():
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except OSError:
            pass  # the vendor does not tell anyone when a callback fails; neither does this phone

    threading.Timer(1.0, post).start()


class Phone:
    """Both servers, started on construction. `http_port` and `smtp_port` are the ports taken."""

    def __init__(self, wecom_key, pushplus_token, mail_user, mail_password, http_port=0):
        page = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
        self.inbox = Inbox()
        handler = make_handler(self.inbox, wecom_key, pushplus_token, page)
        self._http = ThreadingHTTPServer(("127.0.0.1", http_port), handler)
        self._http.daemon_threads = True
        self.http_port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

        def authenticator(server, session, envelope, mechanism, auth_data):
            fault = self.inbox.fault("mail")
            right = LoginPassword(mail_user.encode(), mail_password.encode())
            success = auth_data == right and not (fault.mode == "errcode" and fault.code == 535)
            if not success:
                self.inbox.keep("mail", self.inbox.clock(), None, 535)
            return AuthResult(success=success, handled=False)  # aiosmtpd then says 235 or 535 itself

        self._smtp = FreePortController(
            _MailHandler(self.inbox), hostname="127.0.0.1", port=0, authenticator=authenticator,
            auth_required=True, auth_require_tls=False,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # aiosmtpd: a login without TLS; this one never leaves loopback
            self._smtp.start()
        self.smtp_port = self._smtp.server.sockets[0].getsockname()[1]

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._smtp.stop()


class FreePortController(Controller):
    """aiosmtpd's controller checks itself by connecting to `self.port`: with port 0 it must first learn it."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
