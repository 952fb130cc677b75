"""The line between mini PC and VPS: a TCP proxy on loopback that can be cut; and ports that stay free.

Two kinds of cut, because programs suffer differently from them: `refuse` closes every connection at once (no route),
`swallow` takes connections and bytes and never answers (packets dropped).
"""

import random
import socket
import threading

CHUNK = 65536


def free_port():
    """A port that was free a moment ago and that no outgoing connection is given: the systems draw those from above
    (Linux from 32768, Windows from 49152 on), so it stays free until it is listened on, and over restarts."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue  # taken
        return port


class Line:
    """Forwards 127.0.0.1:port to the target port until cut. `port` stays the same over cuts."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.mode = "open"
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    def cut(self, mode="swallow"):
        """mode: swallow or refuse. Connections that are open now break with it."""
        self.mode = mode
        self._drop_all()

    def restore(self):
        self.mode = "open"
        self._drop_all()  # what was swallowed meanwhile must not come out of an old connection later

    def close(self):
        self.mode = "refuse"
        self._listener.close()
        self._drop_all()

    def _drop_all(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for connection in pairs:
            _hang_up(connection)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            if self.mode == "refuse":
                client.close()
                continue
            with self._lock:
                self._pairs.add(client)
            if self.mode == "open":
                self._connect(client)

    def _connect(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            self._forget(client)  # the receiver is down: the client sees a closed connection
            return
        server.settimeout(None)
        with self._lock:
            self._pairs.add(server)
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source, target):
        try:
            while True:
                data = source.recv(CHUNK)
                if not data or self.mode != "open":
                    break
                target.sendall(data)
        except OSError:
            pass  # either side hung up: both ends are closed below
        self._forget(source)
        self._forget(target)

    def _forget(self, connection):
        with self._lock:
            self._pairs.discard(connection)
        _hang_up(connection)


def _hang_up(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it was not connected any more
    connection.close()
