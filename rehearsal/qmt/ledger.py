"""The rehearsal's oracle: what really landed in the spool, each call of passorder, and what each entry-point call of a
script cost.

Independent of the strategies' own counting: posts are seen at os.replace, the one call by which a file gets its final
name, and a call's own cost is its wall time minus the time spent inside the simulated API and inside this ledger.
"""

import collections
import json
import os
import time
from typing import Any, Callable, Deque, Optional, Tuple

_KEPT = 100000


class Ledger:
    """Appends to DIR/posted.jsonl, costs.jsonl and passorders.jsonl, each line flushed at once; without a folder it
    only keeps the costs (`costs`: (entry point, own milliseconds), the newest ones)."""

    def __init__(self, folder: str, timer: Callable[[], float] = time.perf_counter) -> None:
        self.costs: Deque[Tuple[str, float]] = collections.deque(maxlen=_KEPT)
        self._posted_file: Any = None
        self._costs_file: Any = None
        self._calls_file: Any = None
        if folder:
            os.makedirs(folder, exist_ok=True)
            self._posted_file = open(os.path.join(folder, "posted.jsonl"), "a", encoding="utf-8")  # noqa: SIM115
            self._costs_file = open(os.path.join(folder, "costs.jsonl"), "a", encoding="utf-8")  # noqa: SIM115
            self._calls_file = open(os.path.join(folder, "passorders.jsonl"), "a", encoding="utf-8")  # noqa: SIM115
        self._timer = timer
        self._replace: Optional[Callable[..., None]] = None
        self._inside = 0.0  # seconds spent in the simulated API (and here) during the current entry call
        self._depth = 0
        self._posted = 0

    # ---- costs

    def entry(self, script: str, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """function(*args) as the entry point `name`, its own cost noted."""
        self._inside = 0.0
        self._posted = 0
        started = self._timer()
        try:
            return function(*args)
        finally:
            own = round((self._timer() - started - self._inside) * 1000, 3)
            self.costs.append((name, own))
            note = {"script": script, "entry": name, "ms": own, "posted": self._posted}
            if self._costs_file is not None:
                self._line(self._costs_file, note)

    def inside(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """function(*args), its time not counted as the script's own."""
        self._depth += 1
        started = self._timer()
        try:
            return function(*args, **named)
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._inside += self._timer() - started

    # ---- orders

    def passorder(self, script: str, code: str, remark: str, at: float) -> None:
        """A script called passorder, whatever becomes of it."""
        if self._calls_file is not None:
            self._line(self._calls_file, {"script": script, "code": code, "remark": remark, "at": at})

    # ---- posts

    def watch(self) -> None:
        """Wrap os.replace for this process."""
        self._replace = os.replace
        os.replace = self._replace_and_note

    def close(self) -> None:
        if self._replace is not None:
            os.replace = self._replace
            self._replace = None
        for file in (self._posted_file, self._costs_file, self._calls_file):
            if file is not None:
                file.close()

    def _replace_and_note(self, src: Any, dst: Any, **named: Any) -> None:
        assert self._replace is not None
        name = os.path.basename(str(dst))
        is_post = os.path.basename(os.path.dirname(str(dst))) == "spool" and name.endswith(".json")
        # Read before the rename: the tray may take and delete the file at once.
        event = self.inside(_read, src) if is_post else {}
        self._replace(src, dst, **named)
        if is_post:
            self._posted += 1
            note = {"id": event.get("id"), "kind": event.get("kind"), "at": event.get("at"), "name": name}
            self.inside(self._line, self._posted_file, note)

    def _line(self, file: Any, note: Any) -> None:
        file.write(json.dumps(note, ensure_ascii=False) + "\n")
        file.flush()


def _read(path: Any) -> Any:
    with open(path, "rb") as file:
        return json.loads(file.read().decode("utf-8"))
