"""HTTP without sockets: calls a WSGI program directly, and leads `requests` to one.

For replays of hundreds of power cuts in one process. What is left out is only what no disk can influence: sockets,
threads of the server, HTTP's framing. The programs' own code on both sides runs unchanged.
"""

import io
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple
from unittest import mock
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

UP = "up"
DOWN = "down"  # nothing arrives
ANSWER_LOST = "answer lost"  # it arrives and is answered, but the answer does not come back


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str]
    body: bytes


def call(app: Any, method: str, path: str, body: bytes = b"", headers: Optional[Dict[str, str]] = None) -> Answer:
    """One request to a WSGI program. `path` may carry a query."""
    parts = urlsplit(path)
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key] = value
    begun: Dict[str, Any] = {}

    def start_response(status: str, response_headers: List[Tuple[str, str]], exc_info: Any = None) -> Any:
        begun.update(status=int(status.split()[0]), headers=dict(response_headers))

    result = app(environ, start_response)
    try:
        content = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return Answer(begun["status"], begun["headers"], content)


class Line:
    """The way from the tray to the receiver. `heard` is called with every answer that the receiver gave."""

    def __init__(self, heard: Callable[[Answer], None]) -> None:
        self.app: Any = None
        self.state = UP
        self._heard = heard

    @contextmanager
    def carries_requests(self) -> Iterator[None]:
        """While it runs, whatever this process sends with `requests` goes over this line."""
        with mock.patch.object(HTTPAdapter, "send", self._adapter()):
            yield

    def _adapter(self) -> Callable[..., requests.Response]:
        line = self

        def send(adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            return line.send(request)

        return send

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        if self.state == DOWN:
            raise requests.exceptions.ConnectionError("the line is cut")
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode("utf-8")
        answer = call(self.app, str(request.method), str(request.path_url), body, dict(request.headers))
        self._heard(answer)
        if self.state == ANSWER_LOST:
            raise requests.exceptions.ReadTimeout("the answer was lost")
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = io.BytesIO(answer.body)
        response.url = str(request.url)
        response.request = request
        return response
