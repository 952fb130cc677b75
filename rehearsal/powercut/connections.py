"""Knows every sqlite3 connection that is opened, and says which of them would lose commits in a power cut.

In WAL mode with synchronous=NORMAL (and with OFF) a commit is answered before it is on the disk; only FULL waits for it
(sqlite.org/pragma.html#pragma_synchronous). The setting belongs to the connection, not to the file, so every connection
must be asked, and each only in the thread that owns it: it is asked when it is closed, and when `problems()` is called.
"""

import sqlite3
import threading
import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Type

FULL = 2


class Setting(NamedTuple):
    """What a connection answers: PRAGMA synchronous (0 OFF, 1 NORMAL, 2 FULL, 3 EXTRA), PRAGMA journal_mode."""

    synchronous: int
    journal_mode: str


class _Known:
    """One opened connection."""

    def __init__(self, database: str, thread: str) -> None:
        self.database = database
        self.thread = thread
        self.at_close: Optional[Setting] = None
        self.connection: Any = None  # weak reference


class KnownConnections:
    """Wraps sqlite3.connect between start() and stop()."""

    def __init__(self) -> None:
        self._opened: List[_Known] = []
        self._factories: Dict[type, type] = {}
        self._real: Callable[..., Any] = sqlite3.connect

    def start(self) -> None:
        self._set(self._connect)

    def stop(self) -> None:
        self._set(self._real)

    def _set(self, connect: Callable[..., Any]) -> None:
        for module in (sqlite3, sqlite3.dbapi2):
            vars(module)["connect"] = connect

    def databases(self) -> List[str]:
        """Of every connection so far, as given to sqlite3.connect."""
        return [known.database for known in self._opened]

    def problems(self, concerns: Callable[[str], bool] = lambda database: True) -> List[str]:
        """One line for each connection that is not FULL and WAL, or that could not be asked. Empty is right.

        Only databases for which `concerns` is true. Those in memory and read-only connections have nothing to lose.
        """
        found = []
        for known in self._opened:
            if not concerns(known.database):
                continue
            setting = known.at_close
            connection = known.connection()
            if setting is None and connection is not None:
                try:
                    setting = ask(connection)
                except sqlite3.ProgrammingError as error:
                    found.append(f"{known.database} (opened in {known.thread}): cannot be asked: {error}")
                    continue
            if setting is None:
                found.append(f"{known.database} (opened in {known.thread}): dropped without close()")
            elif setting.synchronous < FULL or setting.journal_mode != "wal":
                found.append(f"{known.database} (opened in {known.thread}): {setting}")
        return found

    def _connect(self, database: Any, *args: Any, **kwargs: Any) -> Any:
        # The factory is the sixth argument of sqlite3.connect, so the fifth of `args`.
        given = args[4] if len(args) > 4 else kwargs.pop("factory", sqlite3.Connection)
        factory = self._factory(given)
        name = database.decode() if isinstance(database, bytes) else str(database)
        known = _Known(name, threading.current_thread().name)
        if len(args) > 4:
            connection = self._real(database, *args[:4], factory, *args[5:], **kwargs)
        else:
            connection = self._real(database, *args, factory=factory, **kwargs)
        if name and not name.startswith((":memory:", "file::memory:")) and "mode=ro" not in name:
            known.connection = weakref.ref(connection)
            connection.known = known
            self._opened.append(known)
        return connection

    def _factory(self, given: Type[Any]) -> type:
        if given not in self._factories:
            self._factories[given] = type(given.__name__, (_AsksAtClose, given), {})
        return self._factories[given]


class _AsksAtClose:
    """Mixed into the connection class that the caller wanted."""

    known: Optional[_Known] = None

    def close(self) -> None:
        if self.known is not None and self.known.at_close is None:
            try:
                self.known.at_close = ask(self)
            except sqlite3.Error:
                pass  # closed before, or a damaged file: the caller's close() below says so, if anything is to be said
        super().close()  # type: ignore[misc]


def ask(connection: Any) -> Setting:
    cursor = connection.cursor()
    cursor.row_factory = None  # whatever the program uses, here a tuple is wanted
    synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    journal_mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
    cursor.close()
    return Setting(int(synchronous), str(journal_mode).lower())
