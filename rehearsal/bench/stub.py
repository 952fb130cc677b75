"""Stands in for the receiver while the tray is measured: says yes to every event and stores nothing.

    python -m rehearsal.bench.stub

Prints `stub ready http=PORT echo=PORT` and runs until its standard input ends. What comes to the other port is sent
back as it is: the least that a round trip on loopback can take.
"""

import gzip
import http.server
import json
import re
import socket
import socketserver
import sys
import threading
import time

_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')


class Yes(http.server.BaseHTTPRequestHandler):
    """Answers as the receiver does (docs/protocol.md section 3), as fast as Python can."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        ids = [found.decode("ascii") for found in _ID.findall(raw)]
        answer = {"accepted": ids, "rejected": [], "now": time.time(), "alerts": {"ok": True, "why": ""}}
        body = json.dumps(answer).encode("ascii")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass  # a line for each request would be measured as well


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            piece = self.request.recv(4096)
            if not piece:
                return
            self.request.sendall(piece)


def main() -> None:
    servers = [
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Yes),
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo),
    ]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    print("stub ready http=%d echo=%d" % tuple(server.server_address[1] for server in servers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
