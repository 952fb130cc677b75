"""One mounted strategy: its source read as QMT reads it, run under injected globals, without a __file__.

QMT has Python 3.6.8 (qmt-facts 1.9). On a newer Python, `strict_source` refuses what 3.6 does not know: its syntax, its
builtins, and the standard library's later modules where the script itself imports them.
"""

import ast
import builtins
import functools
import re
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from .contextinfo import ContextInfo, Rollback

if TYPE_CHECKING:
    from .client import Client

_LATER_MODULES = frozenset(["dataclasses", "contextvars", "graphlib", "zoneinfo", "tomllib"])
_LATER_BUILTINS = frozenset(["breakpoint", "aiter", "anext", "ExceptionGroup", "BaseExceptionGroup", "EncodingWarning"])


class Timer:
    """One run_time or schedule_run: calls a function of the run that asked for it."""

    def __init__(
        self, scope: Dict[str, Any], function: Any, seconds: float, next_at: float, left: float, name: str, number: int
    ) -> None:
        self.scope = scope
        self.function = function  # a name in scope, or a callable
        self.seconds = seconds  # between two calls
        self.next_at = next_at
        self.left = left  # calls still to be made; infinity: unlimited
        self.name = name
        self.number = number

    def target(self) -> Any:
        return self.scope.get(self.function) if isinstance(self.function, str) else self.function


class Source(NamedTuple):
    name: str  # without folder and .py, as m_strSource shows it
    raw: bytes


class Builtins(dict):  # type: ignore[type-arg]
    """A script's builtins: a name that is nowhere else ends here, in a log line and a NameError."""

    def __init__(self, log: Callable[[str], None], strict: bool) -> None:
        super().__init__(vars(builtins))
        self._log = log
        if strict:
            self["__import__"] = _import_of_36
            for name in _LATER_BUILTINS:
                self.pop(name, None)

    def __missing__(self, name: str) -> Any:
        self._log("没有 %s 这个名字：模拟的 QMT 只提供文档里有的函数" % name)
        raise NameError("name %r is not defined" % name)


class Script:
    """A script on the main chart; `start` gives it a fresh run, as at mounting and at each re-init."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name
        self.scope: Dict[str, Any] = {}
        self.timers: List[Timer] = []
        self.subscriptions: Dict[int, Any] = {}
        self.accounts: List[str] = []  # those of set_account
        self.stopped = False  # an exception reached the client: it is never called again
        self.rollback = Rollback()
        self.context: Optional[ContextInfo] = None
        self.bars: List[float] = []  # start of each bar that handlebar was called for, by barpos

    def start(self, client: "Client", keep_timers: bool) -> None:
        """Fresh globals and ContextInfo; imported modules stay in sys.modules. Raises what the source raises."""
        if not keep_timers:
            self.timers = []
        self.subscriptions = {}
        self.accounts = []
        self.stopped = False
        self.rollback = Rollback()
        self.context = ContextInfo(client.quote_api, self, client.chart.code, client.chart.period)
        self.bars = []
        behaviours = client.behaviours
        log = client.log_of(self)
        self.scope = {"__name__": "__main__", "__builtins__": Builtins(log, behaviours.strict_source)}
        if behaviours.file_name:
            self.scope["__file__"] = self.name + ".py"
        self.scope.update(client.trade_api.injected(self))
        self.scope.update(client.more_globals)
        exec(compiled(decode(self.source.raw), behaviours.strict_source), self.scope)

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


@functools.lru_cache(maxsize=100)
def compiled(text: str, strict: bool) -> Any:
    """The code of a script; SyntaxError for what Python 3.6 does not know, where `strict`."""
    if strict and sys.version_info >= (3, 8):
        for node in ast.walk(ast.parse(text, "<string>", feature_version=(3, 6))):
            later = _later_than_36(node)
            if later:
                raise SyntaxError("Python 3.6 does not know: %s (line %d)" % (later, getattr(node, "lineno", 0)))
    return compile(text, "<string>", "exec", dont_inherit=True)


def _later_than_36(node: ast.AST) -> str:
    """What ast's own feature_version lets through on some Pythons."""
    if type(node).__name__ == "NamedExpr":
        return ":="
    if isinstance(node, ast.arguments) and getattr(node, "posonlyargs", None):
        return "positional-only parameters"
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return "future feature annotations" if any(alias.name == "annotations" for alias in node.names) else ""
    return ""


def _import_of_36(name: str, *args: Any, **named: Any) -> Any:
    if name.partition(".")[0] in _LATER_MODULES or name in ("importlib.resources", "importlib.metadata"):
        raise ImportError("No module named %r" % name)
    return builtins.__import__(name, *args, **named)
