"""The simulated clock as scripts see it: while one of their entry points runs, Python's own clocks show its time.

`running(clock)` replaces, for the length of a with block: time.time, time_ns, monotonic, sleep, localtime, gmtime,
ctime, asctime and strftime, and datetime.datetime and datetime.date (now, today, utcnow). The PC is in China: local
time is epoch + 8 h. perf_counter stays real, since costs are measured with it. Other threads keep the real clocks.
A module that binds `time.time` while it is imported under a script keeps the replacement, which outside such a block,
or in another thread, is the real clock again. time.sleep moves the simulated clock and never waits.
"""

import contextlib
import datetime
import functools
import importlib
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

CHINA = 8 * 3600


class SimClock:
    """Epoch seconds that move only when told to. Call it to read it."""

    def __init__(self, now: float) -> None:
        self.now = float(now)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def set(self, now: float) -> None:
        """Move to `now`; never back."""
        self.now = max(self.now, now)


class _Current:
    read: Optional[Callable[[], float]] = None
    sleep: Optional[Callable[[float], None]] = None
    thread = 0


_real: Dict[str, Any] = {
    name: getattr(time, name)
    for name in (
        "time", "time_ns", "monotonic", "monotonic_ns", "sleep", "localtime", "gmtime", "ctime", "asctime", "strftime"
    )
    if hasattr(time, name)
}  # fmt: skip
_datetime: Any = datetime.datetime
_date: Any = datetime.date


def _now() -> Optional[float]:
    """The simulated time, or None where the real one counts."""
    if _Current.read is None or _Current.thread != threading.get_ident():
        return None
    return _Current.read()


def _time() -> float:
    now = _now()
    found: float = _real["time"]() if now is None else now
    return found


def _time_ns() -> int:
    now = _now()
    return int(_real["time_ns"]() if now is None else now * 1e9)


def _monotonic() -> float:
    now = _now()
    found: float = _real["monotonic"]() if now is None else now
    return found


def _monotonic_ns() -> int:
    now = _now()
    return int(_real["monotonic_ns"]() if now is None else now * 1e9)


def _sleep(seconds: float) -> None:
    if _now() is None or _Current.sleep is None:
        _real["sleep"](seconds)
    else:
        _Current.sleep(seconds)


def _gmtime(seconds: Optional[float] = None) -> Any:
    return _real["gmtime"](_time() if seconds is None else seconds)


def _localtime(seconds: Optional[float] = None) -> Any:
    if _now() is None:
        return _real["localtime"](seconds)
    return _real["gmtime"]((_time() if seconds is None else seconds) + CHINA)


def _asctime(parts: Any = None) -> str:
    return str(_real["asctime"](_localtime() if parts is None else parts))


def _ctime(seconds: Optional[float] = None) -> str:
    return _asctime(_localtime(seconds))


def _strftime(form: str, parts: Any = None) -> str:
    return str(_real["strftime"](form, _localtime() if parts is None else parts))


class _IsReal(type):
    """isinstance(x, datetime.datetime) must hold for real ones too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _datetime if issubclass(cls, _datetime) else _date)


class _Datetime(_datetime, metaclass=_IsReal):  # type: ignore[misc]
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        now = _now()
        if now is None:
            return _datetime.now(tz)
        if tz is not None:
            return _datetime.fromtimestamp(now, tz)
        return _datetime(1970, 1, 1) + datetime.timedelta(seconds=now + CHINA)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        now = _now()
        return _datetime.utcnow() if now is None else _datetime(1970, 1, 1) + datetime.timedelta(seconds=now)

    @classmethod
    def fromtimestamp(cls, seconds: float, tz: Any = None) -> Any:
        if _now() is None or tz is not None:
            return _datetime.fromtimestamp(seconds, tz)
        return _datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds + CHINA)


class _Date(_date, metaclass=_IsReal):  # type: ignore[misc]
    @classmethod
    def today(cls) -> Any:
        return _Datetime.now().date()

    @classmethod
    def fromtimestamp(cls, seconds: float) -> Any:
        return _Datetime.fromtimestamp(seconds).date()


_simulated: Dict[str, Any] = {
    "time": _time,
    "time_ns": _time_ns,
    "monotonic": _monotonic,
    "monotonic_ns": _monotonic_ns,
    "sleep": _sleep,
    "localtime": _localtime,
    "gmtime": _gmtime,
    "ctime": _ctime,
    "asctime": _asctime,
    "strftime": _strftime,
}
_items: List[Any] = [(name, function, _simulated[name]) for name, function in _real.items()]


@functools.lru_cache(maxsize=None)
def _load_pandas() -> None:
    """pandas' compiled parts inherit from datetime.datetime when they are first imported: that must be the real one."""
    with contextlib.suppress(ImportError):
        importlib.import_module("pandas")


@contextlib.contextmanager
def running(clock: Callable[[], float], sleep: Optional[Callable[[float], None]]) -> Iterator[None]:
    """Python's clocks show clock() for the calling thread; sleep(seconds) stands in for time.sleep, None: the
    real one."""
    _load_pandas()
    before = (_Current.read, _Current.sleep, _Current.thread)
    _Current.read, _Current.sleep, _Current.thread = clock, sleep, threading.get_ident()
    for name, _, simulated in _items:
        setattr(time, name, simulated)
    datetime.datetime, datetime.date = _Datetime, _Date  # type: ignore[misc]
    try:
        yield
    finally:
        _Current.read, _Current.sleep, _Current.thread = before
        if before[0] is None:
            for name, real, _ in _items:
                setattr(time, name, real)
            datetime.datetime, datetime.date = _datetime, _date  # type: ignore[misc]
