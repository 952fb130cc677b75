"""Records everything a program does to some folders, SQLite's writes and Python's, while a `with` block runs.

Run the program in this process, inside `with record({"pc": home}) as session:`; it must open its databases in there.
Note with session.recording.mark("answered yes") what it promised, ask session.connection_problems() before the end and
disk.unrecorded() after it, then rebuild disks with disk.disk_after_cut().
"""

import os
from contextlib import contextmanager
from typing import Dict, Iterator, List

from rehearsal.powercut.connections import KnownConnections
from rehearsal.powercut.python_files import PythonFiles
from rehearsal.powercut.recording import Recording
from rehearsal.powercut.sqlite_vfs import SqliteShim, shim


class Session:
    """A recording under way, or one that has ended."""

    def __init__(self, recording: Recording, connections: KnownConnections, sqlite: SqliteShim) -> None:
        self.recording = recording
        self._connections = connections
        self._sqlite = sqlite

    def connection_problems(self) -> List[str]:
        """Connections on the recorded disks that are not synchronous=FULL with a WAL, and databases opened unseen."""
        known = {os.path.normcase(os.path.realpath(path)) for path in self._connections.databases()}
        unseen = [path for path in self._sqlite.main_files if os.path.normcase(os.path.realpath(path)) not in known]
        mine = self._connections.problems(lambda database: self.recording.place(database) is not None)
        return mine + [f"{path}: opened past sqlite3.connect" for path in unseen]


@contextmanager
def record(disks: Dict[str, "os.PathLike[str]"]) -> Iterator[Session]:
    """Record the folders `disks` (name -> existing folder). One at a time in a process.

    ShimUnavailable if this Python's SQLite cannot be reached. Databases that were open before are not recorded.
    """
    sqlite = shim()
    recording = Recording(disks)
    files = PythonFiles(recording)
    connections = KnownConnections()
    sqlite.start(recording)
    files.start()
    connections.start()
    try:
        yield Session(recording, connections, sqlite)
    finally:
        connections.stop()
        files.stop()
        sqlite.stop()
