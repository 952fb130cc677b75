"""Two copies of the strategy: the newest init wins, by a counter in the imported module and one in state/copies.json.

QMT re-runs every script from init on a change of day and on a quote reconnect, so a second init is normal; a copy that
is still called after a newer one began is not: the script is mounted twice (qmt-facts 1.9, 2). The module's counter
tells copies of one client apart, the file's those of two clients.
"""

import json
import os
from typing import Tuple

from . import disk, notices
from .instance import Instance

FILE = "copies.json"


class Copies:
    """One init of the strategy `name`; making it takes over in this process, `claim` takes over in `home`."""

    def __init__(self, home: str, name: str) -> None:
        self.instance = Instance(name)
        self._path = os.path.join(home, "state", FILE)
        self._claimed = False
        self.lost = False  # the file was gone or garbled when it was looked at

    def claim(self) -> None:
        """Write ourselves as the newest. Raises OSError: then we are not the newest."""
        self._claimed = False
        disk.make_folder(os.path.dirname(self._path))
        counter, holder = self._read()
        self.lost = self.lost or not holder
        body = {"counter": max(counter + 1, self.instance.number), "instance": self.instance.id}
        disk.replace(self._path, json.dumps(body).encode("ascii"))
        self._claimed = True

    def newest_here(self) -> bool:
        """In this process."""
        return self.instance.is_newest()

    def newest(self) -> bool:
        """In this process and in this home. A lost or garbled file is claimed again. Raises OSError."""
        if not self.instance.is_newest() or not self._claimed:
            return False
        _, holder = self._read()
        if not holder:
            self.claim()
            return True
        return holder == self.instance.id

    def check(self, teller: notices.Teller) -> bool:
        """`newest`, claiming first where that is still to be done; what stands against it is told once a day."""
        try:
            if not self._claimed:
                self.claim()
            found = self.newest()
        except OSError as error:
            teller.refused("copies", "运行记录读写不了（%s），不下单" % disk.why(error), error)
            return False
        if not found:
            tell(teller)
        return found

    def _read(self) -> Tuple[int, str]:
        """(counter, instance) of the file; (0, '') where it is missing or garbled."""
        try:
            value = json.loads(disk.read(self._path, 4096).decode("ascii"))
            return int(value["counter"]), str(value["instance"])
        except FileNotFoundError:
            return 0, ""
        except (ValueError, KeyError, TypeError):
            return 0, ""


def tell(teller: notices.Teller) -> None:
    """A second copy is mounted."""
    words = "策略挂了两份：旧的一份已停止工作，新的一份继续交易。找不到旧的，就在 QMT 里“恢复默认布局”"
    teller.once("copy", notices.SECOND_COPY, words)
