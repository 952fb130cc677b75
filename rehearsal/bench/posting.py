"""A kept-alive HTTP client for benches: http.client needs several times the processor that sending and reading takes,
on a small machine at the expense of the server that is to be measured."""

import selectors
import socket
from typing import Callable, Dict, Iterable, Tuple

Request = Tuple[str, bytes, Dict[str, str]]  # target, body, headers
TIMEOUT = 120.0  # seconds


class KeptAlive:
    """One HTTP/1.1 connection. An answer has to say its length, as the receiver's do."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, target: str, body: bytes, headers: Dict[str, str]) -> None:
        fields = {"Host": self.host, "Accept-Encoding": "identity", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket.sendall(f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)

    def answer(self) -> Tuple[int, bytes]:
        """(status, body). Raises OSError and RuntimeError."""
        got = self.more(b"")
        while b"\r\n\r\n" not in got:
            got = self.more(got)
        head, _, body = got.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(fields["content-length"]):
            body = self.more(body)
        return int(first.split(" ")[1]), body

    def more(self, got: bytes) -> bytes:
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise RuntimeError("the receiver hung up")
        return got + piece


def post_all(
    connections: Iterable[KeptAlive], requests: Iterable[Request], check: Callable[[int, bytes], None]
) -> None:
    """Posts all requests; each connection asks again as soon as it has its answer."""
    todo, waiting = iter(requests), 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            for request in todo:
                connection.ask(*request)
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                waiting += 1
                break
        while waiting:
            ready = selector.select(TIMEOUT)
            if not ready:
                raise RuntimeError("no answer")
            for key, _ in ready:
                check(*key.data.answer())
                following = next(todo, None)
                if following is None:
                    selector.unregister(key.fileobj)
                    waiting -= 1
                else:
                    key.data.ask(*following)
