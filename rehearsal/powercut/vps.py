"""The VPS in one process: the real receiver without its sockets and threads."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Callable

from receiver import receiver as program
from rehearsal.powercut.pc import MACHINE, OLD_TOKEN, TOKEN
from rehearsal.powercut.promises import Stored, stored_of

_INI = f"""
[receiver]
database = receiver.db
password = replay-password
secret = replay-secret-of-the-cookie
[calendar]
every_day = yes
[machine:{MACHINE}]
token = {TOKEN}
old_token = {OLD_TOKEN}
[channel:wecom]
type = wecom
url = http://127.0.0.1:9/never-called
key = replay
"""


def prepare(folder: Path) -> None:
    """The folder as `receiver.py init` leaves it. One channel, so that alerts get their rows; nothing sends them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "receiver.ini").write_text(_INI, encoding="utf-8")


class Vps:
    """One run of the receiver, from start to close()."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._receiver = program.Receiver(program.load_config(folder / "receiver.ini"), now)
        self.app = program.Doors(self._receiver).app

    def check(self) -> None:
        """One round of the checker."""
        self._receiver.check_once()

    def close(self) -> None:
        self._receiver.store.close()


def stored(folder: Path) -> Stored:
    """What its database holds."""
    with closing(sqlite3.connect(str(folder / "receiver.db"))) as db:
        return stored_of([(row[0], json.loads(row[1])) for row in db.execute("SELECT id, data FROM event")])
