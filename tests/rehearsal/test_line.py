"""The line that can be cut."""

import socket
import threading

import pytest

from rehearsal.network import Line


@pytest.fixture
def echo():
    """A server that answers each chunk with itself; yields its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        try:
            while True:
                data = connection.recv(1000)
                if not data:
                    return
                connection.sendall(data)
        except OSError:
            pass  # the line was cut

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def line(echo):
    line = Line(echo)
    yield line
    line.close()


def talk(line, timeout=30.0):
    with socket.create_connection(("127.0.0.1", line.port), timeout=timeout) as connection:
        connection.sendall(b"hello")
        return connection.recv(1000)


def test_an_open_line_carries_both_ways(line):
    assert talk(line) == b"hello"


def test_a_swallowing_line_takes_bytes_and_never_answers(line):
    line.cut("swallow")
    with pytest.raises(socket.timeout):
        talk(line, timeout=0.3)


def test_a_refusing_line_hangs_up(line):
    line.cut("refuse")
    try:
        assert talk(line) == b""
    except ConnectionError:
        pass  # hung up before we could send: just as refused


def test_a_cut_breaks_what_is_open_and_a_restored_line_carries_again(line):
    with socket.create_connection(("127.0.0.1", line.port), timeout=30) as connection:
        connection.sendall(b"before")
        assert connection.recv(1000) == b"before"
        line.cut("swallow")
        try:
            assert connection.recv(1000) == b""
        except ConnectionError:
            pass  # a reset instead of an end: broken all the same
    line.restore()
    assert talk(line) == b"hello"
