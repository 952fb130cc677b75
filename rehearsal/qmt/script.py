"""One mounted strategy: its source read as QMT reads it, run under injected globals, without a __file__."""

import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from .contextinfo import ContextInfo, Rollback

if TYPE_CHECKING:
    from .host import Host


class Timer:
    """One run_time: calls the function of that name in the globals of the run that asked for it."""

    def __init__(self, scope: Dict[str, Any], function: str, seconds: float, next_at: float) -> None:
        self.scope = scope
        self.function = function
        self.seconds = seconds
        self.next_at = next_at


class Source(NamedTuple):
    name: str  # without folder and .py, as m_strSource shows it
    raw: bytes


class Script:
    """A script on the main chart; `start` gives it a fresh run, as at mounting and at each re-init."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name
        self.scope: Dict[str, Any] = {}
        self.timers: List[Timer] = []
        self.accounts: List[str] = []  # those of set_account
        self.stopped = False  # an exception reached the client: it is never called again
        self.rollback = Rollback()
        self.context: Optional[ContextInfo] = None
        self.bar = 0.0  # start of the bar of the last handlebar

    def start(self, host: "Host", keep_timers: bool) -> None:
        """Fresh globals and ContextInfo; imported modules stay in sys.modules. Raises what the source raises."""
        if not keep_timers:
            self.timers = []
        self.accounts = []
        self.stopped = False
        self.rollback = Rollback()
        self.context = ContextInfo(host.api, self, host.chart)
        self.bar = 0.0
        self.scope = {"__name__": "__main__", "__builtins__": __builtins__}
        self.scope.update(host.api.injected(self))
        exec(compile(decode(self.source.raw), "<string>", "exec"), self.scope)

    def function(self, name: str) -> Optional[Callable[..., Any]]:
        found = self.scope.get(name)
        return found if callable(found) else None


def decode(raw: bytes) -> str:
    """The source as text by its coding cookie (PEP 263: in the first two lines), gbk where it has none."""
    for line in raw.split(b"\n")[:2]:
        match = re.match(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)", line)
        if match:
            return raw.decode(match.group(1).decode("ascii"))
    return raw.decode("gbk")
