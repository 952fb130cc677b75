"""What a second start of the program may ask of the running one: to stop (--shutdown), or to shut the PC down
(--request-shutdown).

On Windows by two named events beside the mutex of single_instance.py: they need no disk, and they vanish with the
program that made them. Elsewhere by files in control/.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator

from tray_app import single_instance
from tray_app import strings_zh as zh
from tray_app.home import Home

log = logging.getLogger(__name__)

STOP, SHUTDOWN = "stop", "shutdown"
ALL = (STOP, SHUTDOWN)
END_WITHIN = 30.0  # seconds that --shutdown waits for the running copy to end
LOOK_EVERY = 0.2  # seconds


@contextmanager
def listening(home: Home) -> Iterator[Callable[[], str | None]]:
    """The running copy's side: a function that gives what was asked since its last call, STOP first; None: nothing."""
    ears: _Events | _Files | None = None
    try:
        ears = _Events(home.root) if sys.platform == "win32" else _Files(home.control)
    except OSError as error:
        log.error("nobody can ask this copy to stop: %s", error)  # the menu still can
    try:
        yield ears.heard if ears else lambda: None
    finally:
        if ears:
            ears.close()


def ask(home: Home, what: str) -> bool:
    """Ask the running copy. False: there is none that listens."""
    if sys.platform == "win32":
        from tray_app import winapi

        return winapi.set_event(event_name(home.root, what))
    if not single_instance.is_held(home.root, home.lock):
        return False
    (home.control / f"asked-{what}").touch()
    return True


def event_name(root: Path, what: str) -> str:
    """Kept for ever, as the mutex's name is: the installer of a later version asks by it."""
    return f"{single_instance.mutex_name(root)}-{what}"


def stop_running(home: Home, say: Callable[[str], None], within: float = END_WITHIN) -> int:
    """--shutdown. 0: no copy runs (any more); 1: it is still there after `within` seconds."""
    heard = ask(home, STOP)
    if not heard and not is_running(home):
        say(zh.NOT_RUNNING.format(home=home.root))
        return 0
    deadline = time.monotonic() + within
    while is_running(home):
        if time.monotonic() >= deadline:
            say(zh.DID_NOT_STOP.format(seconds=within))
            return 1
        time.sleep(LOOK_EVERY)
        heard = heard or ask(home, STOP)  # one that has just begun holds the home folder a moment before it listens
    say(zh.HAS_STOPPED.format(home=home.root))
    return 0


def request_shutdown(home: Home, say: Callable[[str], None]) -> int:
    """--request-shutdown. 0: the running copy has been asked, and decides; 1: there is none, and the PC stays on."""
    heard = ask(home, SHUTDOWN)
    say(zh.SHUTDOWN_ASKED if heard else zh.SHUTDOWN_UNASKED)
    return 0 if heard else 1


def is_running(home: Home) -> bool:
    """Whether a copy holds this home, or (of the installed program) still keeps its files open on its way out."""
    return single_instance.is_held(home.root, home.lock) or _same_exe_runs()


def _same_exe_runs() -> bool:
    """The mutex goes a moment before the process: an installer must not replace an exe that is still loaded."""
    if sys.platform != "win32" or not getattr(sys, "frozen", False):
        return False
    from tray_app import winapi

    mine = os.path.normcase(sys.executable)
    name = os.path.basename(mine)
    same = [process.pid for process in winapi.processes() if os.path.normcase(process.name) == name]
    return any(pid != os.getpid() and os.path.normcase(winapi.process_path(pid) or "") == mine for pid in same)


class _Events:
    def __init__(self, root: Path) -> None:
        from tray_app import winapi

        self._events = {what: winapi.create_event(event_name(root, what)) for what in ALL}
        self._was_set, self._close = winapi.was_set, winapi.close_handle

    def heard(self) -> str | None:
        return next((what for what in ALL if self._was_set(self._events[what])), None)

    def close(self) -> None:
        for handle in self._events.values():
            self._close(handle)


class _Files:
    def __init__(self, control: Path) -> None:
        self._control = control
        while self.heard():
            pass  # asked of a copy that is gone

    def heard(self) -> str | None:
        for what in ALL:
            with suppress(FileNotFoundError):
                (self._control / f"asked-{what}").unlink()
                return what
        return None

    def close(self) -> None:
        return
