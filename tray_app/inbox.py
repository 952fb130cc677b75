"""The inbox on 127.0.0.1: the door for the two old posts of people's own scripts (docs/protocol.md section 4).

The yes comes after the commit. Wrong token or bad request: 400; too large: 413; the disk refuses: 503, the script tries
again. Any local program may connect: without the token it is given little of our time and memory.
"""

from __future__ import annotations

import hmac
import io
import json
import logging
import socket
import threading
import time
from typing import Any, Callable
from urllib.request import ProxyHandler, build_opener

import bottle  # type: ignore[import-untyped,unused-ignore]
from cheroot import wsgi
from cheroot.server import HTTPConnection

from tray_app import events
from tray_app.events import Event
from tray_app.home import Home, write_whole
from tray_app.old_posts import BadPost, TooLarge, check_sizes, form_events, heartbeat_events
from tray_app.outbox import OutboxError
from tray_app.watch.spool import Post
from tray_app.worker import Lease

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds between looks whether it still answers
LIMIT = 20.0  # seconds until it counts as dead
LARGEST_POST = 1024 * 1024
LARGEST_READ = 16 * 1024 * 1024  # read and thrown away, so that the poster hears why it was refused
OLD_EVERY = 60.0  # seconds: what people's scripts usually have
# cheroot lets a new connection hold a thread until its first byte comes: some threads to spare, and a short wait.
THREADS, IDLE_TIMEOUT = 10, 5
# The idle timeout alone lets a body of one byte each second hold a thread for ever.
REQUEST_WITHIN = 10.0  # seconds for a whole request to arrive
# Of a post without our token a little is read, so that an honest poster can hear why it was refused.
REFUSED_WITHIN, REFUSED_READ = 1.0, 65536  # seconds, bytes


# The door: HTTP -------------------------------------------------------------------------------------------------------


def make_app(token: str, store: Callable[[list[Event]], None], wall: Callable[[], float]) -> bottle.Bottle:
    """The WSGI program. `store` commits or raises OutboxError."""
    # Forms are read from memory that we bounded ourselves; Bottle's own bound would spill parts into temporary files.
    bottle.BaseRequest.MEMFILE_MAX = 2 * LARGEST_POST
    app = bottle.Bottle()

    def health() -> dict[str, Any]:
        return {"code": 0}

    def api() -> dict[str, Any]:
        if bottle.request.get_header("Origin") is not None:
            # Any page that is open in this PC's browser can post to 127.0.0.1, and try one token after the other. Every
            # browser says on a post that it is one; no script does.
            _skip_body(bottle.request)
            raise BadPost("收件口只收脚本的消息，不收浏览器里网页的")
        given = bottle.request.query.getunicode("token") or ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8")):
            _skip_body(bottle.request)
            raise BadPost("token 不对：请核对 sentry.ini 的 [inbox] token")
        raw = _read_body(bottle.request)
        if raw is None:
            raise TooLarge("内容超过 1 MiB")
        now = wall()
        try:
            found = _events_of(bottle.request, raw, now)
        except events.BadEvent as error:
            raise BadPost(str(error)) from error
        check_sizes(found)
        store(found)
        return {"code": 0, "msg": "ok"}

    def answer_errors(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except BadPost as error:
                return _refuse(error.status, str(error))
            except OutboxError as error:
                return _refuse(503, str(error))
            except bottle.HTTPError:
                raise
            except Exception:
                # Whatever a post provokes, the sender hears a clear no and never a traceback.
                log.exception("inbox: post failed")
                return _refuse(500, "哨兵内部出错，请看日志")

        return wrapped

    app.install(answer_errors)
    app.get("/health", callback=health)
    app.post("/api", callback=api)
    app.default_error_handler = lambda error: _error_page(error)  # type: ignore[method-assign,unused-ignore]
    return app


def _events_of(request: Any, raw: bytes, now: float) -> list[Event]:
    kind = (request.content_type or "").split(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return heartbeat_events(events.parse(raw), now)
    try:
        forms, files = request.forms, request.files
    except (bottle.HTTPError, ValueError) as error:
        raise BadPost("表单看不懂") from error
    uploads = [(upload.raw_filename or "", upload.file.read()) for upload in _all(files)]
    return form_events(forms.getunicode("action"), forms.getunicode("name"), uploads, now)


def _all(files: Any) -> list[Any]:
    return [upload for key in files for upload in files.getall(key)]


def _read_body(request: Any) -> bytes | None:
    """The whole body, or None where it is larger than LARGEST_POST. What the parsers read is this, nothing else."""
    stream = request.environ["wsgi.input"]
    left = request.content_length if request.content_length >= 0 else LARGEST_READ
    parts, size = [], 0
    try:
        while left > 0:
            part = stream.read(min(65536, left))
            if not part:
                break
            size += len(part)
            left -= len(part)
            if size <= LARGEST_POST:
                parts.append(part)
    except OSError as error:
        raise BadPost("内容没有及时传完") from error
    if left > 0 and request.content_length >= 0:
        raise BadPost("内容没有传完")
    raw = b"".join(parts)
    request.environ["wsgi.input"] = io.BytesIO(raw)
    request.environ["CONTENT_LENGTH"] = str(len(raw))
    request.environ.pop("HTTP_TRANSFER_ENCODING", None)
    return raw if size <= LARGEST_POST else None


def _skip_body(request: Any) -> None:
    """Read a little of what is not wanted, and close: without that the answer may not arrive."""
    refuse_soon = request.environ.get(REFUSE_SOON)
    if refuse_soon is not None:
        refuse_soon()
    length = request.content_length if request.content_length >= 0 else REFUSED_READ
    try:
        request.environ["wsgi.input"].read(min(length, REFUSED_READ))
    except OSError:
        pass  # too slow, or gone: it is refused anyway


def _refuse(status: int, why: str) -> Any:
    body = json.dumps({"code": 1, "msg": why}, ensure_ascii=False)
    return bottle.HTTPResponse(body, status, {"Content-Type": "application/json; charset=utf-8"})


def _error_page(error: Any) -> str:
    bottle.response.content_type = "application/json; charset=utf-8"
    return json.dumps({"code": 1, "msg": f"HTTP {error.status_code}"})


# The part under watch ------------------------------------------------------------------------------------------------


REFUSE_SOON = "sentry.refuse_soon"  # WSGI key: a function that ends the connection after this answer


class _Connection(HTTPConnection):  # type: ignore[misc,unused-ignore]
    """A connection whose request, head and body, must have arrived in time."""

    _timer: threading.Timer | None = None

    def communicate(self) -> Any:
        self.end_reading_in(REQUEST_WITHIN)
        try:
            return super().communicate()  # type: ignore[no-untyped-call,unused-ignore]
        finally:
            self._cancel()

    def end_reading_in(self, seconds: float) -> None:
        self._cancel()
        self._timer = timer = threading.Timer(seconds, self._end_reading)
        timer.daemon = True
        timer.start()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end_reading(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RD)  # reading ends; an answer can still be written
        except OSError:
            pass  # closed meanwhile


class _Gateway(wsgi.Gateway_10):  # type: ignore[misc,unused-ignore]
    def get_environ(self) -> Any:
        environ = super().get_environ()  # type: ignore[no-untyped-call,unused-ignore]
        environ[REFUSE_SOON] = self._refuse_soon
        return environ

    def _refuse_soon(self) -> None:
        self.req.close_connection = True  # or cheroot would read the rest of the body before the next request
        self.req.conn.end_reading_in(REFUSED_WITHIN)


class _Server(wsgi.Server):
    """cheroot, with its errors in our log instead of on a console that may not exist."""

    ConnectionClass = _Connection

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        log.log(level if level > logging.INFO else logging.DEBUG, "inbox: %s", msg, exc_info=traceback)


class Inbox:
    """Opens the port in its first round (and again while it is taken), then checks that it really answers."""

    def __init__(self, port: int, token: str, home: Home, lease: Lease, wall: Callable[[], float] = time.time) -> None:
        self._port = port
        self._token = token
        self._home = home
        self._lease = lease
        self._wall = wall
        self._server: _Server | None = None
        self._is_written = False  # control/inbox.json
        self._opener = build_opener(ProxyHandler({}))  # asks itself: never through a proxy

    def round(self, now: float) -> None:
        if self._server is None:
            self._open()
            return
        if not self._is_written:
            self._write_port(self._server.bind_addr[1])
        with self._opener.open(f"http://127.0.0.1:{self._server.bind_addr[1]}/health", timeout=5) as answer:
            answer.read()

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def _open(self) -> None:
        app = make_app(self._token, self._store, self._wall)
        server = _Server(("127.0.0.1", self._port), app, numthreads=THREADS, timeout=IDLE_TIMEOUT)
        server.gateway = _Gateway
        server.max_request_body_size = LARGEST_READ
        server.shutdown_timeout = 1
        try:
            server.prepare()
        except OSError as error:
            log.warning("inbox: port %s: %s", self._port, error)
            why = f"旧脚本的收件口开不了：端口 {self._port} 被别的程序占用，请在 sentry.ini 的 [inbox] port 换一个。"
            self._lease.show(inbox_port=None, inbox_why=why)
            return
        threading.Thread(target=server.serve, name="inbox-serve", daemon=True).start()
        self._server = server
        port = server.bind_addr[1]
        log.info("inbox: listening on 127.0.0.1:%s", port)
        self._write_port(port)
        self._lease.show(inbox_port=port, inbox_why="")

    def _write_port(self, port: int) -> None:
        """control/inbox.json, for scripts that look the port up; tried again in each round until it stands there."""
        try:
            write_whole(self._home.inbox, json.dumps({"port": port, "at": round(self._wall(), 3)}))
        except OSError as error:
            log.warning("inbox: %s: %s", self._home.inbox, error)
            return
        self._is_written = True

    def _store(self, found: list[Event]) -> None:
        self._lease.put(*found)
        for event in found:
            if event["kind"] == "old.heartbeat" and event["data"]["name"] == "qmt":
                self._lease.show(post=Post(event["at"], OLD_EVERY, "旧脚本"))
