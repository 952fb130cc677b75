"""Who watches the watcher: the ping outward (watchdog_url) to a small server on loopback."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from receiver import receiver as program
from rehearsal.network import free_port
from tests.receiver.receiver_bench import Bench

WAIT = 30


@pytest.fixture
def outside():
    """`status` is its answer, None: headers without end; `got` holds the paths; `asked` is set by the first."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.got.append(self.path)
            server.asked.set()
            if server.status is None:
                while not server.over.wait(0.02):
                    self.wfile.write(b"X")
                return
            self.send_response(server.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

        def handle_one_request(self):
            try:
                super().handle_one_request()
            except OSError:
                pass  # hung up on, as it should be

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.status, server.asked, server.over = [], 200, threading.Event(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/ping/SECRET?k=1"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status, said", [(200, ""), (204, ""), (302, ""), (404, "HTTP 404"), (500, "HTTP 500")])
def test_a_ping_asks_for_the_whole_address_once_and_says_why_it_failed(outside, status, said):
    outside.status = status
    assert program.ping(outside.url) == said
    assert outside.got == ["/ping/SECRET?k=1"]  # a redirect would take the key elsewhere


def test_with_nobody_there_it_says_so_without_the_key():
    assert program.ping(f"http://127.0.0.1:{free_port()}/SECRET") == "拒绝连接"


def test_one_that_never_ends_its_answer_is_hung_up_on(outside, monkeypatch):
    monkeypatch.setattr(program, "ATTEMPT_SECONDS", 0.2)
    outside.status, said = None, []
    asking = threading.Thread(target=lambda: said.append(program.ping(outside.url)), daemon=True)
    asking.start()
    asking.join(WAIT)
    assert said and said[0] != ""


def test_a_running_receiver_pings_where_its_ini_says(tmp_path, outside):
    bench = Bench(tmp_path, public_url=f"http://127.0.0.1:8780\nwatchdog_url = {outside.url}")  # both in [receiver]
    bench.receiver.start()
    try:
        assert outside.asked.wait(WAIT)
    finally:
        bench.receiver.stop()
