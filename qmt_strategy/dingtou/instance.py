"""Which run of a script is the newest: the others do nothing.

QMT re-runs every script from init on a change of trading day and on a quote reconnect, and its run_time timers cannot
be cancelled, so an old timer may go on calling an old copy. Scripts are rebuilt then, imported modules are not
(qmt-facts 1.7): the counter therefore lives here.
"""

import uuid
from typing import Dict

_newest: Dict[str, int] = {}


class Instance:
    """One init of the script called `strategy`; making it takes over from every earlier one in this process."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        self.id = uuid.uuid4().hex[:12]
        self.number = _newest.get(strategy, 0) + 1
        _newest[strategy] = self.number

    def is_newest(self) -> bool:
        return _newest.get(self.strategy) == self.number
