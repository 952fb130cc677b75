"""How the client calls into a script, and what the script finds around it then: stdout that goes to the log, the
client's modules, its environment, the PC's clock. What a script raises stops that script for good and nothing else.
"""

import contextlib
import os
import threading
import time
import traceback
from typing import Any, Callable, Iterator, Mapping, Sequence

from . import simtime
from .imports import Imports
from .ledger import Ledger
from .logs import Logs, Printed
from .script import Script
from .world import World

_REAL_CLOCK = time.time


class Caller:
    """The strategy thread of one client."""

    def __init__(
        self, world: World, logs: Logs, ledger: Ledger, site_packages: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self.entry = ""  # the entry point that runs now; '' = none
        self.raise_next = False
        self.imports = Imports(site_packages, world.behaviours)
        self._thread = threading.get_ident()
        self._world = world
        self._logs = logs
        self._ledger = ledger
        self._environ = dict(environ)

    def on_thread(self) -> bool:
        """Whether the caller of this runs under an entry point of a script, on the strategy thread."""
        return bool(self.entry) and threading.get_ident() == self._thread

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """A script's call into the client: its time is not the script's own."""
        if self.raise_next and self.entry == "handlebar":
            self.raise_next = False
            raise RuntimeError("模拟的 QMT 内部错误")
        return self._ledger.inside(function, *args)

    def enter(self, script: Script, entry: str, function: Any, *args: Any) -> None:
        """function(*args) as that entry point; nothing where it is no function or the script has been stopped."""
        if not callable(function) or (script.stopped and entry != "load"):
            return
        self.entry = entry
        self._thread = threading.get_ident()
        printed: Any = Printed(self._logs, script.name)
        began = self._world.now()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), self._surroundings():
                self._ledger.entry(script.name, entry, function, *args)
        except (Exception, SystemExit):  # the client survives whatever a strategy does
            self._logs.formula(script.name, traceback.format_exc())
            script.stopped = True
        finally:
            printed.finish()
            self.entry = ""
            if self._world.simulated and not self._world.behaviours.one_thread:
                clock: Any = self._world.clock
                clock.now = began

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        before = {name: os.environ.get(name) for name in self._environ}
        os.environ.update(self._environ)
        try:
            with self.imports.entered(), self._pc_clock():
                yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _pc_clock(self) -> Any:
        """Python's clocks as the world's, wrong by pc_clock_off; the real ones where the world is on them."""
        off = self._world.behaviours.pc_clock_off
        clock: Any = self._world.clock
        if self._world.simulated:
            return simtime.running(lambda: clock.now + off, clock.advance)
        if off or clock is not _REAL_CLOCK:
            return simtime.running(lambda: float(clock()) + off, None)
        return contextlib.ExitStack()
