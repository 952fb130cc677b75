"""Posts as files in the spool folder, from where the tray program takes them (docs/protocol.md, section 1).

A post is written under a temporary name and renamed, so the tray never sees half of one. Everything but a heartbeat is
fsynced before it counts as made. When the disk refuses, heartbeats are dropped, other events are kept in memory and
written with the next post that succeeds, and then the owner is told.

Our own files are listed in memory: a look into the folder at every post would cost more the longer the tray is away.
"""

import contextlib
import json
import os
import time
import uuid
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Tuple

from . import clock
from .disk import why
from .durable import patiently, sync_name

HEARTBEAT = "qmt.heartbeat"
KEEP_HEARTBEATS = 20
KEEP_UNWRITTEN = 100  # events held in memory while the disk refuses
STALE_TEMPORARY = 600.0  # seconds after which a temporary file can only be a crash's leftover
_RETRY_WAITS = (0.001, 0.002, 0.004)  # seconds: QMT has one thread, waiting longer would stop every strategy

_last_ms = 0  # of the whole process, so that names keep the order of the posts even if the clock is set back


def _next_ms(now: float) -> int:
    global _last_ms
    _last_ms = max(int(now * 1000), _last_ms + 1)
    return _last_ms


class Spool:
    """The posts of one strategy instance into `home`/spool. `now()` is epoch seconds, `pause(seconds)` waits."""

    def __init__(
        self,
        home: str,
        strategy: str,
        instance: str,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = os.path.join(home, "spool")
        self.strategy = strategy
        self.instance = instance
        self.last_error = ""  # in the system's own words
        self._why = ""  # in the owner's
        self._now = now
        self._pause = pause
        self._n = 0
        self._unwritten: Deque[Dict[str, Any]] = deque()
        self._failed = 0  # posts that the disk refused since it was last told
        self._lost = 0  # of these, the ones that are gone
        self._failed_since = 0.0
        self._heartbeats: Deque[Tuple[str, int]] = deque()  # (path, the `pruned` it tells), oldest first
        self._pruned = 0
        with contextlib.suppress(OSError):  # an unusable home is met, and remembered, by the first post
            os.makedirs(self.folder, exist_ok=True)
            self._look_at_leftovers()

    def post(self, kind: str, data: Dict[str, Any]) -> bool:
        """Make one post; True when it is in the spool. Never raises OSError: a failure is remembered and told later."""
        self._n += 1
        data = dict(data, strategy=self.strategy, instance=self.instance)
        if kind == HEARTBEAT:
            self._prune()
            data.update(n=self._n, pruned=self._pruned)
        event = {"id": str(uuid.uuid4()), "kind": kind, "at": round(self._now(), 3), "data": data}
        try:
            self._write_what_waits()
            self._write(event, self._n)
        except OSError as error:
            self._remember_failure(event, error)
            return False
        self._tell_failures()
        return True

    def _prune(self) -> None:
        """Make room for one more heartbeat. What the tray has taken meanwhile is not counted."""
        while len(self._heartbeats) >= KEEP_HEARTBEATS:
            path, told = self._heartbeats.popleft()
            try:
                os.remove(path)
            except OSError:  # the tray has it, or is reading it right now
                continue
            self._pruned += 1 + told

    def _write(self, event: Dict[str, Any], n: int) -> None:
        raw = _encode(event)
        lasting = event["kind"] != HEARTBEAT
        temporary, final = self._write_temporary(raw, n, event["kind"], lasting)
        try:
            patiently(lambda: os.replace(temporary, final), _RETRY_WAITS, self._pause)
        except OSError:
            with contextlib.suppress(OSError):
                os.remove(temporary)
            raise
        if lasting:
            patiently(lambda: sync_name(final), _RETRY_WAITS, self._pause)
        else:
            self._heartbeats.append((final, self._pruned))
            self._pruned = 0

    def _write_temporary(self, raw: bytes, n: int, kind: str, lasting: bool) -> Tuple[str, str]:
        for temporary, final in self._free_names(n, kind):
            try:
                file = open(temporary, "xb")  # noqa: SIM115  # closed below; 'x': two processes never share a name
            except FileExistsError:
                continue
            try:
                with file:
                    file.write(raw)
                    if lasting:
                        file.flush()
                        os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.remove(temporary)
                raise
            if not os.path.exists(final):  # another process may have posted under this name just before
                return temporary, final
            os.remove(temporary)
        raise OSError("no free name in " + self.folder)

    def _free_names(self, n: int, kind: str) -> Iterator[Tuple[str, str]]:
        os.makedirs(self.folder, exist_ok=True)
        for _ in range(10):
            name = "%013d-%06d-%s.json" % (_next_ms(self._now()), n % 1000000, kind)
            yield os.path.join(self.folder, "." + name + ".tmp"), os.path.join(self.folder, name)

    # ---- a disk that refuses

    def _remember_failure(self, event: Dict[str, Any], error: OSError) -> None:
        self.last_error, self._why = str(error)[:200], why(error)
        if not self._failed:
            self._failed_since = event["at"]
        self._failed += 1
        if event["kind"] == HEARTBEAT or len(self._unwritten) >= KEEP_UNWRITTEN:
            self._lost += 1
        else:
            self._unwritten.append(event)

    def _write_what_waits(self) -> None:
        while self._unwritten:
            self._n += 1
            self._write(self._unwritten[0], self._n)
            self._unwritten.popleft()

    def _tell_failures(self) -> None:
        if not self._failed:
            return
        since = clock.stamp(self._failed_since)
        words = "%s:%s 起有 %d 条消息写不进磁盘（%s），其中 %d 条已丢失。请检查磁盘空间和哨兵文件夹的权限" % (
            since[8:10],
            since[10:12],
            self._failed,
            self._why,
            self._lost,
        )
        self._failed = self._lost = 0
        self.post("strategy.notice", {"what": "spool_failed", "text": words})

    # ---- what an earlier run left

    def _look_at_leftovers(self) -> None:
        found: List[Tuple[str, int]] = []
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            if name.startswith(".") and name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    if self._now() - os.path.getmtime(path) > STALE_TEMPORARY:
                        os.remove(path)
            elif name.endswith("-" + HEARTBEAT + ".json"):
                told = self._pruned_told_by(path)
                if told is not None:
                    found.append((path, told))
        self._heartbeats.extend(found)

    def _pruned_told_by(self, path: str) -> Optional[int]:
        """The `pruned` of a heartbeat file of this strategy; None for another's or an unreadable one."""
        try:
            with open(path, "rb") as file:
                data = json.loads(file.read().decode("utf-8"))["data"]
            return int(data.get("pruned", 0)) if data["strategy"] == self.strategy else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _encode(event: Dict[str, Any]) -> bytes:
    try:
        words = json.dumps(event, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        words = json.dumps(_plain(event), ensure_ascii=False, allow_nan=False)
    return words.encode("utf-8", "replace")  # a lone surrogate (from a file name) becomes '?'


def _plain(value: Any) -> Any:
    """`value` with what strict JSON cannot say replaced: NaN and infinity by null, other objects by their text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if -1e300 < value < 1e300 else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
